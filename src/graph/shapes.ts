// Shape rules: for every operator, the shape of its result, or why its inputs do not fit.

import { type Shape, sameShape, sizeOf } from '../core/tensor.ts';
import type { Kind, Op, OpOf, Padding, Window } from './node.ts';

/** An operator was applied to inputs that it cannot take: a mistake in the code that builds the graph. */
export class ShapeError extends Error {
  override name = 'ShapeError';
}

type Rule<K extends Kind> = (op: OpOf<K>, shapes: readonly Shape[]) => Shape;

function fail(kind: Kind, got: readonly Shape[], expected: string): never {
  throw new ShapeError(`${kind}: got ${got.map((s) => `[${s}]`).join(', ')}, expected ${expected}`);
}

/** NumPy's broadcasting of two shapes, or null where they do not agree. */
export function broadcastShapes(a: Shape, b: Shape): Shape | null {
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const da = a[a.length - i] ?? 1;
    const db = b[b.length - i] ?? 1;
    if (da !== db && da !== 1 && db !== 1) return null;
    out[rank - i] = da === 1 ? db : da;
  }
  return out;
}

const same = <K extends Kind>(_op: OpOf<K>, [x]: readonly Shape[]): Shape => x;

const broadcastRule =
  (kind: Kind) =>
  (_op: Op, [a, b]: readonly Shape[]): Shape =>
    broadcastShapes(a, b) ?? fail(kind, [a, b], 'shapes that broadcast');

function matmulRule(op: OpOf<'matmul'>, [a, b]: readonly Shape[]): Shape {
  if (a.length !== b.length || a.length < 2 || a.length > 3)
    fail('matmul', [a, b], 'two matrices or two batches');
  const [m, ka] = op.transA ? [a.at(-1)!, a.at(-2)!] : [a.at(-2)!, a.at(-1)!];
  const [kb, n] = op.transB ? [b.at(-1)!, b.at(-2)!] : [b.at(-2)!, b.at(-1)!];
  if (ka !== kb || (a.length === 3 && a[0] !== b[0])) fail('matmul', [a, b], 'equal inner sizes and batches');
  return a.length === 3 ? [a[0], m, n] : [m, n];
}

/** Output size along one axis: floor((size + padding - kernel) / stride) + 1. */
function windowCount(size: number, before: number, after: number, kernel: number, stride: number): number {
  return Math.floor((size + before + after - kernel) / stride) + 1;
}

/** Height and width of a convolution's output. */
export function convSize(x: Shape, kernel: readonly number[], { stride, pad }: Window): [number, number] {
  return [
    windowCount(x[2], pad[0], pad[2], kernel[0], stride),
    windowCount(x[3], pad[1], pad[3], kernel[1], stride),
  ];
}

function convRule(op: OpOf<'conv'>, [x, w]: readonly Shape[]): Shape {
  if (x.length !== 4 || w.length !== 4 || x[1] !== w[1])
    fail('conv', [x, w], 'x [N,C,H,W] and w [O,C,kh,kw]');
  const [h, width] = convSize(x, w.slice(2), op);
  if (h < 1 || width < 1) fail('conv', [x, w], 'a kernel that fits the padded image');
  return [x[0], w[0], h, width];
}

function convInputGradRule(op: OpOf<'convInputGrad'>, [y, w]: readonly Shape[]): Shape {
  if (y.length !== 4 || w.length !== 4 || y[1] !== w[0])
    fail('convInputGrad', [y, w], 'y [N,O,h,w], w [O,C,kh,kw]');
  const x = [y[0], w[1], op.size[0], op.size[1]];
  const [h, width] = convSize(x, w.slice(2), op);
  if (h !== y[2] || width !== y[3])
    fail('convInputGrad', [y, w], `y of size ${h}x${width} for image ${op.size}`);
  return x;
}

function convWeightGradRule(op: OpOf<'convWeightGrad'>, [x, y]: readonly Shape[]): Shape {
  if (x.length !== 4 || y.length !== 4 || x[0] !== y[0])
    fail('convWeightGrad', [x, y], 'x [N,C,H,W], y [N,O,h,w]');
  const [h, width] = convSize(x, op.kernel, op);
  if (h !== y[2] || width !== y[3]) fail('convWeightGrad', [x, y], `y of size ${h}x${width}`);
  return [y[1], x[1], op.kernel[0], op.kernel[1]];
}

/** Output size of upfirdn along both axes. */
export function upfirdnSize(
  size: readonly [number, number],
  op: { tapsShape: readonly [number, number]; up: number; down: number; pad: Padding },
): [number, number] {
  const { tapsShape, up, down, pad } = op;
  return [
    windowCount(size[0] * up, pad[0], pad[2], tapsShape[0], down),
    windowCount(size[1] * up, pad[1], pad[3], tapsShape[1], down),
  ];
}

function upfirdnRule(op: OpOf<'upfirdn'>, [x]: readonly Shape[]): Shape {
  if (x.length !== 4 || op.taps.length !== sizeOf(op.tapsShape)) fail('upfirdn', [x], 'x [N,C,H,W]');
  const [h, w] = upfirdnSize([x[2], x[3]], op);
  if (h < 1 || w < 1) fail('upfirdn', [x], 'a filter that fits the padded image');
  return [x[0], x[1], h, w];
}

