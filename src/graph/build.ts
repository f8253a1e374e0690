// Constructors: one function for each operator, and the few compositions that every network uses.

import { type Shape, sameShape, sizeOf } from '../core/tensor.ts';
import type { Node, Op, Padding, UpFirDn, Window } from './node.ts';
import { inferShape } from './shapes.ts';

/** Applies an operator; the shape rule checks the inputs. */
export function apply(op: Op, inputs: readonly Node[]): Node {
  return {
    op,
    inputs,
    shape: inferShape(
      op,
      inputs.map((node) => node.shape),
    ),
  };
}

/** A tensor operand: a node, or a number that stands for a scalar. */
export type Operand = Node | number;

const lift = (x: Operand): Node => (typeof x === 'number' ? fill(x) : x);

export const input = (name: string, shape: Shape): Node => apply({ kind: 'input', name, shape }, []);
export const constant = (data: Float32Array, shape: Shape): Node =>
  apply({ kind: 'constant', data, shape }, []);
export const fill = (value: number, shape: Shape = []): Node => apply({ kind: 'fill', value, shape }, []);

export const exp = (x: Node): Node => apply({ kind: 'exp' }, [x]);
export const log = (x: Node): Node => apply({ kind: 'log' }, [x]);
export const sin = (x: Node): Node => apply({ kind: 'sin' }, [x]);
export const cos = (x: Node): Node => apply({ kind: 'cos' }, [x]);
export const tanh = (x: Node): Node => apply({ kind: 'tanh' }, [x]);
export const sigmoid = (x: Node): Node => apply({ kind: 'sigmoid' }, [x]);
export const softplus = (x: Node): Node => apply({ kind: 'softplus' }, [x]);
export const abs = (x: Node): Node => apply({ kind: 'abs' }, [x]);
export const sign = (x: Node): Node => apply({ kind: 'sign' }, [x]);
export const pow = (x: Node, exponent: number): Node => apply({ kind: 'pow', exponent }, [x]);
export const leakyRelu = (x: Node, slope: number): Node => apply({ kind: 'leakyRelu', slope }, [x]);
/** 1 where x > 0, `slope` elsewhere, times `height`. */
export const leakyMask = (x: Node, slope: number, height = 1): Node =>
  apply({ kind: 'leakyMask', slope, height }, [x]);

export const add = (a: Operand, b: Operand): Node => apply({ kind: 'add' }, [lift(a), lift(b)]);
export const sub = (a: Operand, b: Operand): Node => apply({ kind: 'sub' }, [lift(a), lift(b)]);
export const mul = (a: Operand, b: Operand): Node => apply({ kind: 'mul' }, [lift(a), lift(b)]);
export const div = (a: Operand, b: Operand): Node => apply({ kind: 'div' }, [lift(a), lift(b)]);

/** Product of two matrices, or of two batches of matrices of equal length. */
export const matmul = (a: Node, b: Node, { transA = false, transB = false } = {}): Node =>
  apply({ kind: 'matmul', transA, transB }, [a, b]);

const NO_PADDING: Padding = [0, 0, 0, 0];

/** Correlation of x [N,C,H,W] with w [O,C,kh,kw]. */
export const conv = (x: Node, w: Node, { stride = 1, pad = NO_PADDING }: Partial<Window> = {}): Node =>
  apply({ kind: 'conv', stride, pad }, [x, w]);

/** The adjoint of {@link conv} in x: y [N,O,h,w], w [O,C,kh,kw] to [N,C,...size]. A transposed convolution. */
export const convInputGrad = (y: Node, w: Node, window: Window, size: readonly [number, number]): Node =>
  apply({ kind: 'convInputGrad', stride: window.stride, pad: window.pad, size }, [y, w]);

