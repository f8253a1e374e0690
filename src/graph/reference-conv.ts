// Reference evaluation of convolutions and of upfirdn: the sums that define them, in float64.

import { type Shape, sizeOf } from '../core/tensor.ts';
import type { OpOf, Window } from './node.ts';

/**
 * Visits every product of Σ x[n,c,i·s+a-top, j·s+b-left] · w[o,c,a,b] · y[n,o,i,j], the trilinear form that the
 * three convolution operators share, as runs along j: x advances by the stride, y by one, w stands still.
 */
function forEachRun(
  [N, C, H, W]: Shape,
  [O, , kh, kw]: Shape,
  [, , h, width]: Shape,
  { stride, pad }: Window,
  visit: (xStart: number, wIndex: number, yStart: number, count: number) => void,
): void {
  for (let n = 0; n < N; n++) {
    for (let o = 0; o < O; o++) {
      for (let c = 0; c < C; c++) {
        for (let a = 0; a < kh; a++) {
          for (let b = 0; b < kw; b++) {
            const wIndex = ((o * C + c) * kh + a) * kw + b;
            // Columns j with 0 <= j·s+b-left < W; outside of them the padding is zero.
            const first = Math.max(0, Math.ceil((pad[1] - b) / stride));
            const last = Math.min(width - 1, Math.floor((W - 1 + pad[1] - b) / stride));
            if (last < first) continue;
            for (let i = 0; i < h; i++) {
              const row = i * stride + a - pad[0];
              if (row < 0 || row >= H) continue;
              const xStart = ((n * C + c) * H + row) * W + first * stride + b - pad[1];
              visit(xStart, wIndex, ((n * O + o) * h + i) * width + first, last - first + 1);
            }
          }
        }
      }
    }
  }
}

/** y[n,o,i,j] = Σ_{c,a,b} x[n,c,i·s+a-top, j·s+b-left] · w[o,c,a,b] */
export function convReference(
  op: OpOf<'conv'>,
  [x, w]: readonly Float64Array[],
  [xShape, wShape]: readonly Shape[],
  shape: Shape,
): Float64Array {
  const y = new Float64Array(sizeOf(shape));
  forEachRun(xShape, wShape, shape, op, (xStart, wIndex, yStart, count) => {
    const weight = w[wIndex];
    for (let j = 0; j < count; j++) y[yStart + j] += x[xStart + j * op.stride] * weight;
  });
  return y;
}

/** x[n,c,i·s+a-top, j·s+b-left] += y[n,o,i,j] · w[o,c,a,b] */
export function convInputGradReference(
  op: OpOf<'convInputGrad'>,
  [y, w]: readonly Float64Array[],
  [yShape, wShape]: readonly Shape[],
  shape: Shape,
): Float64Array {
  const x = new Float64Array(sizeOf(shape));
  forEachRun(shape, wShape, yShape, op, (xStart, wIndex, yStart, count) => {
    const weight = w[wIndex];
    for (let j = 0; j < count; j++) x[xStart + j * op.stride] += y[yStart + j] * weight;
  });
  return x;
}

/** w[o,c,a,b] = Σ_{n,i,j} x[n,c,i·s+a-top, j·s+b-left] · y[n,o,i,j] */
export function convWeightGradReference(
  op: OpOf<'convWeightGrad'>,
  [x, y]: readonly Float64Array[],
  [xShape, yShape]: readonly Shape[],
  shape: Shape,
): Float64Array {
  const w = new Float64Array(sizeOf(shape));
  forEachRun(xShape, shape, yShape, op, (xStart, wIndex, yStart, count) => {
    let total = 0;
    for (let j = 0; j < count; j++) total += x[xStart + j * op.stride] * y[yStart + j];
    w[wIndex] += total;
  });
  return w;
}

/** y[i,j] = Σ_{a,b} taps[a,b] · x̂[i·down+a-top, j·down+b-left], where x̂[r·up, c·up] = x[r,c] and zero elsewhere. */
export function upfirdnReference(
  { taps, tapsShape, up, down, pad }: OpOf<'upfirdn'>,
  [x]: readonly Float64Array[],
  [[, , H, W]]: readonly Shape[],
  [N, C, h, width]: Shape,
): Float64Array {
  const [th, tw] = tapsShape;
  const y = new Float64Array(N * C * h * width);
  for (let plane = 0; plane < N * C; plane++) {
    for (let i = 0; i < h; i++) {
      for (let j = 0; j < width; j++) {
        let total = 0;
        for (let a = 0; a < th; a++) {
          const row = (i * down + a - pad[0]) / up;
          if (row < 0 || row >= H || !Number.isInteger(row)) continue;
          for (let b = 0; b < tw; b++) {
            const column = (j * down + b - pad[1]) / up;
            if (column < 0 || column >= W || !Number.isInteger(column)) continue;
            total += taps[a * tw + b] * x[(plane * H + row) * W + column];
          }
        }
        y[(plane * h + i) * width + j] = total;
      }
    }
  }
  return y;
}
