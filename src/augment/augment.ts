// The augmentations as graph: linear or affine in the images, with everything random as inputs (see draw.ts).

import type { Shape } from '../core/tensor.ts';
import { add, matmul, mul, reshape } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { filterBands } from './image-filter.ts';
import { changesColor, movesPixels, type Transform } from './pipeline.ts';
import { canvasLength, warp } from './warp.ts';
import { BANDS } from './wavelets.ts';

/** Gives the graph's input of a name and shape. */
export type AugmentationInputs = (name: string, shape: Shape) => Node;

/** The inputs that `transforms` ask for, for images [N, C, H, W]. */
export function augmentationShapes(
  transforms: readonly Transform[],
  [n, c, h, w]: Shape,
): Record<string, Shape> {
  const has = (name: Transform) => transforms.includes(name);
  return {
    ...(movesPixels(transforms) && {
      inverse: [n, 6],
      enlargeX: [w, canvasLength(w)],
      enlargeY: [h, canvasLength(h)],
    }),
    ...(changesColor(transforms) && { colorMatrix: [n, c, c], colorOffset: [n, c, 1] }),
    ...(has('imgfilter') && { gains: [n, BANDS] }),
    ...(has('noise') && { noise: [n, c, h, w] }),
    ...(has('cutout') && { keep: [n, 1, h, w] }),
  };
}

/** x [N, C, H, W], every image transformed in its own way; the same shape. */
export function augment(x: Node, transforms: readonly Transform[], inputs: AugmentationInputs): Node {
  const shapes = augmentationShapes(transforms, x.shape);
  const read = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, inputs(name, shape)]));
  const { inverse, enlargeX, enlargeY, colorMatrix, colorOffset, gains, noise, keep } = read;
  let y = x;
  if (inverse) y = warp(y, { inverse, enlargeX, enlargeY });
  if (colorMatrix) y = mixChannels(y, colorMatrix, colorOffset);
  if (gains) y = filterBands(y, gains);
  if (noise) y = add(y, noise);
  if (keep) y = mul(y, keep);
  return y;
}

/** Each pixel's channels times the image's matrix [N, C, C], plus the offset [N, C, 1]. */
function mixChannels(x: Node, matrix: Node, offset: Node): Node {
  const [n, c, h, w] = x.shape;
  const pixels = reshape(x, [n, c, h * w]);
  const mixed = c === 1 ? mul(pixels, matrix) : matmul(matrix, pixels);
  return reshape(add(mixed, offset), x.shape);
}
