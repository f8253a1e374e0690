// Style mixing: some layers take the styles of another image.

import { OptionError } from '../core/errors.ts';
import { type FloatTensor, floatTensor } from '../core/tensor.ts';

/** Most layers that are exchanged when none are named: the published default, 0-6. */
const MAX_DEFAULT_STYLES = 7;

/**
 * The layers to exchange in a network of `numWs` layers: those asked for, which must exist (OptionError), or the
 * lower half, at most 0-6. The published default is 0-6 always, which in a small network leaves nothing of the row.
 */
export function stylesOf(asked: readonly number[] | undefined, numWs: number): number[] {
  if (!asked) {
    const length = Math.min(MAX_DEFAULT_STYLES, Math.ceil(numWs / 2));
    return Array.from({ length }, (_, layer) => layer);
  }
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
