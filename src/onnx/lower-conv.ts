// Lowering of the convolution family: direct blocked kernels on the CPU where channels come in whole blocks,
// ONNX's own operators and column products elsewhere. Measured choices; see docs/engine.md.

import { sameShape } from '../core/tensor.ts';
import type { Node, OpOf } from '../graph/node.ts';
import { type BlockedConv, blockedConv, type Epilogue } from './blocked-conv.ts';
import { blockedKernel, kernelOf, plainKernel, swapChannels } from './filters.ts';
import { interleave } from './interleave.ts';
import type { Forms, Lowering } from './layout.ts';

type Size = readonly [number, number];

/** Whether a convolution from `i` to `o` channels can use the blocked kernels. */
function blocks(ctx: Lowering, i: number, o: number): boolean {
  const { block } = ctx.target;
  return block > 0 && o % block === 0 && (i % block === 0 || i < block);
}

/** The input of a blocked convolution: fewer channels than a block are taken as they are. */
function blockedInput(ctx: Lowering, x: Node): string {
  if (x.shape[1] < ctx.target.block) return ctx.plain(x);
  return ctx.isBlocked(x) || ctx.canBlock(x.shape) ? ctx.blocked(x) : ctx.plain(x);
}

/** A blocked result; of a single pixel both layouts are the same. */
function asForms(value: string, node: Node): Forms {
  return node.shape[2] * node.shape[3] > 1 ? { blocked: value } : { plain: value };
}

export function lowerConv(ctx: Lowering, node: Node, op: OpOf<'conv'>, epilogue: Epilogue = {}): Forms {
  const [x, w] = node.inputs;
  const [o, i, kh, kw] = w.shape;
  const { stride, pad } = op;
  if (canBlockConv(ctx, node)) {
    const filter = blockedKernel(ctx, kernelOf(w), undefined, [kh, kw]);
    const window: BlockedConv = { kernel: [kh, kw], stride, pad };
    return asForms(blockedConv(ctx, [blockedInput(ctx, x), filter], window, epilogue), node);
  }
  if (kh === 1 && kw === 1 && stride === 1 && pad.every((p) => p === 0)) {
    return { plain: pointwise(ctx, ctx.plain(x), ctx.reshape(ctx.plain(w), [o, i]), node.shape) };
  }
  return {
    plain: ctx.emit('Conv', [ctx.plain(x), ctx.plain(w)], {
      kernel_shape: [kh, kw],
      strides: [stride, stride],
      pads: pad,
    }),
  };
}

/** Whether {@link lowerConv} takes the blocked path. */
function canBlockConv(ctx: Lowering, node: Node): boolean {
  const [o, i] = node.inputs[1].shape;
  const { pad } = node.op as OpOf<'conv'>;
  return blocks(ctx, i, o) && pad.every((p) => p >= 0);
}

/** A 1×1 convolution is a matrix product [O,I]·[I,H·W] for each image. */
function pointwise(ctx: Lowering, x: string, w: string, [n, o, h, width]: readonly number[]): string {
  const images = ctx.emit('Reshape', [x, ctx.model.ints([n, -1, h * width])]);
  return ctx.reshape(ctx.emit('MatMul', [w, images]), [n, o, h, width]);
}

const reversed = (length: number, from: number, step: number): number[] => {
  const taps: number[] = [];
  for (let k = from; k < length; k += step) taps.push(k);
  return taps.reverse();
};

/**
 * dx of a convolution. With stride 1: the convolution of dy with the kernel turned about and its channels
 * exchanged, 1.3 to 2 times faster than ConvTranspose. With stride s: the pixels x ≡ r (mod s) only meet the taps
 * k ≡ r, so each of the s² phases is a small convolution of dy, and the phases interleave. No work is wasted.
 */
