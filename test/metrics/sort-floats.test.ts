// The sort by bits against the built-in one.

import { expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { sortFloats } from '../../src/metrics/sort-floats.ts';

it('sorts as the built-in sort does, whatever sign and size the numbers have', () => {
  const random = new Random(5, 'sort');
  const values = new Float32Array(10_000).map(() => random.normal() * 10 ** (random.integer(60) - 30));
  values.set([0, -0, Infinity, -Infinity, 1e-45, -1e-45, 3.4e38, -3.4e38, 1, 1, -1, -1], 100);
  const sorted = values.slice();
  sortFloats(sorted, new Uint32Array(values.length));
  expect(sorted).toEqual(values.slice().sort());
});

it('sorts a part of an array, and leaves the rest', () => {
  const values = Float32Array.of(9, 3, -2, 1, 9);
  sortFloats(values.subarray(1, 4), new Uint32Array(3));
  expect([...values]).toEqual([9, -2, 1, 3, 9]);
});
