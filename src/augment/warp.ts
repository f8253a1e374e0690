// Geometric transforms without aliasing: enlarge twofold with a wavelet, sample, reduce (StyleGAN2-ADA, appendix B).
//
// Every step is linear in the image. Enlarging, with the reflection of the borders, and reducing are products with
// matrices that the host prepares, one for each axis; between them each image is sampled at its own affine grid.

import {
  add,
  concat,
  constant,
  matmul,
  mul,
  reshape,
  sample,
  slice,
  sliceAxis,
  transpose,
} from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import type { Affine } from './geometry.ts';
import { reflect } from './reflect.ts';
import { SYM6 } from './wavelets.ts';

/** Pixels at either side that the filter reaches when an image is reduced, and as many when it is enlarged. */
const REACH = SYM6.length / 4;

/** Length of an enlarged row: the image with all reflections that there can be, size - 1 pixels at either side. */
export const canvasLength = (size: number): number => 2 * (3 * size - 2);

/** Samples along one axis: twice the pixels, and what the reducing filter needs beyond. */
const sampleCount = (size: number): number => 2 * size + SYM6.length - 2;

/** Pixels of reflection that a batch needs before and after each axis. */
export interface Margins {
  readonly x: readonly [before: number, after: number];
  readonly y: readonly [before: number, after: number];
}

/** Enough for the corners of all images; at most all pixels but one, which is what reflection can give. */
export function marginsOf(inverses: readonly Affine[], [height, width]: readonly [number, number]): Margins {
  const [cx, cy] = [(width - 1) / 2, (height - 1) / 2];
  const corners = [
    [-cx, -cy],
    [cx, -cy],
    [cx, cy],
    [-cx, cy],
  ];
  const along = (middle: number, length: number, at: (m: Affine, x: number, y: number) => number) => {
    const positions = inverses.flatMap((m) => corners.map(([x, y]) => at(m, x, y)));
    const margin = (furthest: number) =>
      Math.ceil(Math.min(Math.max(furthest + 2 * REACH - middle, 0), length - 1));
    return [margin(-Math.min(...positions)), margin(Math.max(...positions))] as const;
  };
  return {
    x: along(cx, width, ([a, b, c], x, y) => a * x + b * y + c),
    y: along(cy, height, ([, , , d, e, f], x, y) => d * x + e * y + f),
  };
}

/** The matrix [size, canvasLength] that reflects a row by the margins and enlarges it. Zero beyond the margins. */
export function enlargingMatrix(size: number, [before, after]: readonly [number, number]): Float32Array {
  const length = canvasLength(size);
  const out = new Float32Array(size * length);
  const origin = size - 1;
  for (let i = 2 * (origin - before); i < 2 * (origin + size + after); i++) {
    for (let tap = 0; tap < SYM6.length; tap++) {
      const position = i + tap - SYM6.length / 2;
      const pixel = position / 2 - origin;
      if (position % 2 !== 0 || pixel < -before || pixel >= size + after) continue;
      out[reflect(pixel, size) * length + i] += 2 * SYM6[SYM6.length - 1 - tap];
    }
  }
  return out;
}

/** The matrix [samples, size] that filters a row of samples and keeps every second one. */
function reducingMatrix(size: number): Node {
  const out = new Float32Array(sampleCount(size) * size);
  for (let pixel = 0; pixel < size; pixel++) {
    for (let tap = 0; tap < SYM6.length; tap++) out[(2 * pixel + tap) * size + pixel] = SYM6[tap];
  }
  return constant(out, [sampleCount(size), size]);
}

/** Positions [N, 2, w, h] on the canvas at which the images are sampled, column and row changing places. */
function samplePositions(inverse: Node, height: number, width: number): Node {
  const count = inverse.shape[0];
  // In pixels from the middle; the canvas has two for each, and the middle at its own middle.
  const axis = (size: number): Float32Array =>
    Float32Array.from({ length: sampleCount(size) }, (_, i) => (i - size - REACH - 1) / 2);
  const x = constant(axis(width), [1, 1, sampleCount(width), 1]);
  const y = constant(axis(height), [1, 1, 1, sampleCount(height)]);
  const entry = (i: number) => reshape(slice(inverse, [0, i], [count, 1]), [count, 1, 1, 1]);
  const position = (row: number, size: number) => {
    const [a, b, c] = [entry(row), entry(row + 1), entry(row + 2)];
    const pixels = add(add(mul(x, a), mul(y, b)), c);
    return add(mul(pixels, 2), canvasLength(size) / 2 - 1);
  };
  return concat([position(3, height), position(0, width)], 1);
}

/** What a warp reads beside the images: inverse maps [N, 6], and enlarging matrices of the batch for both axes. */
export interface WarpInputs {
  readonly inverse: Node;
  readonly enlargeX: Node;
  readonly enlargeY: Node;
}

/**
 * Elements of the canvases that exist at a time. Small ones stay in the processor's caches, and a large one alone takes
 * as much memory as there should be.
 */
const CANVAS_ELEMENTS = 2 ** 20;

/** x [N, C, H, W] warped by each image's inverse map. Linear in x. */
export function warp(x: Node, inputs: WarpInputs): Node {
  const [n, c, h, w] = x.shape;
  const together = Math.max(1, Math.floor(CANVAS_ELEMENTS / (c * canvasLength(h) * canvasLength(w))));
  const positions = samplePositions(inputs.inverse, h, w);
  const parts: Node[] = [];
  for (let start = 0; start < n; start += together) {
    const count = Math.min(together, n - start);
    parts.push(resample(sliceAxis(x, 0, start, count), sliceAxis(positions, 0, start, count), inputs));
  }
  return parts.length === 1 ? parts[0] : concat(parts, 0);
}

/** Enlarges images, samples them at positions [N, 2, w, h], and reduces what was sampled. */
function resample(x: Node, positions: Node, { enlargeX, enlargeY }: WarpInputs): Node {
  const [n, c, h, w] = x.shape;
  const swap = [0, 2, 1];
  // A product acts on the last axis; between two of them rows and columns change places.
  const along = (image: Node, rows: number, matrix: Node): Node => {
    const [from, to] = matrix.shape;
    return reshape(matmul(reshape(image, [n * c * rows, from]), matrix), [n * c, rows, to]);
  };
  const wide = transpose(along(x, h, enlargeX), swap);
  const canvas = along(wide, wide.shape[1], enlargeY);
  const samples = sample(reshape(canvas, [n, c, canvas.shape[1], canvas.shape[2]]), positions);
  const narrow = transpose(along(samples, samples.shape[2], reducingMatrix(h)), swap);
  return reshape(along(narrow, h, reducingMatrix(w)), [n, c, h, w]);
}
