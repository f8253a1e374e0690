// Rows of the operator case table for bilinear sampling and its adjoint.

import { Random } from '../../src/core/random.ts';
import { constant, sample, splat } from '../../src/graph/build.ts';
import type { Node } from '../../src/graph/node.ts';
import { normal, type OperatorCase } from './case.ts';

type Rows = readonly [OperatorCase, ...OperatorCase[]];

interface Positions {
  readonly name: string;
  readonly image: readonly [number, number, number, number]; // N, C, H, W
  readonly size: readonly [number, number]; // h, w
  /** [column, row] for pixel i of image n. */
  readonly at: (n: number, i: number, random: Random) => readonly [number, number];
}

const uniform = (random: Random, low: number, high: number) => low + (high - low) * random.uniform();

/** Whole and half pixels from two outside one corner to two outside the opposite one. */
const lattice = (i: number): readonly [number, number] => [-2 + (i % 15) / 2, -2 + Math.floor(i / 15) / 2];

const positions: readonly Positions[] = [
  {
    name: 'inside',
    image: [2, 3, 5, 7],
    size: [4, 3],
    at: (_n, _i, random) => [uniform(random, 0, 6), uniform(random, 0, 4)],
  },
  {
    name: 'inside and beyond each side',
    image: [2, 16, 5, 4],
    size: [9, 8],
    at: (_n, _i, random) => [uniform(random, -3, 7), uniform(random, -3, 8)],
  },
  {
    name: 'on pixels, on borders and half a pixel off',
    image: [1, 2, 4, 4],
    size: [15, 15],
    at: (_n, i) => lattice(i),
  },
  {
    name: 'far outside',
    image: [1, 1, 3, 4],
    size: [1, 8],
    at: (_n, i) => [[1, 1e4, 1e6, 1e9][i % 4] * (i < 4 ? 1 : -1), i % 3],
  },
  { name: 'all at one point', image: [2, 2, 3, 3], size: [8, 8], at: (n) => [1.25 - n, 0.5] },
  {
    name: 'an image of one pixel',
    image: [1, 3, 1, 1],
    size: [2, 6],
    at: (_n, i) => [(i % 6) / 2 - 1.25, i / 12],
  },
  {
    name: 'an image of one row',
    image: [2, 1, 1, 5],
    size: [3, 3],
    at: (n, i) => [i / 2 + n, (i % 3) / 2 - 0.5],
  },
  {
    name: 'an image of one column',
    image: [1, 1, 5, 1],
    size: [3, 3],
    at: (_n, i) => [(i % 3) / 2 - 0.5, i / 2],
  },
];

function valuesOf({ name, image: [N], size: [h, w], at }: Positions): Float32Array {
  const random = new Random(5, name);
  const values = new Float32Array(N * 2 * h * w);
  for (let n = 0; n < N; n++) {
    for (let i = 0; i < h * w; i++) {
      const [column, row] = at(n, i, random);
      values[2 * n * h * w + i] = column;
      values[(2 * n + 1) * h * w + i] = row;
    }
  }
  return values;
}

/** Each set of positions twice: as a constant, and as an input, which has no gradient. */
function rows(shapeOf: (p: Positions) => number[], build: (x: Node, at: Node, p: Positions) => Node): Rows {
  const all = positions.flatMap((p): OperatorCase[] => {
    const values = valuesOf(p);
    const shape = [p.image[0], 2, ...p.size];
    return [
      {
        name: `${p.name}, constant positions`,
        inputs: [normal(...shapeOf(p))],
        build: (x) => build(x, constant(values, shape), p),
      },
      {
        name: `${p.name}, given positions`,
        inputs: [normal(...shapeOf(p)), { shape, values: [...values] }],
        build: (x, at) => build(x, at, p),
        kink: true,
      },
    ];
  });
  return all as unknown as Rows;
}

export const sampleCases: Rows = rows(({ image }) => [...image], sample);

export const splatCases: Rows = rows(
  ({ image: [n, c], size }) => [n, c, ...size],
  (y, at, { image: [, , h, w] }) => splat(y, at, [h, w]),
);
