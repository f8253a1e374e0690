// The operator case table: rows of interesting shapes and parameters for every operator, run through the reference
// evaluator, finite differences and every execution provider.

import {
  abs,
  add,
  apply,
  broadcast,
  concat,
  constant,
  cos,
  div,
  exp,
  fill,
  leakyMask,
  leakyRelu,
  log,
  matmul,
  mul,
  pad,
  pow,
  reshape,
  sigmoid,
  sign,
  sin,
  slice,
  sliceAxis,
  softplus,
  sub,
  sum,
  tanh,
  transpose,
} from '../../src/graph/build.ts';
import type { Kind, Node } from '../../src/graph/node.ts';
import { type CaseInput, nonzero, normal, type OperatorCase, positive, vector } from './case.ts';
import { convCases, convInputGradCases, convWeightGradCases, upfirdnCases } from './conv-cases.ts';
import { sampleCases, splatCases } from './sample-cases.ts';

type Rows = readonly [OperatorCase, ...OperatorCase[]];
type Make = (...shape: number[]) => CaseInput;

/** An elementwise operator on the shapes that networks use, a scalar among them. */
function unary(f: (x: Node) => Node, make: Make): Rows {
  const row = (...shape: number[]): OperatorCase => ({
    name: `[${shape}]`,
    inputs: [make(...shape)],
    build: f,
  });
  return [row(2, 3, 4, 5), row(2, 16, 4, 4), row(16, 7), row(9), row()];
}

/** Far from zero, where a careless formula overflows. */
const extreme = (f: (x: Node) => Node): OperatorCase => ({
  name: 'large magnitudes',
  inputs: [vector(-1000, -100, -30, -5, -1, 0, 1, 5, 30, 100, 1000)],
  build: f,
});

const zeros = (f: (x: Node) => Node): OperatorCase => ({
  name: 'at exactly 0',
  inputs: [vector(-2, 0, 3, 0, -0, 1, -1)],
  build: f,
  kink: true,
});

const shapePairs: readonly (readonly [readonly number[], readonly number[]])[] = [
  [
    [2, 3, 4, 5],
    [2, 3, 4, 5],
  ],
  [
    [2, 3, 4, 5],
    [2, 3, 1, 1],
  ],
  [
    [2, 3, 4, 5],
    [1, 3, 1, 1],
  ],
  [
    [2, 3, 4, 5],
    [1, 1, 4, 5],
  ],
  [
    [2, 3, 4, 5],
    [2, 1, 4, 5],
  ],
  [[2, 3, 4, 5], []],
  [
    [16, 16, 4, 4],
    [16, 16, 1, 1],
  ],
  [
    [2, 1, 4, 1],
    [1, 3, 1, 5],
  ],
  [[4, 5], [5]],
  [[7], [1]],
  [[], []],
];

/** Each pair of shapes both ways round. */
function binary(f: (a: Node, b: Node) => Node, second: Make = normal): Rows {
  const row = (a: readonly number[], b: readonly number[]): OperatorCase => ({
    name: `[${a}] and [${b}]`,
    inputs: [normal(...a), second(...b)],
    build: f,
  });
  const swapped = shapePairs.filter(([a, b]) => String(a) !== String(b)).map(([a, b]) => row(b, a));
  const squared: OperatorCase = { name: 'x with itself', inputs: [nonzero(3, 4)], build: (x) => f(x, x) };
  return [squared, ...shapePairs.map(([a, b]) => row(a, b)), ...swapped];
}

function power(exponent: number, make: Make): OperatorCase {
  const inputs = [make(2, 3, 4, 4)];
  return { name: `exponent ${exponent}, ${inputs[0].values} x`, inputs, build: (x) => pow(x, exponent) };
}

function product(batch: number[], m: number, k: number, n: number): OperatorCase[] {
  return [false, true].flatMap((transA) =>
    [false, true].map((transB) => ({
      name: `[${batch}] ${m}x${k}x${n} ${transA ? 'aᵀ' : 'a'} ${transB ? 'bᵀ' : 'b'}`,
      inputs: [
        normal(...batch, ...(transA ? [k, m] : [m, k])),
        normal(...batch, ...(transB ? [n, k] : [k, n])),
      ],
      build: (a: Node, b: Node) => matmul(a, b, { transA, transB }),
    })),
  );
}

