// Lowering of x·s + bias + addend → leaky ReLU, with s one number for each image and channel, as a single pass: a
// depthwise 1×1 convolution whose "channels" are all channels of all images.

import { type Shape, sameShape } from '../core/tensor.ts';
import type { Node } from '../graph/node.ts';
import { blockedConv, type Epilogue } from './blocked-conv.ts';
import type { Forms, Lowering } from './layout.ts';

/** Whether the node is mul(x [N,C,H,W], s [N,C,1,1]) on images that have a blocked form. */
export function scaleTakesEpilogue(ctx: Lowering, { op, inputs, shape }: Node): boolean {
  if (op.kind !== 'mul' || !ctx.canBlock(shape) || !sameShape(inputs[0].shape, shape)) return false;
  const scale: Shape = inputs[1].shape;
  return sameShape(scale, [shape[0], shape[1], 1, 1]);
}

export function lowerScale(ctx: Lowering, node: Node, { bias, addend, slope }: Epilogue): Forms {
  const [n, c, h, w] = node.shape;
  const [x, scale] = node.inputs;
  const all: Shape = [1, n * c, h, w];
  const inputs = [ctx.reshape(ctx.blocked(x), all), ctx.reshape(ctx.plain(scale), [n * c, 1, 1, 1])];
  const epilogue: Epilogue = {
    slope,
    bias: bias && ctx.reshape(ctx.emit('Expand', [bias, ctx.model.ints([n, c])]), [n * c]),
    addend: addend && ctx.reshape(addend, all),
  };
  const y = blockedConv(ctx, inputs, { kernel: [1, 1], group: n * c }, epilogue);
  return { blocked: ctx.reshape(y, node.shape) };
}
