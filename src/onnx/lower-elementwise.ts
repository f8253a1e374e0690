// Lowering of elementwise operators, in whichever layout their large inputs already are.

import { type Shape, sameShape, sizeOf } from '../core/tensor.ts';
import { MASK_HEIGHT, type Node, type OpOf } from '../graph/node.ts';
import type { Forms, Lowering } from './layout.ts';

type Unary = (ctx: Lowering, x: string) => string;

/** Large enough that x·BIG leaves [-1, 1] for every normal x ≠ 0. */
const BIG = 1e38;

function clip(ctx: Lowering, x: string, low: number, high: number): string {
  return ctx.emit('Clip', [x, ctx.model.scalar(low), ctx.model.scalar(high)]);
}

const named =
  (opType: string): Unary =>
  (ctx, x) =>
    ctx.emit(opType, [x]);

/** sign(x) and the mask of a leaky ReLU as a clipped multiple: Sign and Where cost 2 ns an element, this 0.35. */
export const unaryLowerings = {
  exp: named('Exp'),
  log: named('Log'),
  sin: named('Sin'),
  cos: named('Cos'),
  tanh: named('Tanh'),
  sigmoid: named('Sigmoid'),
  softplus: named('Softplus'),
  abs: named('Abs'),
  sign: ((ctx, x) => clip(ctx, ctx.emit('Mul', [x, ctx.model.scalar(BIG)]), -1, 1)) as Unary,
};

export function leakyRelu(ctx: Lowering, x: string, op: OpOf<'leakyRelu'>): string {
  return ctx.emit('LeakyRelu', [x], { alpha: { float: op.slope } });
}

export function leakyMask(ctx: Lowering, x: string, op: OpOf<'leakyMask'>): string {
  const { slope, height } = op;
  // Clipped at so low a height, x is its own mask: only 0 < x < height comes out in between.
  if (height <= MASK_HEIGHT) return clip(ctx, x, slope * height, height);
  return clip(ctx, ctx.emit('Mul', [x, ctx.model.scalar(BIG)]), slope * height, height);
}

export function power(ctx: Lowering, x: string, { exponent }: OpOf<'pow'>): string {
  if (exponent === 2) return ctx.emit('Mul', [x, x]);
  if (exponent === 0.5) return ctx.emit('Sqrt', [x]);
  if (exponent === -1) return ctx.emit('Reciprocal', [x]);
  if (exponent === -0.5) return ctx.emit('Reciprocal', [ctx.emit('Sqrt', [x])]);
  return ctx.emit('Pow', [x, ctx.model.scalar(exponent)]);
}

/** Applies a one-input function in the layout that the input has. */
export function lowerUnary(ctx: Lowering, node: Node, f: (x: string) => string): Forms {
  const [x] = node.inputs;
  return ctx.isOnlyBlocked(x) ? { blocked: f(ctx.blocked(x)) } : { plain: f(ctx.plain(x)) };
}

const BINARY = { add: 'Add', sub: 'Sub', mul: 'Mul', div: 'Div' } as const;

/** Applies a two-input function; in the blocked layout when a full-sized input is there and the other can follow. */
export function lowerBinary(ctx: Lowering, node: Node): Forms {
  const opType = BINARY[node.op.kind as keyof typeof BINARY];
  const operands = blockedOperands(ctx, node);
  if (operands === null)
    return {
      plain: ctx.emit(
        opType,
        node.inputs.map((x) => ctx.plain(x)),
      ),
    };
  const { shape } = node;
  if (node.inputs.every((x) => sameShape(x.shape, shape) || sizeOf(x.shape) === 1)) {
    return { blocked: ctx.emit(opType, operands) };
  }
  const view = rowsView(ctx, shape);
  const seen = operands.map((value, i) =>
    sameShape(node.inputs[i].shape, shape) ? ctx.reshape(value, view) : value,
  );
  return { blocked: ctx.reshape(ctx.emit(opType, seen), shape) };
}

/** A blocked image with its rows as the last axis: [N, C/b, H, W·b]. */
function rowsView(ctx: Lowering, [n, c, h, w]: Shape): number[] {
  const { block } = ctx.target;
  return [n, c / block, h, w * block];
}

function blockedOperands(ctx: Lowering, node: Node): string[] | null {
  const { shape, inputs } = node;
  if (!ctx.canBlock(shape)) return null;
  const full = inputs.filter((x) => sameShape(x.shape, shape));
  if (!full.some((x) => ctx.isOnlyBlocked(x))) return null;
  if (!inputs.every((x) => sameShape(x.shape, shape) || sizeOf(x.shape) === 1 || isVector(x, shape)))
    return null;
  return inputs.map((x) => {
    if (sameShape(x.shape, shape)) return ctx.blocked(x);
    return sizeOf(x.shape) === 1 ? ctx.reshape(ctx.plain(x), []) : blockedVector(ctx, x, shape);
  });
}

/** [1|N, C, 1, 1] (one number for each channel) or [1|N, 1, H, W] (one for each pixel) beside [N, C, H, W]. */
function isVector(x: Node, shape: Shape): boolean {
  return perChannel(x.shape, shape) || perPixel(x.shape, shape);
}

function perChannel(x: Shape, shape: Shape): boolean {
  const [h, w, c] = [x.at(-1), x.at(-2), x.at(-3)];
  return (x.length === 3 || x.length === 4) && h === 1 && w === 1 && c === shape[1];
}

function perPixel(x: Shape, shape: Shape): boolean {
  return x.length === 4 && x[1] === 1 && x[2] === shape[2] && x[3] === shape[3];
}

/**
 * The small operand in a shape that broadcasts against {@link rowsView}. It is repeated along whole rows first: the
 * engine's broadcasting pays for each contiguous run, and runs of one block are too short.
 */
function blockedVector(ctx: Lowering, x: Node, [, c, h, w]: Shape): string {
  const { block } = ctx.target;
  const n = x.shape.length === 4 ? x.shape[0] : 1;
  const isChannels = perChannel(x.shape, [n, c, h, w]);
  const [from, to, rows] = isChannels
    ? [
        [n, c / block, 1, block],
        [n, c / block, w, block],
        [n, c / block, 1, w * block],
      ]
    : [
        [n, 1, h * w, 1],
        [n, 1, h * w, block],
        [n, 1, h, w * block],
      ];
  const key = `rows:${ctx.plain(x)}:${to}`;
  return ctx.model.once(key, () => {
    const small = ctx.reshape(ctx.plain(x), from);
    return ctx.reshape(ctx.emit('Expand', [small, ctx.model.ints(to)]), rows);
  });
}
