// First and second derivatives of every operator against central finite differences, in float64.

import { describe, expect, test } from 'vitest';
import { Random } from '../../src/core/random.ts';
import type { Node } from '../../src/graph/node.ts';
import { evaluate } from '../../src/graph/reference.ts';
import { verify } from '../../src/graph/verify.ts';
import { differentiate } from './case.ts';
import { operatorCases } from './cases.ts';

const STEP = 1e-5;

const norm = (x: Float64Array): number => Math.sqrt(x.reduce((total, v) => total + v * v, 0));

/**
 * Checks d(scalar)/d(name) along a random direction. A dense direction meets every element of the gradient, at the
 * cost of two evaluations.
 */
function expectDerivative(
  scalar: Node,
  name: string,
  analytic: Float64Array,
  feeds: Readonly<Record<string, Float32Array>>,
): void {
  const random = new Random(3, name);
  const direction = Float64Array.from(analytic, () => random.normal());
  const at = (step: number): number => {
    const moved = Float64Array.from(feeds[name], (x, i) => x + step * direction[i]);
    return evaluate([scalar], { ...feeds, [name]: moved })[0][0];
  };
  const [ahead, behind] = [at(STEP), at(-STEP)];
  const measured = (ahead - behind) / (2 * STEP);
  const expected = analytic.reduce((total, g, i) => total + g * direction[i], 0);
  const tolerance = 1e-6 * norm(analytic) + 1e-9 * (1 + Math.abs(ahead));
  expect(Math.abs(measured - expected), `${name}: ${expected}, measured ${measured}`).toBeLessThan(tolerance);
}

for (const [kind, rows] of Object.entries(operatorCases)) {
  describe(kind, () => {
    test.each(rows.map((row) => [row.name, row] as const))('%s', (_name, row) => {
      const { y, loss, first, slope, second, feeds } = differentiate(row);
      verify({ outputs: { y, loss, slope } });
      const names = Object.keys(first);
      const firstValues = evaluate(Object.values(first), feeds);
      const secondValues = evaluate(Object.values(second), feeds);
      for (const values of [...evaluate([y], feeds), ...firstValues, ...secondValues])
        expect(values.every(Number.isFinite)).toBe(true);
      if (row.kink) return;
      names.forEach((name, i) => {
        expectDerivative(loss, name, firstValues[i], feeds);
      });
      Object.keys(second).forEach((name, i) => {
        expectDerivative(slope, name, secondValues[i], feeds);
      });
    });
  });
}

test('every row has a name of its own within its kind, and covers it', () => {
  for (const [kind, rows] of Object.entries(operatorCases)) {
    expect(new Set(rows.map((row) => row.name)).size, kind).toBe(rows.length);
    const { y } = differentiate(rows[0]);
    const kinds = new Set<string>();
    const visit = (node: Node): void => {
      kinds.add(node.op.kind);
      node.inputs.forEach(visit);
    };
    visit(y);
    expect(kinds, kind).toContain(kind);
  }
});
