// Rows of the operator case table for the convolution family and for upfirdn.

import { Random } from '../../src/core/random.ts';
import { constant, conv, convInputGrad, convWeightGrad, upfirdn } from '../../src/graph/build.ts';
import type { Node, Padding } from '../../src/graph/node.ts';
import { convSize } from '../../src/graph/shapes.ts';
import { draw, normal, type OperatorCase } from './case.ts';

interface Geometry {
  readonly image: readonly [number, number, number, number]; // N, C, H, W
  readonly kernel: readonly [number, number, number]; // O, kh, kw
  readonly stride?: number;
  readonly pad?: Padding;
}

// Channel counts that are multiples of 16 can take other paths through a CPU than those that are not.
const geometries: readonly Geometry[] = [
  { image: [2, 3, 8, 8], kernel: [5, 3, 3], pad: [1, 1, 1, 1] },
  { image: [1, 1, 5, 7], kernel: [1, 3, 3] },
  { image: [1, 1, 1, 1], kernel: [1, 1, 1] },
  { image: [2, 3, 5, 7], kernel: [4, 2, 1], pad: [1, 0, 0, 2] },
  { image: [2, 3, 4, 4], kernel: [6, 4, 4] }, // the kernel covers the image
  { image: [1, 2, 4, 3], kernel: [3, 1, 1], pad: [2, 1, 0, 1] }, // more padding than kernel
  { image: [2, 4, 9, 8], kernel: [3, 3, 3], stride: 2, pad: [1, 1, 1, 1] }, // stride does not divide the width
  { image: [1, 3, 8, 8], kernel: [2, 3, 3], stride: 2, pad: [0, 0, 1, 1] },
  { image: [2, 3, 7, 6], kernel: [4, 1, 1], stride: 2 },
  { image: [1, 2, 10, 8], kernel: [3, 2, 2], stride: 3, pad: [0, 1, 2, 0] },
  { image: [2, 3, 6, 6], kernel: [16, 1, 1] },
  { image: [3, 16, 6, 6], kernel: [3, 1, 1] },
  { image: [16, 16, 4, 4], kernel: [32, 3, 3], pad: [1, 1, 1, 1] },
  { image: [16, 32, 4, 4], kernel: [16, 1, 1] },
  { image: [2, 64, 4, 4], kernel: [64, 3, 3], pad: [1, 1, 1, 1] },
  { image: [4, 17, 5, 6], kernel: [16, 3, 3], pad: [1, 1, 1, 1] },
  { image: [2, 16, 5, 6], kernel: [17, 3, 3], pad: [1, 1, 1, 1] },
  { image: [2, 16, 9, 9], kernel: [16, 3, 3], stride: 2 },
  { image: [17, 16, 8, 6], kernel: [16, 1, 1], stride: 2 },
  { image: [2, 16, 8, 7], kernel: [32, 3, 3], stride: 2, pad: [1, 0, 1, 2] },
  { image: [1, 16, 8, 8], kernel: [16, 3, 3], stride: 2 }, // the last row and column are never read
  { image: [1, 16, 7, 8], kernel: [16, 4, 3], stride: 3, pad: [2, 1, 0, 0] },
  { image: [2, 3, 8, 8], kernel: [16, 3, 3], stride: 2, pad: [1, 1, 1, 1] },
  { image: [1, 16, 4, 3], kernel: [16, 1, 1], pad: [2, 1, 0, 1] },
  { image: [2, 16, 5, 4], kernel: [3, 3, 3], pad: [1, 1, 1, 1] },
  { image: [3, 16, 4, 4], kernel: [16, 4, 4] }, // one pixel remains
  { image: [2, 16, 1, 1], kernel: [16, 1, 1] },
  { image: [1, 16, 1, 1], kernel: [16, 3, 3], stride: 2, pad: [1, 1, 1, 1] },
  { image: [2, 48, 3, 1], kernel: [16, 2, 1], pad: [1, 0, 0, 0] },
  { image: [1, 16, 32, 32], kernel: [16, 3, 3], pad: [1, 1, 1, 1] }, // a large map
  { image: [4, 3, 20, 20], kernel: [16, 3, 3], pad: [1, 1, 1, 1] },
];

interface ConvShapes {
  readonly name: string;
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly y: readonly number[];
  readonly window: { readonly stride: number; readonly pad: Padding };
}

function shapesOf({ image, kernel: [O, kh, kw], stride = 1, pad = [0, 0, 0, 0] }: Geometry): ConvShapes {
  const window = { stride, pad };
  const y = [image[0], O, ...convSize(image, [kh, kw], window)];
  const name = `x [${image}] w [${O},${image[1]},${kh},${kw}] stride ${stride} pad [${pad}]`;
  return { name, x: image, w: [O, image[1], kh, kw], y, window };
}

const all = geometries.map(shapesOf);

/** Weights baked in, as for generation: lowerings may lay them out at compile time. */
function frozen(shape: readonly number[]): Node {
  return constant(draw(normal(...shape), new Random(2, `weights ${shape}`)), shape);
}

