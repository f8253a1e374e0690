// Lowering of up-FIR-down: depthwise convolution with a constant filter, phase by phase when upsampling;
// banded matrices for images of a few channels.

import type { Node, UpFirDn } from '../graph/node.ts';
import { blockedConv, type Epilogue } from './blocked-conv.ts';
import { interleave } from './interleave.ts';
import type { Forms, Lowering } from './layout.ts';
import { padOrCrop } from './lower-conv.ts';

type Size = readonly [number, number];

export function lowerUpFirDn(ctx: Lowering, node: Node, op: UpFirDn, epilogue: Epilogue = {}): Forms {
  const wide = isWide(ctx, node);
  // Each phase of an upsampling needs a tap of its own.
  const phased = op.down === 1 && op.tapsShape.every((taps) => taps >= op.up);
  if (wide && (op.up === 1 || phased)) {
    return { blocked: op.up === 1 ? depthwise(ctx, node, op, epilogue) : upsampled(ctx, node, op) };
  }
  const factors = separate(op);
  return { plain: factors ? byMatrices(ctx, node, op, factors) : byConvolution(ctx, node, op) };
}

/** Whether the image has a blocked form before and after. */
const isWide = (ctx: Lowering, node: Node): boolean =>
  ctx.canBlock(node.shape) && ctx.canBlock(node.inputs[0].shape);

/** Whether the node becomes a single depthwise convolution, which can take an epilogue. */
export const filterTakesEpilogue = (ctx: Lowering, node: Node): boolean =>
  node.op.kind === 'upfirdn' && node.op.up === 1 && isWide(ctx, node);

/** Taps [th, tw] repeated for every channel of a block, as the blocked depthwise kernel reads them. */
function blockedTaps(ctx: Lowering, taps: readonly number[], size: Size, channels: number): string {
  const data = new Float32Array(channels * taps.length);
  const { block } = ctx.target;
  for (let c = 0; c < channels / block; c++) {
    taps.forEach((tap, k) => {
      data.fill(tap, (c * taps.length + k) * block, (c * taps.length + k + 1) * block);
    });
  }
  const key = `taps:${channels}:${size}:${taps.join()}`;
  return ctx.model.once(key, () => ctx.model.floats(data, [channels, 1, ...size]));
}

interface Filter {
  readonly taps: readonly number[];
  readonly size: Size;
  readonly down: number;
  /** Margins of height and width; negative ones crop. */
  readonly margins: readonly { before: number; after: number }[];
}

/** A blocked depthwise convolution. `value` is the blocked image of nominal shape [N, C, ...size]. */
function blockedDepthwise(
  ctx: Lowering,
  value: string,
  shape: readonly number[],
  filter: Filter,
  epilogue: Epilogue = {},
): string {
  const [n, c, h, w] = shape;
  const { block } = ctx.target;
  const cuts = filter.margins.flatMap(({ before, after }, k) => {
    const start = Math.max(0, -before);
    const length = k === 0 ? h : w;
    const size = length - start - Math.max(0, -after);
    return size === length ? [] : [{ axis: k + 1, start, size, length }];
  });
  let image = value;
  if (cuts.length > 0) {
    const view = ctx.reshape(value, [(n * c) / block, h, w, block]);
    const size = (axis: number, full: number) => cuts.find((cut) => cut.axis === axis)?.size ?? full;
    image = ctx.reshape(ctx.slice(view, cuts), [n, c, size(1, h), size(2, w)]);
  }
  const [rows, cols] = filter.margins.map(({ before, after }) => [Math.max(0, before), Math.max(0, after)]);
  return blockedConv(
    ctx,
    [image, blockedTaps(ctx, filter.taps, filter.size, c)],
    { kernel: filter.size, stride: filter.down, pad: [rows[0], cols[0], rows[1], cols[1]], group: c },
    epilogue,
  );
}

const marginsOf = ({ pad }: UpFirDn) => [
  { before: pad[0], after: pad[2] },
  { before: pad[1], after: pad[3] },
];

function depthwise(ctx: Lowering, node: Node, op: UpFirDn, epilogue: Epilogue): string {
  const [x] = node.inputs;
  const filter = { taps: [...op.taps], size: op.tapsShape, down: op.down, margins: marginsOf(op) };
  return blockedDepthwise(ctx, ctx.blocked(x), x.shape, filter, epilogue);
}

/**
 * Upsampling without the zeros: output pixels ≡ r (mod up) only meet the taps k ≡ p0 - r, so
 * out_r[u] = Σ_j x[u + (r + k0 - p0)/up + j] · taps[k0 + up·j], and the phases interleave.
 */
