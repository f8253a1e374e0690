// Lowering of sums: row-major directly, and in the blocked layout without reordering the image first.

import type { Node, OpOf } from '../graph/node.ts';
import type { Forms, Lowering } from './layout.ts';

function reduce(ctx: Lowering, value: string, axes: readonly number[], keep = 1): string {
  return ctx.emit('ReduceSum', [value, ctx.model.ints(axes)], { keepdims: keep });
}

export function lowerSum(ctx: Lowering, node: Node, { axes }: OpOf<'sum'>): Forms {
  const [x] = node.inputs;
  if (!ctx.isOnlyBlocked(x)) return { plain: reduce(ctx, ctx.plain(x), axes) };
  return lowerBlockedSum(ctx, node, axes) ?? { plain: reduce(ctx, ctx.plain(x), axes) };
}

function lowerBlockedSum(ctx: Lowering, node: Node, axes: readonly number[]): Forms | null {
  const [x] = node.inputs;
  const [n, c, h, w] = x.shape;
  const { block } = ctx.target;
  const value = ctx.blocked(x);
  const has = (axis: number) => axes.includes(axis);
  if (has(2) !== has(3)) return null;
  if (has(1) && has(2)) {
    const rows = reduce(ctx, ctx.reshape(value, [n, c * h * w]), has(0) ? [0, 1] : [1]);
    return { plain: ctx.reshape(rows, node.shape) };
  }
  if (has(2)) {
    // Over the pixels: what remains, one number a channel, is the same in both layouts.
    let sums = reduce(ctx, ctx.reshape(value, [n, c / block, h * w, block]), [2]);
    if (has(0)) sums = reduce(ctx, sums, [0]);
    return { plain: ctx.reshape(sums, node.shape) };
  }
  if (has(1)) {
    // Over the channels: first over whole blocks, then within the one block that remains.
    const rows = has(0) ? [1, (n * c) / block, h * w * block] : [n, c / block, h * w * block];
    const partial = reduce(ctx, ctx.reshape(value, rows), [1]);
    return {
      plain: ctx.reshape(reduce(ctx, ctx.reshape(partial, [rows[0], h * w, block]), [2]), node.shape),
    };
  }
  return { blocked: reduce(ctx, value, [0]) };
}
