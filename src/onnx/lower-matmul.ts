// Lowering of matrix products.

import type { Node, OpOf } from '../graph/node.ts';
import type { Forms, Lowering } from './layout.ts';
import { MICROSOFT } from './model.ts';

export function lowerMatmul(ctx: Lowering, { transA, transB }: OpOf<'matmul'>, node: Node): Forms {
  const [a, b] = node.inputs.map((x) => ctx.plain(x));
  if (!transA && !transB) return { plain: ctx.emit('MatMul', [a, b]) };
  if (ctx.target.provider === 'cpu') {
    const attributes = { transA: transA ? 1 : 0, transB: transB ? 1 : 0 };
    return { plain: ctx.emit('FusedMatMul', [a, b], attributes, MICROSOFT) };
  }
  const swap = node.shape.length === 3 ? [0, 2, 1] : [1, 0];
  return {
    plain: ctx.emit('MatMul', [transA ? ctx.transpose(a, swap) : a, transB ? ctx.transpose(b, swap) : b]),
  };
}
