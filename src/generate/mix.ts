// Style mixing: some layers take the styles of another image.

import { OptionError } from '../core/errors.ts';
import { type FloatTensor, floatTensor } from '../core/tensor.ts';

/** Layers that `mix` exchanges when none are named, as in the published tool. */
const DEFAULT_STYLES = [0, 1, 2, 3, 4, 5, 6];

/**
 * The layers to exchange in a network of `numWs` layers: those asked for, which must exist (OptionError),
 * or 0-6 as far as there are so many.
 */
export function stylesOf(asked: readonly number[] | undefined, numWs: number): number[] {
  if (!asked) return DEFAULT_STYLES.filter((layer) => layer < numWs);
  const outside = asked.find((layer) => layer >= numWs);
  if (outside !== undefined) {
    throw new OptionError(`got --styles ${outside}, expected layers from 0 to ${numWs - 1} for this network`);
  }
  return [...asked];
}

/** `base` with the layers `styles` taken from `other`; both ws [1, numWs, wDim]. */
export function mixStyles(base: FloatTensor, other: FloatTensor, styles: readonly number[]): FloatTensor {
  const wDim = base.shape[2];
  const data = base.data.slice();
  for (const layer of styles) {
    data.set(other.data.subarray(layer * wDim, (layer + 1) * wDim), layer * wDim);
  }
  return floatTensor(data, base.shape);
}
