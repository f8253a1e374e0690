// The CPU provider's blocked convolution with its epilogue.

import type { Padding } from '../graph/node.ts';
import type { Lowering } from './layout.ts';
import { NCHWC } from './model.ts';

/** What a blocked convolution may do to its result on the way out: leakyRelu(y + bias + addend). */
export interface Epilogue {
  /** [O] */
  readonly bias?: string;
  /** Blocked, of the result's shape. May be overwritten. */
  readonly addend?: string;
  readonly slope?: number;
}

export interface BlockedConv {
  readonly kernel: readonly [number, number];
  readonly stride?: number;
  readonly dilation?: number;
  /** [top, left, bottom, right] */
  readonly pad?: Padding;
  /** Channels for a depthwise convolution. */
  readonly group?: number;
}

/** `inputs`: the image and the kernel. */
export function blockedConv(
  ctx: Lowering,
  inputs: readonly string[],
  { kernel, stride = 1, dilation = 1, pad = [0, 0, 0, 0], group = 1 }: BlockedConv,
  { bias, addend, slope }: Epilogue = {},
): string {
  return ctx.emit(
    'Conv',
    [...inputs, ...(bias || addend ? [bias ?? ''] : []), ...(addend ? [addend] : [])],
    {
      kernel_shape: kernel,
      strides: [stride, stride],
      dilations: [dilation, dilation],
      pads: pad,
      group,
      auto_pad: 'NOTSET',
      ...(slope === undefined ? {} : { activation: 'LeakyRelu', activation_params: { floats: [slope] } }),
    },
    NCHWC,
  );
}
