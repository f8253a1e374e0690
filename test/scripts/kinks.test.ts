// The search for activations at zero takes them to the other side where the reference is there, and hides nothing else.

import { afterAll, describe, expect, it } from 'vitest';
import { KinkSearch } from '../../scripts/parity/kinks.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { input, leakyRelu, matmul, sum } from '../../src/graph/build.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';

const SLOPE = 0.2;

const engine = await openEngine({ device: 'cpu', threads: 1 });
afterAll(() => engine.close());

/** One layer: x·w has the elements `pre`, and the gradient of Σ lrelu(x·w) in w is 1 or 0.2 for each. */
async function search(...pre: number[]): Promise<KinkSearch> {
  const w = input('w', [1, pre.length]);
  const y = sum(leakyRelu(matmul(input('x', [1, 1]), w), SLOPE));
  const [gradient] = gradients(y, [w]);
  return KinkSearch.open(
    engine,
    { outputs: { y, gradient } },
    { x: Float32Array.of(1), w: Float32Array.from(pre) },
  );
}

const distanceTo =
  (...reference: number[]) =>
  ({ gradient }: Record<string, Float32Array>): number =>
    reference.reduce((worst, value, i) => Math.max(worst, Math.abs(gradient[i] - value)), 0);

describe('an activation at zero', () => {
  it.each([
    [1e-9, SLOPE],
    [-1e-9, 1],
    [0, 1],
  ])('of %d is taken to the side of the reference', async (value, gradient) => {
    const distance = distanceTo(1, SLOPE, gradient);
    const { results, moved } = await (await search(1, -2, value)).best(distance);
    expect(moved).toBe(1);
    expect(distance(results)).toBeLessThan(1e-6);
    expect(results.y[0]).toBeCloseTo(0.6, 6);
  });

  it('stays where it is when the reference agrees', async () => {
    const { results, moved } = await (await search(1, -2, 1e-9)).best(distanceTo(1, SLOPE, 1));
    expect(moved).toBe(0);
    expect(results.gradient[2]).toBe(1);
  });
});

describe('a wrong gradient', () => {
  it('of an ordinary activation stays wrong', async () => {
    const distance = distanceTo(SLOPE, SLOPE, 1);
    const { results } = await (await search(1, -2, 1e-9)).best(distance);
    expect(distance(results)).toBeCloseTo(0.8, 6);
  });

  it('that no side explains stays wrong, of an activation at zero too', async () => {
    const distance = distanceTo(1, SLOPE, 0.5);
    const { results } = await (await search(1, -2, 1e-9)).best(distance);
    expect(distance(results)).toBeCloseTo(0.3, 6);
  });

  it('is not explained by activations that are only small', async () => {
    const distance = distanceTo(1, SLOPE, SLOPE);
    const { moved } = await (await search(1, -2, 1e-4)).best(distance);
    expect(moved).toBe(0);
  });

  it('is not explained by many activations at zero', async () => {
    const zeros = Array.from({ length: 9 }, () => 1e-9);
    const { moved } = await (await search(1, ...zeros)).best(distanceTo(1, ...zeros.map(() => SLOPE)));
    expect(moved).toBe(0);
  });
});