export function lowerConvInputGrad(
  ctx: Lowering,
  node: Node,
  op: OpOf<'convInputGrad'>,
  epilogue: Epilogue = {},
): Forms {
  const [y, w] = node.inputs;
  const [o, i, kh, kw] = w.shape;
  const { stride, pad } = op;
  if (kh === 1 && kw === 1 && stride === 1 && pad.every((p) => p === 0) && !blocks(ctx, o, i)) {
    const matrix = ctx.transpose(ctx.reshape(ctx.plain(w), [o, i]), [1, 0]);
    return { plain: pointwise(ctx, ctx.plain(y), matrix, node.shape) };
  }
  const flipped = flippedWindow(node, op);
  if (flipped !== null) return convWithFlippedKernel(ctx, node, flipped, epilogue);
  if (stride > 1 && blocks(ctx, o, i) && o % ctx.target.block === 0 && kh >= stride && kw >= stride) {
    return { blocked: phases(ctx, node, op) };
  }
  return { plain: convTranspose(ctx, node, op) };
}

/** The window of the equivalent convolution of dy, or null when there is none without cropping. */
function flippedWindow(node: Node, { stride, pad, size }: OpOf<'convInputGrad'>): BlockedConv | null {
  const [y, w] = node.inputs;
  const [kh, kw] = [w.shape[2], w.shape[3]];
  const before: Size = [kh - 1 - pad[0], kw - 1 - pad[1]];
  const after: Size = [size[0] - y.shape[2] + pad[0], size[1] - y.shape[3] + pad[1]];
  const fits = stride === 1 && [...before, ...after].every((p) => p >= 0);
  return fits ? { kernel: [kh, kw], pad: [...before, ...after] } : null;
}

/** Whether a node becomes a single blocked convolution, which can take an epilogue. */
export function takesEpilogue(ctx: Lowering, node: Node): boolean {
  if (node.op.kind === 'conv') return canBlockConv(ctx, node);
  if (node.op.kind !== 'convInputGrad') return false;
  const [o, i] = node.inputs[1].shape;
  return blocks(ctx, o, i) && flippedWindow(node, node.op) !== null;
}

function convWithFlippedKernel(
  ctx: Lowering,
  node: Node,
  { kernel, pad }: BlockedConv,
  epilogue: Epilogue,
): Forms {
  const [y, w] = node.inputs;
  const [o, i, kh, kw] = w.shape;
  const swapped = swapChannels(kernelOf(w));
  const taps = reversed(kh * kw, 0, 1);
  if (blocks(ctx, o, i)) {
    const filter = blockedKernel(ctx, swapped, taps, [kh, kw]);
    return asForms(blockedConv(ctx, [blockedInput(ctx, y), filter], { kernel, pad }, epilogue), node);
  }
  const flat = ctx.reshape(plainKernel(ctx, swapped), [i, o, kh * kw]);
  const flipped = ctx.reshape(ctx.emit('Gather', [flat, ctx.model.ints(taps)], { axis: 2 }), [i, o, kh, kw]);
  return { plain: ctx.emit('Conv', [ctx.plain(y), flipped], { kernel_shape: kernel, pads: pad! }) };
}

/** With X = x + pad: phase r holds X = s·u + r, and out_r[u] = Σ_m dy[u - m] · w[r + s·m]. */
function phases(ctx: Lowering, node: Node, { stride, pad, size }: OpOf<'convInputGrad'>): string {
  const [y, w] = node.inputs;
  const [, i, kh, kw] = w.shape;
  const [n, , h, width] = y.shape;
  const rows = Math.ceil((pad[0] + size[0]) / stride);
  const cols = Math.ceil((pad[1] + size[1]) / stride);
  const swapped = swapChannels(kernelOf(w));
  const input = blockedInput(ctx, y);
  const parts: string[] = [];
  for (let r = 0; r < stride; r++) {
    for (let c = 0; c < stride; c++) {
      const ky = reversed(kh, r, stride);
      const kx = reversed(kw, c, stride);
      const taps = ky.flatMap((a) => kx.map((b) => a * kw + b));
      const filter = blockedKernel(ctx, swapped, taps, [ky.length, kx.length]);
      const window: BlockedConv = {
        kernel: [ky.length, kx.length],
        pad: [ky.length - 1, kx.length - 1, Math.max(0, rows - h), Math.max(0, cols - width)],
      };
      parts.push(blockedConv(ctx, [input, filter], window));
    }
  }
  return interleave(ctx, parts, [n, i], { stride, grid: [rows, cols], start: [pad[0], pad[1]], size });
}

