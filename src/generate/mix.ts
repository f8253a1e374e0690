// Style mixing: some layers take the styles of another image.

import { OptionError } from '../core/errors.ts';
import { type FloatTensor, floatTensor } from '../core/tensor.ts';
import type { NetworkConfig } from '../models/registry.ts';

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

/** Layers of one band of styles, and what to call it. */
export interface StyleBand {
  readonly name: 'coarse' | 'middle' | 'fine';
  readonly styles: readonly number[];
  /** Lowest and highest resolution that the layers work at. */
  readonly resolutions: readonly [lowest: number, highest: number];
}

/**
 * The layers of the paper's mixing figure (StyleGAN, section 3.1, figure 3): coarse styles are those of 4² and 8²,
 * middle ones those of 16² and 32², fine ones the rest; below 64² the layers are shared out in thirds. Every
 * resolution counts equally many layers, which is exact for StyleGAN, and usual for StyleGAN2 too, although there the
 * second layer of a pair is the first convolution of the next resolution. Throws OptionError for fewer than three.
 */
export function styleBands({ model, numWs, imgResolution }: NetworkConfig): StyleBand[] {
  checkStyles(model, numWs, 3);
  const levels = Math.log2(imgResolution) - 1; // 4², 8², …
  const bounds =
    imgResolution >= 64
      ? [0, Math.round((2 * numWs) / levels), Math.round((4 * numWs) / levels), numWs]
      : [0, Math.round(numWs / 3), Math.round((2 * numWs) / 3), numWs];
  const resolutionOf = (layer: number) => 4 * 2 ** Math.floor((layer * levels) / numWs);
  return (['coarse', 'middle', 'fine'] as const).map((name, band) => ({
    name,
    styles: range(bounds[band], bounds[band + 1]),
    resolutions: [resolutionOf(bounds[band]), resolutionOf(bounds[band + 1] - 1)],
  }));
}

/** Throws OptionError for a network with fewer styles than can be mixed. */
export function checkStyles(model: string, numWs: number, least = 2): void {
  if (numWs >= least) return;
  throw new OptionError(
    `got a network of model ${model} with ${numWs === 1 ? 'one vector for the whole image' : `${numWs} styles`}, ` +
      `expected at least ${least} styles to mix, as in stylegan or stylegan2`,
  );
}

const range = (start: number, end: number): number[] =>
  Array.from({ length: end - start }, (_, i) => start + i);

/** `base` with the layers `styles` taken from `other`; both ws [1, numWs, wDim]. */
export function mixStyles(base: FloatTensor, other: FloatTensor, styles: readonly number[]): FloatTensor {
  const wDim = base.shape[2];
  const data = base.data.slice();
  for (const layer of styles) {
    data.set(other.data.subarray(layer * wDim, (layer + 1) * wDim), layer * wDim);
  }
  return floatTensor(data, base.shape);
}