const one = (name: string, shape: number[], build: (x: Node) => Node): OperatorCase => ({
  name: `[${shape}] ${name}`,
  inputs: [normal(...shape)],
  build,
});

const sumOver = (shape: number[], axes: number[]): OperatorCase =>
  one(`over [${axes}]`, shape, (x) => sum(x, axes));

const grown = (from: number[], to: number[]): OperatorCase =>
  one(`to [${to}]`, from, (x) => broadcast(x, to));

const viewed = (from: number[], to: number[]): OperatorCase => one(`to [${to}]`, from, (x) => reshape(x, to));

const permuted = (shape: number[], perm: number[]): OperatorCase =>
  one(`by [${perm}]`, shape, (x) => transpose(x, perm));

const cut = (shape: number[], starts: number[], sizes: number[]): OperatorCase =>
  one(`[${sizes}] from [${starts}]`, shape, (x) => slice(x, starts, sizes));

const padded = (shape: number[], before: number[], after: number[]): OperatorCase =>
  one(`[${before}] before, [${after}] after`, shape, (x) => pad(x, before, after));

function joined(axis: number, ...shapes: number[][]): OperatorCase {
  const name = `${shapes.map((shape) => `[${shape}]`).join(' ')} along ${axis}`;
  return { name, inputs: shapes.map((shape) => normal(...shape)), build: (...xs) => concat(xs, axis) };
}

const images = [2, 3, 4, 5];
const bump = Float32Array.from({ length: 120 }, (_, i) => Math.sin(i));

