// A class becomes a one-hot label, and every mismatch with the network is explained.

import { describe, expect, it } from 'vitest';
import { OptionError } from '../../src/core/errors.ts';
import { labelsOf } from '../../src/generate/labels.ts';

describe('labelsOf', () => {
  it('gives one-hot rows, or null without labels', () => {
    expect(labelsOf(2, 3, 2)).toEqual(Float32Array.of(0, 0, 1, 0, 0, 1));
    expect(labelsOf(undefined, 0, 2)).toBeNull();
  });

  it.each([
    [1, 0, /got --class 1, but this network was trained without labels/],
    [undefined, 10, /trained with labels; choose one with --class 0 to 9/],
    [10, 10, /got --class 10, expected a whole number from 0 to 9/],
    [0.5, 10, /got --class 0.5/],
  ])('refuses class %s of %i', (index, cDim, message) => {
    expect(() => labelsOf(index, cDim, 1)).toThrow(OptionError);
    expect(() => labelsOf(index, cDim, 1)).toThrow(message);
  });
});
