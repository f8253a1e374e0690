// Class labels as networks take them.

import { OptionError } from '../core/errors.ts';

/**
 * Labels c [count, cDim], each the one-hot vector of class `index`; null for a network without labels
 * (cDim 0). Throws OptionError when a class is missing, not asked for, or out of range.
 */
export function labelsOf(index: number | undefined, cDim: number, count: number): Float32Array | null {
  if (cDim === 0) {
    if (index === undefined) return null;
    throw new OptionError(
      `got --class ${index}, but this network was trained without labels; leave --class out`,
    );
  }
  if (index === undefined) {
    throw new OptionError(`this network was trained with labels; choose one with --class 0 to ${cDim - 1}`);
  }
  if (!Number.isInteger(index) || index < 0 || index >= cDim) {
    throw new OptionError(`got --class ${index}, expected a whole number from 0 to ${cDim - 1}`);
  }
  const c = new Float32Array(count * cDim);
  for (let i = 0; i < count; i++) c[i * cDim + index] = 1;
  return c;
}