function convTranspose(ctx: Lowering, node: Node, { stride, pad, size }: OpOf<'convInputGrad'>): string {
  const [y, w] = node.inputs;
  const [kh, kw] = [w.shape[2], w.shape[3]];
  const full = (count: number, k: number) => (count - 1) * stride + k;
  // The whole transposed convolution, cropped (or padded) to the image: exact for every padding.
  const sizeFull: Size = [full(y.shape[2], kh), full(y.shape[3], kw)];
  const whole = ctx.emit('ConvTranspose', [ctx.plain(y), ctx.plain(w)], {
    kernel_shape: [kh, kw],
    strides: [stride, stride],
  });
  const margins = [0, 1].map((k) => ({ before: -pad[k], after: size[k] + pad[k] - sizeFull[k] }));
  return padOrCrop(ctx, whole, sizeFull, margins);
}

/** Changes height and width by the given margins; negative ones crop. */
export function padOrCrop(
  ctx: Lowering,
  value: string,
  size: Size,
  margins: readonly { before: number; after: number }[],
): string {
  const cuts = margins.flatMap(({ before, after }, k) => {
    const start = Math.max(0, -before);
    const kept = size[k] - start - Math.max(0, -after);
    return kept === size[k] ? [] : [{ axis: k + 2, start, size: kept }];
  });
  const cropped = ctx.slice(value, cuts);
  const grow = margins.map(({ before, after }) => [Math.max(0, before), Math.max(0, after)]);
  if (grow.flat().every((p) => p === 0)) return cropped;
  const pads = [0, 0, grow[0][0], grow[1][0], 0, 0, grow[0][1], grow[1][1]];
  return ctx.emit('Pad', [cropped, ctx.model.ints(pads)]);
}

/** The part of x that the gradient of a kernel reads: exactly (h - 1)·s + kh rows, and the like for columns. */
function paddedInput(
  ctx: Lowering,
  x: Node,
  y: Node,
  op: OpOf<'convWeightGrad'>,
): { value: string; size: Size } {
  const { stride, pad, kernel } = op;
  const need = [0, 1].map((k) => (y.shape[k + 2] - 1) * stride + kernel[k]) as [number, number];
  const margins = [0, 1].map((k) => ({ before: pad[k], after: need[k] - x.shape[k + 2] - pad[k] }));
  const key = `padded:${ctx.plain(x)}:${JSON.stringify(margins)}`;
  const value = ctx.model.once(key, () => padOrCrop(ctx, ctx.plain(x), [x.shape[2], x.shape[3]], margins));
  return { value, size: need };
}

/** Gradient of a kernel: dw[o,i,k] = Σ_{n,p} x[n, i, s·p + k] · dy[n, o, p]. */
export function lowerConvWeightGrad(ctx: Lowering, node: Node, op: OpOf<'convWeightGrad'>): Forms {
  const [x, y] = node.inputs;
  const [kh, kw] = op.kernel;
  if (kh === 1 && kw === 1 && op.stride === 1 && sameShape(x.shape.slice(2), y.shape.slice(2))) {
    return { plain: pointwiseWeightGrad(ctx, node) };
  }
  const isImage = y.shape[2] * y.shape[3] > 1;
  if (isImage && ctx.canBlock(y.shape)) return { plain: weightGradByImages(ctx, node, op) };
  return { plain: weightGradByColumns(ctx, node, op) };
}

/** One product over the pixels of each image, then the sum over the images. */
function pointwiseWeightGrad(ctx: Lowering, node: Node): string {
  const [x, y] = node.inputs;
  const pixels = x.shape[2] * x.shape[3];
  const a = ctx.reshape(ctx.plain(y), [y.shape[0], y.shape[1], pixels]);
  const b = ctx.reshape(ctx.plain(x), [x.shape[0], x.shape[1], pixels]);
  const products = matmulTransB(ctx, a, b, 3);
  return ctx.reshape(ctx.emit('ReduceSum', [products, ctx.model.ints([0])], { keepdims: 0 }), node.shape);
}

