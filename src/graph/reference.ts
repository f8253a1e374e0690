// Reference evaluation in float64: plain loops that are the definition of every operator.

import { type Shape, sameShape, sizeOf, stridesOf } from '../core/tensor.ts';
import { type Graph, type Kind, type Node, type OpOf, topologicalOrder } from './node.ts';
import {
  convInputGradReference,
  convReference,
  convWeightGradReference,
  upfirdnReference,
} from './reference-conv.ts';
import { sampleReference, splatReference } from './reference-sample.ts';

/** Row-major values of each input, under its name. */
export type Feeds = Readonly<Record<string, ArrayLike<number>>>;

type Rule<K extends Kind> = (
  op: OpOf<K>,
  inputs: readonly Float64Array[],
  shapes: readonly Shape[],
  shape: Shape,
  feeds: Feeds,
) => Float64Array;

function feed({ name, shape }: OpOf<'input'>, feeds: Feeds): Float64Array {
  const data = feeds[name];
  if (data === undefined) throw new RangeError(`input ${name}: got no values, expected [${shape}]`);
  if (data.length !== sizeOf(shape))
    throw new RangeError(
      `input ${name}: got ${data.length} values, expected ${sizeOf(shape)} for [${shape}]`,
    );
  return Float64Array.from(data);
}

const unary =
  <K extends Kind>(f: (x: number, op: OpOf<K>) => number): Rule<K> =>
  (op, [x]) =>
    x.map((value) => f(value, op));

/** Position in a strided array of each element of `shape`, in row-major order. */
function viewIndices(shape: Shape, strides: readonly number[], offset = 0): Int32Array {
  let indices = Int32Array.of(offset);
  shape.forEach((dim, axis) => {
    const grown = new Int32Array(indices.length * dim);
    for (let i = 0; i < indices.length; i++)
      for (let j = 0; j < dim; j++) grown[i * dim + j] = indices[i] + j * strides[axis];
    indices = grown;
  });
  return indices;
}

/** out[i] = x[indices[i]] */
function gather(x: Float64Array, indices: Int32Array): Float64Array {
  const out = new Float64Array(indices.length);
  for (let i = 0; i < out.length; i++) out[i] = x[indices[i]];
  return out;
}

/** out[indices[i]] += x[i], the adjoint of {@link gather} */
function scatterAdd(out: Float64Array, x: Float64Array, indices: Int32Array): Float64Array {
  for (let i = 0; i < x.length; i++) out[indices[i]] += x[i];
  return out;
}

/** Strides that read an array of shape `from` as if it had the shape `to`, as in NumPy's broadcasting. */
function broadcastStrides(from: Shape, to: Shape): number[] {
  const strides = stridesOf(from);
  const lead = to.length - from.length;
  return to.map((_, axis) => (axis < lead || from[axis - lead] === 1 ? 0 : strides[axis - lead]));
}

const expand = (x: Float64Array, from: Shape, to: Shape): Float64Array =>
  sameShape(from, to) ? x : gather(x, viewIndices(to, broadcastStrides(from, to)));

const binary =
  <K extends Kind>(f: (a: number, b: number) => number): Rule<K> =>
  (_op, [a, b], [aShape, bShape], shape) => {
    const other = expand(b, bShape, shape);
    return expand(a, aShape, shape).map((value, i) => f(value, other[i]));
  };

const sigmoid = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));

function matmul(
  { transA, transB }: OpOf<'matmul'>,
  [a, b]: readonly Float64Array[],
  [aShape]: readonly Shape[],
  shape: Shape,
): Float64Array {
  const [m, n] = shape.slice(-2);
  const k = transA ? aShape.at(-2)! : aShape.at(-1)!;
  const [aRow, aColumn] = transA ? [1, m] : [k, 1];
  const [bRow, bColumn] = transB ? [1, k] : [n, 1];
  const out = new Float64Array(sizeOf(shape));
  for (let i = 0; i < out.length; i++) {
    const batch = Math.floor(i / (m * n));
    const aStart = batch * m * k + (Math.floor(i / n) % m) * aRow;
    const bStart = batch * k * n + (i % n) * bColumn;
    for (let j = 0; j < k; j++) out[i] += a[aStart + j * aColumn] * b[bStart + j * bRow];
  }
  return out;
}

