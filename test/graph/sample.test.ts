// Bilinear sampling and its adjoint: values by hand, and the identity that makes each the other's derivative.

import { expect, test } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { constant, input, sample, splat } from '../../src/graph/build.ts';
import { evaluate, evaluateNode } from '../../src/graph/reference.ts';

const image = constant(Float32Array.of(1, 2, 3, 4, 5, 6), [1, 1, 2, 3]);

/** Positions of one row of pixels, from pairs [column, row]. */
const positions = (...pairs: [number, number][]) =>
  constant(Float32Array.from([...pairs.map(([x]) => x), ...pairs.map(([, y]) => y)]), [
    1,
    2,
    1,
    pairs.length,
  ]);

test.each<[string, [number, number], number]>([
  ['on a pixel', [1, 0], 2],
  ['on the last pixel', [2, 1], 6],
  ['between two columns', [0.25, 0], 1.25],
  ['between two rows', [0, 0.25], 1.75],
  ['amid four pixels', [1.5, 0.5], 4],
  ['half a pixel outside', [-0.5, 0], 0.5],
  ['outside a corner', [2.5, 1.5], 1.5],
  ['a whole pixel outside', [3, 1], 0],
  ['far outside', [1e9, -1e9], 0],
])('%s', (_name, at, expected) => {
  expect([...evaluateNode(sample(image, positions(at)))]).toEqual([expected]);
});

test('splat adds up what falls on one pixel, and loses what falls outside', () => {
  const y = constant(Float32Array.of(1, 10, 100, 1000), [1, 1, 1, 4]);
  const at = positions([1, 0], [1.5, 0], [2.5, 1], [7, 0]);
  expect([...evaluateNode(splat(y, at, [2, 3]))]).toEqual([0, 6, 5, 0, 0, 50]);
});

test('⟨sample(x), y⟩ = ⟨x, splat(y)⟩', () => {
  const random = new Random(7, 'adjoint');
  const drawn = (length: number, draw: () => number) => Float32Array.from({ length }, draw);
  const x = constant(
    drawn(2 * 3 * 5 * 4, () => random.normal()),
    [2, 3, 5, 4],
  );
  const y = constant(
    drawn(2 * 3 * 6 * 7, () => random.normal()),
    [2, 3, 6, 7],
  );
  const at = constant(
    drawn(2 * 2 * 6 * 7, () => 7 * random.uniform() - 1.5),
    [2, 2, 6, 7],
  );
  const [sampled, splatted, xs, ys] = evaluate([sample(x, at), splat(y, at, [5, 4]), x, y]);
  const inner = (a: Float64Array, b: Float64Array) => a.reduce((total, v, i) => total + v * b[i], 0);
  expect(Math.abs(inner(sampled, ys))).toBeGreaterThan(1);
  expect(inner(sampled, ys)).toBeCloseTo(inner(xs, splatted), 10);
});

test('positions get no gradient', () => {
  const at = input('at', [1, 2, 1, 3]);
  const [gradient] = gradients(sample(image, at), [at]);
  expect(gradient.op).toEqual({ kind: 'fill', value: 0, shape: at.shape });
});
