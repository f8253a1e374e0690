// Lowering of constants and of operators that move data about.

import { sizeOf } from '../core/tensor.ts';
import type { Node, OpOf } from '../graph/node.ts';
import type { Forms, Lowering } from './layout.ts';

export function lowerFill(ctx: Lowering, { value, shape }: OpOf<'fill'>): Forms {
  const scalar = ctx.model.scalar(value);
  if (shape.length === 0) return { plain: scalar };
  if (sizeOf(shape) <= 64)
    return { plain: ctx.model.floats(new Float32Array(sizeOf(shape)).fill(value), shape) };
  return { plain: ctx.emit('Expand', [scalar, ctx.model.ints(shape)]) };
}

export function lowerReshape(ctx: Lowering, { shape }: OpOf<'reshape'>, node: Node): Forms {
  return { plain: ctx.reshape(ctx.plain(node.inputs[0]), shape) };
}

/** Images are cut along any axis in the blocked layout too, channels in whole blocks. */
export function lowerSlice(ctx: Lowering, { starts, sizes }: OpOf<'slice'>, node: Node): Forms {
  const [x] = node.inputs;
  const cuts = x.shape.flatMap((dim, axis) =>
    dim === sizes[axis] ? [] : [{ axis, start: starts[axis], size: sizes[axis] }],
  );
  const onlyImages = cuts.every((cut) => cut.axis === 0);
  if (onlyImages && ctx.isOnlyBlocked(x)) return { blocked: ctx.slice(ctx.blocked(x), cuts) };
  return { plain: ctx.slice(ctx.plain(x), cuts) };
}

export function lowerPad(ctx: Lowering, { before, after }: OpOf<'pad'>, node: Node): Forms {
  return { plain: ctx.emit('Pad', [ctx.plain(node.inputs[0]), ctx.model.ints([...before, ...after])]) };
}

export function lowerConcat(ctx: Lowering, { axis }: OpOf<'concat'>, node: Node): Forms {
  const onlyImages = axis === 0 && node.inputs.every((x) => ctx.isOnlyBlocked(x));
  if (onlyImages)
    return {
      blocked: ctx.emit(
        'Concat',
        node.inputs.map((x) => ctx.blocked(x)),
        { axis },
      ),
    };
  return {
    plain: ctx.emit(
      'Concat',
      node.inputs.map((x) => ctx.plain(x)),
      { axis },
    ),
  };
}