type Rows = readonly [OperatorCase, ...OperatorCase[]];

/** A kind's rows: every geometry with variable operands, then with constant weights where it takes any. */
const rows = (...lists: OperatorCase[][]): Rows => lists.flat() as unknown as Rows;

export const convCases: Rows = rows(
  all.map(({ name, x, w, window }) => ({
    name,
    inputs: [normal(...x), normal(...w)],
    build: (a, b) => conv(a, b, window),
  })),
  all.map(({ name, x, w, window }) => ({
    name: `constant weights, ${name}`,
    inputs: [normal(...x)],
    build: (a) => conv(a, frozen(w), window),
  })),
);

export const convInputGradCases: Rows = rows(
  all.map(({ name, x, w, y, window }) => ({
    name,
    inputs: [normal(...y), normal(...w)],
    build: (a, b) => convInputGrad(a, b, window, [x[2], x[3]]),
  })),
  all.map(({ name, x, w, y, window }) => ({
    name: `constant weights, ${name}`,
    inputs: [normal(...y)],
    build: (a) => convInputGrad(a, frozen(w), window, [x[2], x[3]]),
  })),
);

export const convWeightGradCases: Rows = rows(
  all.map(({ name, x, w, y, window }) => ({
    name,
    inputs: [normal(...x), normal(...y)],
    build: (a, b) => convWeightGrad(a, b, window, [w[2], w[3]]),
  })),
);

const binomial = Float32Array.from([1, 3, 3, 1].flatMap((a) => [1, 3, 3, 1].map((b) => (a * b) / 64)));
const lopsided = Float32Array.of(0.5, -0.25, 0.125, 1, 0.75, -0.5); // 3x2 or 2x3

interface Filter {
  readonly image: readonly [number, number, number, number];
  readonly taps: Float32Array;
  readonly tapsShape: readonly [number, number];
  readonly up: number;
  readonly down: number;
  readonly pad: Padding;
}

const square = { taps: binomial, tapsShape: [4, 4] } as const;

const filters: readonly Filter[] = [
  { image: [2, 3, 6, 6], ...square, up: 1, down: 1, pad: [2, 2, 1, 1] },
  { image: [2, 3, 5, 6], ...square, up: 2, down: 1, pad: [2, 2, 1, 1] },
  { image: [2, 3, 8, 7], ...square, up: 1, down: 2, pad: [1, 1, 1, 1] },
  { image: [1, 16, 6, 6], ...square, up: 1, down: 1, pad: [1, 1, 1, 1] },
  { image: [16, 16, 4, 4], ...square, up: 2, down: 1, pad: [2, 2, 1, 1] },
  { image: [2, 32, 8, 8], ...square, up: 1, down: 2, pad: [1, 1, 1, 1] },
  { image: [1, 17, 5, 5], ...square, up: 2, down: 1, pad: [3, 3, 2, 2] },
  { image: [1, 1, 5, 4], taps: lopsided, tapsShape: [3, 2], up: 2, down: 2, pad: [1, 0, 2, 3] },
  { image: [2, 3, 7, 6], taps: lopsided, tapsShape: [2, 3], up: 1, down: 2, pad: [0, 1, 1, 0] },
  { image: [2, 3, 7, 6], taps: lopsided, tapsShape: [3, 2], up: 2, down: 1, pad: [-2, -1, -3, 2] }, // crops
  { image: [1, 2, 8, 8], taps: lopsided, tapsShape: [3, 2], up: 1, down: 1, pad: [-1, -2, 0, -1] },
  { image: [1, 2, 9, 8], taps: lopsided, tapsShape: [1, 6], up: 1, down: 2, pad: [0, 3, -1, 2] }, // one axis
  { image: [1, 2, 3, 2], ...square, up: 3, down: 2, pad: [4, 5, 3, 4] },
  { image: [1, 2, 4, 4], taps: Float32Array.of(2), tapsShape: [1, 1], up: 2, down: 1, pad: [0, 0, 0, 0] },
  { image: [1, 16, 4, 4], taps: Float32Array.of(2), tapsShape: [1, 1], up: 2, down: 1, pad: [0, 0, 0, 0] },
  { image: [2, 16, 7, 6], taps: lopsided, tapsShape: [3, 2], up: 2, down: 1, pad: [-2, -1, -3, 2] },
  { image: [2, 16, 7, 6], taps: lopsided, tapsShape: [2, 3], up: 1, down: 2, pad: [-1, 3, 1, -2] },
  { image: [1, 16, 5, 5], taps: lopsided, tapsShape: [3, 2], up: 2, down: 2, pad: [1, 0, 2, 3] },
  { image: [1, 2, 5, 4], taps: Float32Array.of(1), tapsShape: [1, 1], up: 1, down: 2, pad: [0, 0, 0, 0] },
];

export const upfirdnCases: Rows = rows(
  filters.map(({ image, ...op }) => ({
    name: `x [${image}] taps [${op.tapsShape}] up ${op.up} down ${op.down} pad [${op.pad}]`,
    inputs: [normal(...image)],
    build: (x) => upfirdn(x, op),
  })),
);