/** The table. An operator without a row does not compile. */
export const operatorCases: { readonly [K in Kind]: Rows } = {
  input: [one('as the output', images, (x) => x), one('as the output', [], (x) => x)],
  constant: [
    one('plus a constant', images, (x) => add(x, constant(bump, images))),
    one('times a constant scalar', [3], (x) => mul(x, constant(Float32Array.of(-0.5), []))),
    { name: 'alone', inputs: [], build: () => constant(bump, images) },
  ],
  fill: [
    one('plus a number', images, (x) => add(x, fill(0.25, images))),
    one('times a scalar', [3], (x) => mul(x, fill(-3))),
    { name: 'alone', inputs: [], build: () => fill(1.5, images) },
  ],
  exp: unary(exp, normal),
  log: unary(log, positive),
  sin: unary(sin, normal),
  cos: unary(cos, normal),
  tanh: [...unary(tanh, normal), extreme(tanh)],
  sigmoid: [...unary(sigmoid, normal), extreme(sigmoid)],
  softplus: [...unary(softplus, normal), extreme(softplus)],
  abs: [...unary(abs, nonzero), zeros(abs)],
  sign: [...unary(sign, nonzero), zeros(sign)],
  pow: [
    ...[-1, -0.5, 0.5, 2, 3, 1, 0, 1.5].map((exponent) => power(exponent, positive)),
    power(2, normal),
    power(3, normal),
    power(-1, nonzero),
    ...[1, 2].map((exponent) => ({
      ...zeros((x) => pow(x, exponent)),
      name: `exponent ${exponent} at exactly 0`,
    })),
  ] as unknown as Rows,
  leakyRelu: [
    ...unary((x) => leakyRelu(x, 0.2), nonzero),
    zeros((x) => leakyRelu(x, 0.2)),
    { ...zeros((x) => leakyRelu(x, 0)), name: 'slope 0 at exactly 0' },
    { name: 'slope 1', inputs: [nonzero(5)], build: (x) => leakyRelu(x, 1) },
    { name: 'all zero', inputs: [vector(0, 0, 0)], build: (x) => leakyRelu(x, 0.2), kink: true },
  ],
  leakyMask: [
    ...unary((x) => leakyMask(x, 0.2), nonzero),
    zeros((x) => leakyMask(x, 0.2)),
    { ...zeros((x) => leakyMask(x, 0)), name: 'slope 0 at exactly 0' },
    { ...zeros((x) => mul(x, leakyMask(x, 0.3))), name: 'times its input at exactly 0' },
  ],
  add: binary(add),
  sub: binary(sub),
  mul: binary(mul),
  div: binary(div, nonzero),
  matmul: [
    ...product([], 5, 7, 3),
    ...product([], 16, 64, 32),
    ...product([], 1, 4, 1),
    ...product([3], 4, 2, 5),
    ...product([1], 3, 4, 2),
    ...product([16], 8, 16, 16),
  ] as unknown as Rows,
  conv: convCases,
  convInputGrad: convInputGradCases,
  convWeightGrad: convWeightGradCases,
  upfirdn: upfirdnCases,
  sample: sampleCases,
  splat: splatCases,
  sum: [
    ...[[0], [1], [2], [3], [2, 3], [1, 2, 3], [0, 2, 3], [0, 1], [0, 3], [0, 1, 2, 3]].map((axes) =>
      sumOver(images, axes),
    ),
    sumOver([2, 16, 4, 4], [2, 3]),
    sumOver([16, 5], [1]),
    sumOver([4, 2, 3, 1, 2], [0]),
    one('of squares', [3, 8], (x) => sum(mul(x, x), [1])),
  ] as unknown as Rows,
  broadcast: [
    grown([2, 3, 1, 1], images),
    grown([1, 3, 1, 1], images),
    grown([1, 1, 4, 5], images),
    grown([1, 1, 1, 1], images),
    grown([2, 1, 4, 5], images),
    grown([1], [6]),
    grown([3, 1], [3, 4]),
  ],
  reshape: [
    viewed(images, [2, 60]),
    viewed([2, 60], images),
    viewed([1, 1], []),
    viewed([], [1, 1, 1]),
    viewed([4, 6, 2, 2], [2, 2, 1, 6, 2, 2]),
  ],
  transpose: [
    permuted([3, 5], [1, 0]),
    permuted(images, [0, 2, 3, 1]),
    permuted(images, [3, 1, 0, 2]),
    permuted(images, [1, 0, 2, 3]),
    permuted([2, 1, 3], [1, 2, 0]),
    permuted([2, 3, 2, 1, 2, 2], [0, 2, 4, 1, 3, 5]),
  ],
  slice: [
    ...images.map((dim, axis) => one(`axis ${axis}`, images, (x) => sliceAxis(x, axis, 1, dim - 1))),
    cut(images, [1, 0, 2, 1], [1, 2, 2, 3]),
    cut(images, [0, 0, 0, 0], images),
    cut([12], [5], [4]),
    cut([2, 32, 4, 4], [0, 16, 0, 0], [2, 16, 4, 4]),
  ] as unknown as Rows,
  pad: [
    ...images.map((_, axis) =>
      padded(
        images,
        images.map((_dim, i) => (i === axis ? 1 : 0)),
        images.map((_dim, i) => (i === axis ? 2 : 0)),
      ),
    ),
    padded(images, [0, 1, 0, 3], [2, 0, 0, 1]),
    padded([5], [3], [0]),
    padded([2, 3], [0, 0], [0, 0]),
  ] as unknown as Rows,
  concat: [
    joined(0, [2, 3, 4, 5], [1, 3, 4, 5]),
    joined(1, [2, 3, 4, 5], [2, 1, 4, 5]),
    joined(2, [2, 3, 4, 5], [2, 3, 1, 5]),
    joined(3, [2, 3, 4, 5], [2, 3, 4, 2]),
    joined(0, [3], [1], [4]),
    joined(1, [2, 16, 4, 4], [2, 16, 4, 4], [2, 1, 4, 4]),
    { name: 'x with itself', inputs: [normal(2, 3)], build: (x) => concat([x, x], 0) },
    { name: 'one input', inputs: [normal(2, 3)], build: (x) => apply({ kind: 'concat', axis: 1 }, [x]) },
  ],
};
