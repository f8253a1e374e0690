// The augmentations as graph: linear or affine in the images, with everything random as inputs (see draw.ts).

import type { Shape } from '../core/tensor.ts';
import { add, matmul, mul, reshape, transpose } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { changesColor, movesPixels, type Transform } from './pipeline.ts';
import { canvasLength, warp } from './warp.ts';

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
    ...(has('imgfilter') && { filterX: [n, w, w], filterY: [n, h, h] }),
    ...(has('noise') && { noise: [n, c, h, w] }),
    ...(has('cutout') && { keep: [n, 1, h, w] }),
  };
}

/** x [N, C, H, W], every image transformed in its own way; the same shape. */
export function augment(x: Node, transforms: readonly Transform[], inputs: AugmentationInputs): Node {
  const shapes = augmentationShapes(transforms, x.shape);
  const read = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, inputs(name, shape)]));
  const { inverse, enlargeX, enlargeY, colorMatrix, colorOffset, filterX, filterY, noise, keep } = read;
  let y = x;
  if (inverse) y = warp(y, { inverse, enlargeX, enlargeY });
  if (colorMatrix) y = mixChannels(y, colorMatrix, colorOffset);
  if (filterX) y = filterAxes(y, filterX, filterY);
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

/** Rows and columns times the image's matrices [N, W, W] and [N, H, H]. */
function filterAxes(x: Node, filterX: Node, filterY: Node): Node {
  const [n, c, h, w] = x.shape;
  const rows = matmul(reshape(x, [n, c * h, w]), filterX, { transB: true });
  const columns = transpose(reshape(rows, x.shape), [0, 1, 3, 2]);
  const filtered = matmul(reshape(columns, [n, c * w, h]), filterY, { transB: true });
  return transpose(reshape(filtered, [n, c, w, h]), [0, 1, 3, 2]);
}
