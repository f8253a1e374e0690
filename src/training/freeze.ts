// Freeze-D: the layers of the discriminator nearest to the image keep their weights (Mo et al. 2020; StyleGAN2-ADA).

import type { ParameterSpec } from '../nn/parameters.ts';

/**
 * Layers at 4x4, which judge the image as a whole: they are always trained, as published. FromRGB of 4x4 is the one
 * before them.
 */
const LAST = /^(b4|4x4)\./;
const FROM_RGB = /^FromRGB_/;

/**
 * Names of the trainable parameters of D that can be frozen, layer by layer from the image inwards: of StyleGAN2
 * fromrgb, conv0, conv1, skip of the largest block, then of the next, as the published tools count. A layer is a weight
 * with the bias or normalization that follows it. The last layers, those at 4x4 and after, are left out.
 */
export function freezableLayers(discriminator: readonly ParameterSpec[]): string[][] {
  const layers: string[][] = [];
  for (const { name, shape, trainable } of discriminator) {
    if (!trainable) continue;
    if (shape.length > 1) layers.push([name]);
    else layers.at(-1)?.push(name);
  }
  const isLast = (index: number) => LAST.test(layers[index]?.[0] ?? '');
  const end = layers.findIndex(([weight], i) => isLast(i) || (FROM_RGB.test(weight) && isLast(i + 1)));
  return layers.slice(0, end < 0 ? -1 : end);
}

/** Parameters of the first `count` of these layers. */
export function frozenParameters(
  discriminator: readonly ParameterSpec[],
  count: number,
): ReadonlySet<string> {
  return new Set(freezableLayers(discriminator).slice(0, count).flat());
}
