// Gradients of a scalar graph against central finite differences, in float64.

import { expect } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import type { Node } from '../../src/graph/node.ts';
import { evaluate } from '../../src/graph/reference.ts';

/** So small that no activation changes its side, so large that float64 still tells the values apart. */
const STEP = 1e-6;

/**
 * Checks d(scalar)/d(input) for each of the inputs along a random direction of its own, which meets every element at
 * the cost of two evaluations. Returns the gradients' lengths, by which a test can tell that there was something to see.
 */
export function expectGradients(
  scalar: Node,
  inputs: readonly Node[],
  feeds: Readonly<Record<string, Float64Array>>,
): number[] {
  const [value, ...analytic] = evaluate([scalar, ...gradients(scalar, inputs)], feeds);
  expect(value).toHaveLength(1);
  return inputs.map(({ op }, i) => {
    if (op.kind !== 'input') throw new Error(`got ${op.kind}, expected an input`);
    const random = new Random(3, op.name);
    const direction = Float64Array.from(analytic[i], () => random.normal());
    const at = (step: number): number => {
      const moved = feeds[op.name].map((x, k) => x + step * direction[k]);
      return evaluate([scalar], { ...feeds, [op.name]: moved })[0][0];
    };
    const measured = (at(STEP) - at(-STEP)) / (2 * STEP);
    const expected = analytic[i].reduce((total, g, k) => total + g * direction[k], 0);
    const length = Math.hypot(...analytic[i]);
    const tolerance = 1e-6 * length + 1e-8 * (1 + Math.abs(value[0]));
    const title = `${op.name}: ${expected}, measured ${measured}`;
    expect(Math.abs(measured - expected), title).toBeLessThan(tolerance);
    return length;
  });
}
