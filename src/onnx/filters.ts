// Convolution kernels in the layouts that the blocked kernels of the CPU provider expect.

import type { Node, OpOf } from '../graph/node.ts';
import type { Lowering } from './layout.ts';
import { NCHWC } from './model.ts';

type KernelShape = readonly [o: number, i: number, kh: number, kw: number];

/** A kernel [O, I, kh, kw], perhaps stored with its channels the other way round. */
export interface Kernel {
  readonly node: Node;
  readonly shape: KernelShape;
  /** `node` holds [I, O, kh, kw]. */
  readonly swapped: boolean;
}

/** The kernel in a node; an exchange of its channels is looked through, since every layout can absorb it. */
export function kernelOf(node: Node): Kernel {
  const shape = node.shape as unknown as KernelShape;
  const isSwap = node.op.kind === 'transpose' && node.op.perm.join() === '1,0,2,3';
  return isSwap ? { node: node.inputs[0], shape, swapped: true } : { node, shape, swapped: false };
}

/** The kernel with input and output channels exchanged. */
export function swapChannels({ node, shape: [o, i, kh, kw], swapped }: Kernel): Kernel {
  return { node, shape: [i, o, kh, kw], swapped: !swapped };
}

/** The kernel as a row-major value [O, I, kh, kw]. */
export function plainKernel(ctx: Lowering, { node, swapped }: Kernel): string {
  if (!swapped) return ctx.plain(node);
  return ctx.model.once(`swap:${ctx.idOf(node)}`, () => ctx.transpose(ctx.plain(node), [1, 0, 2, 3]));
}

/**
 * [O, I, kh, kw] → [O/b, I/b, taps, b(I), b(O)], keeping only `taps` (indices into kh·kw, in their order), as a value
 * of nominal shape [O, I, ...size]. With fewer input channels than a block: [O/b, I, taps, b(O)].
 */
export function blockedKernel(
  ctx: Lowering,
  kernel: Kernel,
  taps: readonly number[] | undefined,
  size: readonly [number, number],
): string {
  const { node, shape, swapped } = kernel;
  const [o, i] = shape;
  const key = `kernel:${ctx.idOf(node)}:${swapped}:${taps ?? 'all'}`;
  return ctx.model.once(key, () => {
    if (node.op.kind === 'constant') {
      return ctx.model.floats(blockedData(node.op, kernel, taps, ctx.target.block), [o, i, ...size]);
    }
    return ctx.reshape(blockedValue(ctx, kernel, taps), [o, i, ...size]);
  });
}

/** Constant kernels are laid out here, once, instead of by the engine in every run. */
function blockedData(
  { data }: OpOf<'constant'>,
  { shape: [o, i, kh, kw], swapped }: Kernel,
  taps: readonly number[] | undefined,
  block: number,
): Float32Array {
  const area = kh * kw;
  const kept = taps ?? Array.from({ length: area }, (_, k) => k);
  const inner = Math.min(i, block);
  const out = new Float32Array(o * i * kept.length);
  const strideO = swapped ? area : i * area;
  const strideI = swapped ? o * area : area;
  let at = 0;
  const column = (from: number) => {
    for (let end = at + block, k = from; at < end; k += strideO) out[at++] = data[k];
  };
  for (let ob = 0; ob < o; ob += block) {
    for (let ib = 0; ib < i; ib += inner) {
      const from = ob * strideO + ib * strideI;
      // With less than one block, taps lie inside the channels; else channels lie inside the taps.
      if (i < block) {
        for (let c = 0; c < inner; c++) for (const tap of kept) column(from + c * strideI + tap);
      } else {
        for (const tap of kept) for (let c = 0; c < inner; c++) column(from + c * strideI + tap);
      }
    }
  }
  return out;
}

function blockedValue(ctx: Lowering, kernel: Kernel, taps: readonly number[] | undefined): string {
  const { block } = ctx.target;
  const [o, i, kh, kw] = kernel.shape;
  const area = kh * kw;
  const value = plainKernel(ctx, kernel);
  // Blocking the output channels is the image reordering itself, on an "image" of O/b samples of I·kh·kw pixels.
  const outer = ctx.model.once(`outer:${value}`, () =>
    ctx.emit('ReorderInput', [ctx.reshape(value, [o / block, block, i * area, 1])], {}, NCHWC),
  );
  const select = (rows: string) =>
    taps === undefined ? rows : ctx.emit('Gather', [rows, ctx.model.ints(taps)], { axis: 2 });
  if (i < block) return select(ctx.reshape(outer, [o / block, i, area, block]));
  const split = ctx.reshape(outer, [o / block, i / block, block, area, block]);
  return select(ctx.model.once(`inner:${outer}`, () => ctx.transpose(split, [0, 1, 3, 2, 4])));
}
