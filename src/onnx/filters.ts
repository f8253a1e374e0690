// Convolution kernels in the layouts that the blocked kernels of the CPU provider expect.

import type { Lowering } from './layout.ts';
import { NCHWC } from './model.ts';

/** A kernel [O, I, kh, kw] in row-major layout. */
export interface Kernel {
  readonly value: string;
  readonly shape: readonly [number, number, number, number];
}

/**
 * [O, I, kh, kw] → [O/b, I/b, kh·kw, b(I), b(O)], keeping only `taps` (indices into kh·kw, in their order).
 * With fewer input channels than a block: [O/b, I, kh·kw, b(O)].
 */
export function blockedKernel(ctx: Lowering, kernel: Kernel, taps?: readonly number[]): string {
  const { block } = ctx.target;
  const [o, i, kh, kw] = kernel.shape;
  const area = kh * kw;
  const key = `kernel:${kernel.value}:${taps ?? 'all'}`;
  // Blocking the output channels is the image reordering itself, on an "image" of O/b samples of I·kh·kw pixels.
  const outer = ctx.model.once(`kernel:${kernel.value}`, () => {
    const image = ctx.reshape(kernel.value, [o / block, block, i * area, 1]);
    return ctx.emit('ReorderInput', [image], {}, NCHWC);
  });
  return ctx.model.once(`${key}:blocked`, () => {
    const kept = taps?.length ?? area;
    const select = (value: string, axis: number) =>
      taps === undefined ? value : ctx.emit('Gather', [value, ctx.model.ints(taps)], { axis });
    if (i < block) return select(ctx.reshape(outer, [o / block, i, area, block]), 2);
    const split = ctx.reshape(outer, [o / block, i / block, block, area, block]);
    return ctx.reshape(select(ctx.transpose(split, [0, 1, 3, 2, 4]), 2), [
      o / block,
      i / block,
      kept,
      block,
      block,
    ]);
  });
}

/** [O, I, kh, kw] → [I, O, kh, kw]. */
export function swapChannels(ctx: Lowering, { value, shape: [o, i, kh, kw] }: Kernel): Kernel {
  const swapped = ctx.model.once(`swap:${value}`, () => ctx.transpose(value, [1, 0, 2, 3]));
  return { value: swapped, shape: [i, o, kh, kw] };
}
