// The random side of the augmentations: values of the graph's inputs, drawn image by image on the host.

import type { Shape } from '../core/tensor.ts';
import { type ChannelMap, drawChannelMap } from './color.ts';
import type { Draws } from './draws.ts';
import { drawAffine } from './geometry.ts';
import { drawGains } from './image-filter.ts';
import { changesColor, movesPixels, type Transform } from './pipeline.ts';
import { enlargingMatrix, marginsOf } from './warp.ts';

const NOISE_STD = 0.1;
/** Side of the square that is cut out, as a share of the image's. */
const CUTOUT_SIZE = 0.5;

/**
 * Values of the inputs of `augment` for images [N, C, H, W], by name. `p` is the probability of each transform, from
 * 0; above 1 it means 1.
 */
export function drawAugmentation(
  draws: Draws,
  transforms: readonly Transform[],
  p: number,
  shape: Shape,
): Record<string, Float32Array> {
  const has = (name: Transform) => transforms.includes(name);
  return {
    ...(movesPixels(transforms) && drawWarp(draws, transforms, p, shape)),
    ...(changesColor(transforms) && drawColors(draws, transforms, p, shape)),
    ...(has('imgfilter') && {
      gains: Float32Array.from(perImage(shape[0], () => drawGains(draws, p)).flat()),
    }),
    ...(has('noise') && { noise: drawNoise(draws, p, shape) }),
    ...(has('cutout') && { keep: drawCutout(draws, p, shape) }),
  };
}

const perImage = <T>(count: number, draw: () => T): T[] => Array.from({ length: count }, draw);

function drawWarp(draws: Draws, transforms: readonly Transform[], p: number, [n, , h, w]: Shape) {
  const inverses = perImage(n, () => drawAffine(draws, transforms, p, [h, w]));
  const { x, y } = marginsOf(inverses, [h, w]);
  return {
    inverse: Float32Array.from(inverses.flat()),
    enlargeX: enlargingMatrix(w, x),
    enlargeY: enlargingMatrix(h, y),
  };
}

function drawColors(draws: Draws, transforms: readonly Transform[], p: number, [n, c]: Shape) {
  const maps = perImage<ChannelMap>(n, () => drawChannelMap(draws, transforms, p, c));
  return {
    colorMatrix: Float32Array.from(maps.flatMap(({ matrix }) => matrix)),
    colorOffset: Float32Array.from(maps.flatMap(({ offset }) => offset)),
  };
}

/** White noise, of a strength that is drawn for each image. */
function drawNoise(draws: Draws, p: number, [n, c, h, w]: Shape): Float32Array {
  const size = c * h * w;
  const out = new Float32Array(n * size);
  for (let i = 0; i < n; i++) {
    if (!draws.chance(p)) continue;
    const sigma = draws.halfNormal() * NOISE_STD;
    const part = draws.fillNormal(out.subarray(i * size, (i + 1) * size));
    for (let j = 0; j < size; j++) part[j] *= sigma;
  }
  return out;
}

/** 0 in a square about a random pixel, 1 elsewhere: [N, 1, H, W]. */
function drawCutout(draws: Draws, p: number, [n, , h, w]: Shape): Float32Array {
  const out = new Float32Array(n * h * w).fill(1);
  for (let i = 0; i < n; i++) {
    if (!draws.chance(p)) continue;
    const [x, y] = [draws.uniform(), draws.uniform()];
    const isNear = (pixel: number, length: number, center: number) =>
      Math.abs((pixel + 0.5) / length - center) < CUTOUT_SIZE / 2;
    for (let row = 0; row < h; row++) {
      if (!isNear(row, h, y)) continue;
      for (let column = 0; column < w; column++) {
        if (isNear(column, w, x)) out[(i * h + row) * w + column] = 0;
      }
    }
  }
  return out;
}