/** The adjoint of {@link conv} in w: x [N,C,H,W], y [N,O,h,w] to [O,C,...kernel]. */
export const convWeightGrad = (x: Node, y: Node, window: Window, kernel: readonly [number, number]): Node =>
  apply({ kind: 'convWeightGrad', stride: window.stride, pad: window.pad, kernel }, [x, y]);

export const upfirdn = (x: Node, op: Omit<UpFirDn, 'kind'>): Node => apply({ kind: 'upfirdn', ...op }, [x]);

/**
 * Reads images x [N,C,H,W] at positions [N,2,h,w], of which [:,0] are columns and [:,1] rows, in pixels, pixel centres
 * at whole numbers: [N,C,h,w]. Bilinear; each of the four taps counts as zero where it lies outside the image.
 * Positions must be finite and may lie anywhere. They are treated as constants: no gradient reaches them.
 */
export const sample = (x: Node, at: Node): Node => apply({ kind: 'sample' }, [x, at]);

/**
 * The adjoint of {@link sample} in its first input: adds each pixel of y [N,C,h,w] to the four pixels around its
 * position, by the same weights, in images [N,C,...size]. What falls outside is lost.
 */
export const splat = (y: Node, at: Node, size: readonly [number, number]): Node =>
  apply({ kind: 'splat', size }, [y, at]);

/** Sum over `axes` (all by default), which stay with size 1. */
export function sum(x: Node, axes: readonly number[] = x.shape.map((_, axis) => axis)): Node {
  return axes.length === 0 ? x : apply({ kind: 'sum', axes }, [x]);
}

/** Mean over `axes` (all by default), which stay with size 1. */
export function mean(x: Node, axes: readonly number[] = x.shape.map((_, axis) => axis)): Node {
  const count = axes.reduce((product, axis) => product * x.shape[axis], 1);
  return mul(sum(x, axes), 1 / count);
}

export const broadcast = (x: Node, shape: Shape): Node =>
  sameShape(x.shape, shape) ? x : apply({ kind: 'broadcast', shape }, [x]);
export const reshape = (x: Node, shape: Shape): Node =>
  sameShape(x.shape, shape) ? x : apply({ kind: 'reshape', shape }, [x]);
export const transpose = (x: Node, perm: readonly number[]): Node => apply({ kind: 'transpose', perm }, [x]);
export const slice = (x: Node, starts: readonly number[], sizes: readonly number[]): Node =>
  apply({ kind: 'slice', starts, sizes }, [x]);
export const pad = (x: Node, before: readonly number[], after: readonly number[]): Node =>
  apply({ kind: 'pad', before, after }, [x]);
export const concat = (inputs: readonly Node[], axis: number): Node =>
  inputs.length === 1 ? inputs[0] : apply({ kind: 'concat', axis }, inputs);

export const neg = (x: Node): Node => mul(x, -1);
export const square = (x: Node): Node => mul(x, x);
export const sqrt = (x: Node): Node => pow(x, 0.5);
export const rsqrt = (x: Node): Node => pow(x, -0.5);

/** One row (or run of rows) of an axis: x[..., start : start + size, ...]. */
export function sliceAxis(x: Node, axis: number, start: number, size: number): Node {
  const starts = x.shape.map((_, i) => (i === axis ? start : 0));
  const sizes = x.shape.map((dim, i) => (i === axis ? size : dim));
  return slice(x, starts, sizes);
}

/** Sums a broadcast result back to `shape`: the adjoint of NumPy's broadcasting. */
export function sumTo(x: Node, shape: Shape): Node {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.shape.length - shape.length;
  const axes = x.shape
    .map((_, axis) => axis)
    .filter((axis) => axis < lead || shape[axis - lead] !== x.shape[axis]);
  return reshape(sum(x, axes), shape);
}

/** One vector [size] of all elements of the nodes, in order: how gradients leave a graph. */
export function flatten(nodes: readonly Node[]): Node {
  return concat(
    nodes.map((node) => reshape(node, [sizeOf(node.shape)])),
    0,
  );
}