/** Whether `at` holds one position [column, row] for each pixel of `y` [N,C,h,w]. */
function holdsPositions(at: Shape, y: Shape): boolean {
  return y.length === 4 && sameShape(at, [y[0], 2, y[2], y[3]]);
}

function sampleRule(_op: OpOf<'sample'>, [x, at]: readonly Shape[]): Shape {
  const y = [x[0], x[1], at[2], at[3]];
  if (x.length !== 4 || at.length !== 4 || !holdsPositions(at, y))
    fail('sample', [x, at], 'x [N,C,H,W] and at [N,2,h,w]');
  return y;
}

function splatRule({ size }: OpOf<'splat'>, [y, at]: readonly Shape[]): Shape {
  if (!holdsPositions(at, y)) fail('splat', [y, at], 'y [N,C,h,w] and at [N,2,h,w]');
  return [y[0], y[1], size[0], size[1]];
}

function sumRule(op: OpOf<'sum'>, [x]: readonly Shape[]): Shape {
  const sorted = op.axes.every(
    (axis, i) => axis < x.length && axis >= 0 && (i === 0 || axis > op.axes[i - 1]),
  );
  if (!sorted || op.axes.length === 0)
    fail('sum', [x], `axes in rising order within the rank, not [${op.axes}]`);
  return x.map((dim, axis) => (op.axes.includes(axis) ? 1 : dim));
}

function sliceRule(op: OpOf<'slice'>, [x]: readonly Shape[]): Shape {
  const fits = x.every(
    (dim, i) => op.starts[i] >= 0 && op.sizes[i] >= 1 && op.starts[i] + op.sizes[i] <= dim,
  );
  if (!fits || op.sizes.length !== x.length || op.starts.length !== x.length)
    fail('slice', [x], `room for ${op.sizes} from ${op.starts}`);
  return op.sizes;
}

function concatRule(op: OpOf<'concat'>, shapes: readonly Shape[]): Shape {
  const [first] = shapes;
  const fits = shapes.every(
    (s) => s.length === first.length && s.every((dim, axis) => axis === op.axis || dim === first[axis]),
  );
  if (!fits || !(op.axis in first)) fail('concat', shapes, `equal shapes but for axis ${op.axis}`);
  return first.map((dim, axis) => (axis === op.axis ? shapes.reduce((sum, s) => sum + s[axis], 0) : dim));
}

/** The table: one rule for each operator; a missing one does not compile. */
export const shapeRules: { readonly [K in Kind]: Rule<K> } = {
  input: (op) => op.shape,
  constant: (op) =>
    op.data.length === sizeOf(op.shape)
      ? op.shape
      : fail('constant', [op.shape], `${op.data.length} elements`),
  fill: (op) => op.shape,
  exp: same,
  log: same,
  sin: same,
  cos: same,
  tanh: same,
  sigmoid: same,
  softplus: same,
  abs: same,
  sign: same,
  pow: same,
  leakyRelu: same,
  leakyMask: same,
  add: broadcastRule('add'),
  sub: broadcastRule('sub'),
  mul: broadcastRule('mul'),
  div: broadcastRule('div'),
  matmul: matmulRule,
  conv: convRule,
  convInputGrad: convInputGradRule,
  convWeightGrad: convWeightGradRule,
  upfirdn: upfirdnRule,
  sample: sampleRule,
  splat: splatRule,
  sum: sumRule,
  broadcast: (op, [x]) => {
    const joined = broadcastShapes(x, op.shape);
    const fits =
      joined !== null && x.length === op.shape.length && joined.every((dim, i) => dim === op.shape[i]);
    return fits
      ? op.shape
      : fail('broadcast', [x], `a shape of rank ${op.shape.length} that grows to [${op.shape}]`);
  },
  reshape: (op, [x]) =>
    sizeOf(x) === sizeOf(op.shape)
      ? op.shape
      : fail('reshape', [x], `${sizeOf(op.shape)} elements for [${op.shape}]`),
  transpose: (op, [x]) => {
    const valid =
      op.perm.length === x.length && [...op.perm].sort((a, b) => a - b).every((axis, i) => axis === i);
    return valid ? op.perm.map((axis) => x[axis]) : fail('transpose', [x], `a permutation, not [${op.perm}]`);
  },
  slice: sliceRule,
  pad: (op, [x]) =>
    op.before.length === x.length &&
    op.after.length === x.length &&
    [...op.before, ...op.after].every((n) => n >= 0)
      ? x.map((dim, i) => op.before[i] + dim + op.after[i])
      : fail('pad', [x], `an amount of at least 0 for each axis, not [${op.before}] and [${op.after}]`),
  concat: concatRule,
};

const arity: Partial<Record<Kind, number>> = {
  input: 0,
  constant: 0,
  fill: 0,
  add: 2,
  sub: 2,
  mul: 2,
  div: 2,
  matmul: 2,
  conv: 2,
  convInputGrad: 2,
  convWeightGrad: 2,
  sample: 2,
  splat: 2,
};

/** The shape of `op` applied to inputs of these shapes. Throws {@link ShapeError}. */
export function inferShape(op: Op, shapes: readonly Shape[]): Shape {
  const expected = op.kind === 'concat' ? Math.max(1, shapes.length) : (arity[op.kind] ?? 1);
  if (shapes.length !== expected)
    throw new ShapeError(`${op.kind}: got ${shapes.length} inputs, expected ${expected}`);
  const rule = shapeRules[op.kind] as Rule<Kind>;
  return rule(op, shapes);
}
