// Mixing takes the named layers from the other image and leaves both inputs alone.

import { describe, expect, it } from 'vitest';
import { floatTensor } from '../../src/core/tensor.ts';
import { mixStyles, stylesOf } from '../../src/generate/mix.ts';

describe('mixStyles', () => {
  it('exchanges whole layers', () => {
    const base = floatTensor(Float32Array.of(1, 2, 3, 4, 5, 6), [1, 3, 2]);
    const other = floatTensor(Float32Array.of(-1, -2, -3, -4, -5, -6), [1, 3, 2]);
    expect(mixStyles(base, other, [0, 2])).toEqual(
      floatTensor(Float32Array.of(-1, -2, 3, 4, -5, -6), [1, 3, 2]),
    );
    expect(mixStyles(base, other, [])).toEqual(base);
    expect(base.data[0]).toBe(1);
  });
});

describe('stylesOf', () => {
  it('takes 0-6 or half of a small network, and refuses layers that are not there', () => {
    expect(stylesOf(undefined, 18)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(stylesOf(undefined, 14)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(stylesOf(undefined, 8)).toEqual([0, 1, 2, 3]);
    expect(stylesOf(undefined, 1)).toEqual([0]);
    expect(stylesOf([3, 1], 4)).toEqual([3, 1]);
    expect(() => stylesOf([3, 4], 4)).toThrow('got --styles 4, expected layers from 0 to 3 for this network');
  });
});