function upsampled(ctx: Lowering, node: Node, op: UpFirDn): string {
  const [x] = node.inputs;
  const [n, c, h, w] = node.shape;
  const { up } = op;
  const counts: Size = [Math.ceil(h / up), Math.ceil(w / up)];
  const axis = (k: 0 | 1, r: number) => {
    const first = (((op.pad[k] - r) % up) + up) % up;
    const length = Math.max(0, Math.ceil((op.tapsShape[k] - first) / up));
    const offset = (r + first - op.pad[k]) / up;
    const size = x.shape[k + 2];
    return { first, length, margin: { before: -offset, after: counts[k] - 1 + offset + length - size } };
  };
  const parts: string[] = [];
  for (let r = 0; r < up; r++) {
    for (let s = 0; s < up; s++) {
      const [row, col] = [axis(0, r), axis(1, s)];
      const taps: number[] = [];
      for (let a = 0; a < row.length; a++) {
        for (let b = 0; b < col.length; b++) {
          taps.push(op.taps[(row.first + up * a) * op.tapsShape[1] + col.first + up * b]);
        }
      }
      const filter: Filter = {
        taps,
        size: [row.length, col.length],
        down: 1,
        margins: [row.margin, col.margin],
      };
      parts.push(blockedDepthwise(ctx, ctx.blocked(x), x.shape, filter));
    }
  }
  return interleave(ctx, parts, [n, c], { stride: up, grid: counts, start: [0, 0], size: [h, w] });
}

/** taps = column · row, when the filter is a product of two one-dimensional ones. */
function separate(op: UpFirDn): { column: number[]; row: number[] } | null {
  const [th, tw] = op.tapsShape;
  const at = (r: number, c: number) => op.taps[r * tw + c];
  const sums = { rows: new Array<number>(th).fill(0), cols: new Array<number>(tw).fill(0) };
  let pivot = [0, 0];
  for (let r = 0; r < th; r++) {
    for (let c = 0; c < tw; c++) if (Math.abs(at(r, c)) > Math.abs(at(pivot[0], pivot[1]))) pivot = [r, c];
  }
  const peak = at(pivot[0], pivot[1]);
  if (peak === 0) return null;
  const column = sums.rows.map((_, r) => at(r, pivot[1]));
  const row = sums.cols.map((_, c) => at(pivot[0], c) / peak);
  const exact = column.every((a, r) =>
    row.every((b, c) => Math.abs(a * b - at(r, c)) <= 1e-7 * Math.abs(peak)),
  );
  return exact ? { column, row } : null;
}

/** The matrix [outSize, inSize] of a one-dimensional up-FIR-down. */
function band(
  taps: readonly number[],
  outSize: number,
  inSize: number,
  op: UpFirDn,
  before: number,
): Float32Array {
  const matrix = new Float32Array(outSize * inSize);
  for (let i = 0; i < outSize; i++) {
    for (let k = 0; k < taps.length; k++) {
      const position = i * op.down + k - before;
      if (position < 0 || position % op.up !== 0 || position / op.up >= inSize) continue;
      matrix[i * inSize + position / op.up] += taps[k];
    }
  }
  return matrix;
}

/** y = A x Bᵀ with banded A and B. */
function byMatrices(
  ctx: Lowering,
  node: Node,
  op: UpFirDn,
  { column, row }: { column: number[]; row: number[] },
): string {
  const [x] = node.inputs;
  const [n, c, h, w] = node.shape;
  const [hi, wi] = [x.shape[2], x.shape[3]];
  const a = ctx.model.floats(band(column, h, hi, op, op.pad[0]), [h, hi]);
  const transposed = new Float32Array(wi * w);
  const b = band(row, w, wi, op, op.pad[1]);
  for (let i = 0; i < w; i++) for (let j = 0; j < wi; j++) transposed[j * w + i] = b[i * wi + j];
  const right = ctx.emit('MatMul', [
    ctx.reshape(ctx.plain(x), [n * c * hi, wi]),
    ctx.model.floats(transposed, [wi, w]),
  ]);
  const left = ctx.emit('MatMul', [a, ctx.reshape(right, [n * c, hi, w])]);
  return ctx.reshape(left, [n, c, h, w]);
}

/** Any filter on any provider: a transposed convolution puts the zeros in, a grouped one filters. */
function byConvolution(ctx: Lowering, node: Node, op: UpFirDn): string {
  const [x] = node.inputs;
  const [n, c, hi, wi] = x.shape;
  const [h, w] = [node.shape[2], node.shape[3]];
  let image = ctx.reshape(ctx.plain(x), [n * c, 1, hi, wi]);
  let size: Size = [hi, wi];
  if (op.up > 1) {
    image = ctx.emit('ConvTranspose', [image, ctx.model.floats(new Float32Array([1]), [1, 1, 1, 1])], {
      kernel_shape: [1, 1],
      strides: [op.up, op.up],
      output_padding: [op.up - 1, op.up - 1],
    });
    size = [hi * op.up, wi * op.up];
  }
  image = padOrCrop(ctx, image, size, marginsOf(op));
  const taps = ctx.model.floats(op.taps, [1, 1, ...op.tapsShape]);
  const y = ctx.emit('Conv', [image, taps], { kernel_shape: op.tapsShape, strides: [op.down, op.down] });
  return ctx.reshape(y, [n, c, h, w]);
}
