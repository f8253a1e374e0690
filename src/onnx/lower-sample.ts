// Lowering of bilinear sampling to GridSample, and of its adjoint to one scatter-add.

import type { Node } from '../graph/node.ts';
import type { Forms, Lowering } from './layout.ts';
import { DATA_TYPE } from './model.ts';

/**
 * GridSample reads positions p of an image of W columns as (p - (W-1)/2) / (W/2), the image's edges being -1 and 1.
 * The centre is subtracted first and the quotient is not made a product, so that rounding moves no position by much
 * more than float32 does anyway. (Aligned by the corner pixels' centres, the CPU kernel takes twice as long.)
 */
export function lowerSample(ctx: Lowering, node: Node): Forms {
  const { model } = ctx;
  const [x, at] = node.inputs;
  const [, , H, W] = x.shape;
  const positions = ctx.plain(at);
  const grid = model.once(`grid:${positions}:${H}:${W}`, () => {
    const centre = model.floats(Float32Array.of((W - 1) / 2, (H - 1) / 2), [1, 2, 1, 1]);
    const half = model.floats(Float32Array.of(W / 2, H / 2), [1, 2, 1, 1]);
    return ctx.transpose(ctx.emit('Div', [ctx.emit('Sub', [positions, centre]), half]), [0, 2, 3, 1]);
  });
  // Bilinear, with zeros outside and edges at -1 and 1, by default.
  return { plain: ctx.emit('GridSample', [ctx.plain(x), grid]) };
}

/** Of the two taps along one axis the first one's index, at least -1, and the weights of both, one after the other. */
function tapsAlong(
  ctx: Lowering,
  at: string,
  axis: number,
  size: number,
): { index: string; weights: string } {
  const { model } = ctx;
  const position = ctx.slice(at, [{ axis: 1, start: axis, size: 1 }]); // [N,1,h·w]
  // From one pixel outside on, nothing reaches the image, however far it is.
  const p = ctx.emit('Clip', [position, model.scalar(-1), model.scalar(size)]);
  const first = ctx.emit('Min', [ctx.emit('Floor', [p]), model.scalar(size - 1)]);
  const second = ctx.emit('Sub', [p, first]);
  const weights = ctx.emit('Concat', [ctx.emit('Sub', [model.scalar(1), second]), second], { axis: 1 });
  return { index: ctx.emit('Cast', [first], { to: DATA_TYPE.int32 }), weights }; // [N,1,h·w], [N,2,h·w]
}

/**
 * Scatters into images with a rim of one pixel, which is then cut off: so no tap needs a mask. Indices are integers
 * from the start, since a large image has more pixels than float32 can count.
 */
export function lowerSplat(ctx: Lowering, node: Node): Forms {
  const { model } = ctx;
  const [y, at] = node.inputs;
  const [N, C, H, W] = node.shape;
  const pixels = y.shape[2] * y.shape[3];
  const rim = W + 2;
  const positions = ctx.reshape(ctx.plain(at), [N, 2, pixels]);
  const column = tapsAlong(ctx, positions, 0, W);
  const row = tapsAlong(ctx, positions, 1, H);

  const corner = ctx.emit('Add', [
    ctx.emit('Mul', [row.index, model.indices(Int32Array.of(rim))]),
    column.index,
  ]);
  const offsets = ctx.reshape(
    model.indices(Int32Array.of(rim + 1, rim + 2, 2 * rim + 1, 2 * rim + 2)),
    [4, 1],
  );
  const indices = ctx.reshape(ctx.emit('Add', [corner, offsets]), [N, 1, 4 * pixels]);
  const weights = ctx.emit('Mul', [
    ctx.reshape(row.weights, [N, 2, 1, pixels]),
    ctx.reshape(column.weights, [N, 1, 2, pixels]),
  ]);
  const updates = ctx.emit('Mul', [
    ctx.reshape(ctx.plain(y), [N, C, 1, pixels]),
    ctx.reshape(weights, [N, 1, 4, pixels]),
  ]);

  const images = ctx.emit(
    'ScatterElements',
    [
      ctx.emit('Expand', [model.scalar(0), model.ints([N, C, (H + 2) * rim])]),
      ctx.emit('Expand', [indices, model.ints([N, C, 4 * pixels])]),
      ctx.reshape(updates, [N, C, 4 * pixels]),
    ],
    { axis: 2, reduction: 'add' },
  );
  return {
    plain: ctx.slice(ctx.reshape(images, [N, C, H + 2, rim]), [
      { axis: 2, start: 1, size: H },
      { axis: 3, start: 1, size: W },
    ]),
  };
}