/** a · bᵀ over the last two axes. */
export function matmulTransB(ctx: Lowering, a: string, b: string, rank: number): string {
  if (ctx.target.provider === 'cpu') return ctx.emit('FusedMatMul', [a, b], { transB: 1 }, 'com.microsoft');
  return ctx.emit('MatMul', [a, ctx.transpose(b, rank === 3 ? [0, 2, 1] : [1, 0])]);
}

/**
 * For each image, a blocked convolution whose "batch" are the channels of x and whose kernel is dy itself, which in
 * the blocked layout lies in memory just as that kernel must; results accumulate from image to image. No columns
 * are written, which makes it 2 to 3 times faster than the product of columns.
 */
function weightGradByImages(ctx: Lowering, node: Node, op: OpOf<'convWeightGrad'>): string {
  const [x, y] = node.inputs;
  const [n, c] = x.shape;
  const [, o, h, w] = y.shape;
  const { value, size } = paddedInput(ctx, x, y, op);
  const images = splitImages(ctx, value, n, [c, 1, ...size]);
  const gradients = splitImages(ctx, ctx.blocked(y), n, [o, 1, h, w]);
  let total: string | null = null;
  for (let k = 0; k < n; k++) {
    const window: BlockedConv = { kernel: [h, w], dilation: op.stride };
    const epilogue: Epilogue = total === null ? {} : { addend: total };
    total = blockedConv(ctx, [images[k], gradients[k]], window, epilogue);
  }
  return ctx.transpose(ctx.unblock(total!, [c, o, ...op.kernel]), [1, 0, 2, 3]);
}

/** The images of a batch, each in `shape`. Shared between gradients that read the same tensor. */
function splitImages(ctx: Lowering, value: string, count: number, shape: readonly number[]): string[] {
  const [channels, ...rest] = shape;
  const rows = ctx.model.once(`rows:${value}`, () => ctx.reshape(value, [count * channels, ...rest]));
  if (count === 1) return [rows];
  const sizes = ctx.model.ints(new Array<number>(count).fill(channels));
  const joined = ctx.model.once(`split:${rows}`, () =>
    ctx.model.nodeMany('Split', [rows, sizes], { axis: 0 }, count).join('|'),
  );
  return joined.split('|');
}

/** Columns of x, one block of rows for each tap, then one product for each image and the sum over the images. */
function weightGradByColumns(ctx: Lowering, node: Node, op: OpOf<'convWeightGrad'>): string {
  const [x, y] = node.inputs;
  const [n, c] = x.shape;
  const [, o, h, w] = y.shape;
  const [kh, kw] = op.kernel;
  const { value } = paddedInput(ctx, x, y, op);
  const taps: string[] = [];
  for (let ky = 0; ky < kh; ky++) {
    for (let kx = 0; kx < kw; kx++) taps.push(stridedWindow(ctx, value, [ky, kx], [h, w], op.stride));
  }
  const columns = ctx.reshape(taps.length === 1 ? taps[0] : ctx.emit('Concat', taps, { axis: 1 }), [
    n,
    kh * kw * c,
    h * w,
  ]);
  const products = matmulTransB(ctx, ctx.reshape(ctx.plain(y), [n, o, h * w]), columns, 3);
  const total = ctx.emit('ReduceSum', [products, ctx.model.ints([0])], { keepdims: 0 });
  return ctx.transpose(ctx.reshape(total, [o, kh, kw, c]), [0, 3, 1, 2]);
}

function stridedWindow(ctx: Lowering, value: string, start: Size, count: Size, stride: number): string {
  const ints = (v: readonly number[]) => ctx.model.ints(v);
  const ends = [0, 1].map((k) => start[k] + (count[k] - 1) * stride + 1);
  return ctx.emit('Slice', [value, ints(start), ints(ends), ints([2, 3]), ints([stride, stride])]);
}