function concat(
  { axis }: OpOf<'concat'>,
  inputs: readonly Float64Array[],
  shapes: readonly Shape[],
  shape: Shape,
): Float64Array {
  const strides = stridesOf(shape);
  const out = new Float64Array(sizeOf(shape));
  let start = 0;
  inputs.forEach((x, i) => {
    scatterAdd(out, x, viewIndices(shapes[i], strides, start * strides[axis]));
    start += shapes[i][axis];
  });
  return out;
}

/** The table: one rule for each operator; a missing one does not compile. */
export const referenceRules: { readonly [K in Kind]: Rule<K> } = {
  input: (op, _inputs, _shapes, _shape, feeds) => feed(op, feeds),
  constant: (op) => Float64Array.from(op.data),
  fill: (op, _inputs, _shapes, shape) => new Float64Array(sizeOf(shape)).fill(op.value),
  exp: unary(Math.exp),
  log: unary(Math.log),
  sin: unary(Math.sin),
  cos: unary(Math.cos),
  tanh: unary(Math.tanh),
  sigmoid: unary(sigmoid),
  softplus: unary((x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  abs: unary(Math.abs),
  sign: unary(Math.sign),
  pow: unary((x, { exponent }) => x ** exponent),
  leakyRelu: unary((x, { slope }) => (x > 0 ? x : x * slope)),
  leakyMask: unary((x, { slope, height }) => height * (x > 0 ? 1 : slope)),
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: binary((a, b) => a * b),
  div: binary((a, b) => a / b),
  matmul,
  conv: convReference,
  convInputGrad: convInputGradReference,
  convWeightGrad: convWeightGradReference,
  upfirdn: upfirdnReference,
  sample: sampleReference,
  splat: splatReference,
  sum: (_op, [x], [from], shape) =>
    scatterAdd(new Float64Array(sizeOf(shape)), x, viewIndices(from, broadcastStrides(shape, from))),
  broadcast: (_op, [x], [from], shape) => expand(x, from, shape),
  reshape: (_op, [x]) => x,
  transpose: ({ perm }, [x], [from], shape) => {
    const strides = stridesOf(from);
    return gather(
      x,
      viewIndices(
        shape,
        perm.map((axis) => strides[axis]),
      ),
    );
  },
  slice: ({ starts }, [x], [from], shape) => {
    const strides = stridesOf(from);
    return gather(x, viewIndices(shape, strides, offsetOf(starts, strides)));
  },
  pad: ({ before }, [x], [from], shape) => {
    const strides = stridesOf(shape);
    const indices = viewIndices(from, strides, offsetOf(before, strides));
    return scatterAdd(new Float64Array(sizeOf(shape)), x, indices);
  },
  concat,
};

const offsetOf = (position: readonly number[], strides: readonly number[]): number =>
  position.reduce((offset, start, axis) => offset + start * strides[axis], 0);

/**
 * Values of `nodes` in float64, row-major, each node computed once. Throws RangeError when a feed is missing or
 * does not fit. Slow and exact: meant for tests and for folding constants, not for training.
 */
export function evaluate(nodes: readonly Node[], feeds: Feeds = {}): Float64Array[] {
  const values = new Map<Node, Float64Array>();
  for (const node of topologicalOrder(nodes)) {
    const rule = referenceRules[node.op.kind] as Rule<Kind>;
    const inputs = node.inputs.map((source) => values.get(source)!);
    const shapes = node.inputs.map((source) => source.shape);
    values.set(node, rule(node.op, inputs, shapes, node.shape, feeds));
  }
  return nodes.map((node) => values.get(node)!);
}

/** Values of one node that depends on no input, as when constants are folded. */
export function evaluateNode(node: Node): Float64Array {
  return evaluate([node])[0];
}

/** {@link evaluate} for the outputs of a graph, under their names. */
export function evaluateGraph(graph: Graph, feeds: Feeds = {}): Record<string, Float64Array> {
  const names = Object.keys(graph.outputs);
  const values = evaluate(Object.values(graph.outputs), feeds);
  return Object.fromEntries(names.map((name, i) => [name, values[i]]));
}
