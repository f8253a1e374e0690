// Reference evaluation of bilinear sampling and of its adjoint: the sums that define them, in float64.

import { type Shape, sizeOf } from '../core/tensor.ts';
import type { OpOf } from './node.ts';

/**
 * Visits every product of Σ x[n,c,r,q] · max(0, 1-|row-r|) · max(0, 1-|column-q|) · y[n,c,i,j], the bilinear form that
 * the two operators share, where (column, row) = at[n,:,i,j] and pixels (r, q) outside the image are left out.
 */
function forEachTap(
  [N, C, H, W]: Shape,
  at: Float64Array,
  [, , h, width]: Shape,
  visit: (xIndex: number, yIndex: number, weight: number) => void,
): void {
  const pixels = h * width;
  for (let n = 0; n < N; n++) {
    for (let i = 0; i < pixels; i++) {
      const column = at[2 * n * pixels + i];
      const row = at[(2 * n + 1) * pixels + i];
      const [left, top] = [Math.floor(column), Math.floor(row)];
      for (const r of [top, top + 1]) {
        if (r < 0 || r >= H) continue;
        for (const q of [left, left + 1]) {
          if (q < 0 || q >= W) continue;
          const weight = (1 - Math.abs(row - r)) * (1 - Math.abs(column - q));
          for (let c = n * C; c < (n + 1) * C; c++) visit((c * H + r) * W + q, c * pixels + i, weight);
        }
      }
    }
  }
}

/** y[n,c,i,j] = Σ_{r,q} x[n,c,r,q] · weight(r, q; at[n,:,i,j]) */
export function sampleReference(
  _op: OpOf<'sample'>,
  [x, at]: readonly Float64Array[],
  [xShape]: readonly Shape[],
  shape: Shape,
): Float64Array {
  const y = new Float64Array(sizeOf(shape));
  forEachTap(xShape, at, shape, (xIndex, yIndex, weight) => {
    y[yIndex] += x[xIndex] * weight;
  });
  return y;
}

/** x[n,c,r,q] = Σ_{i,j} y[n,c,i,j] · weight(r, q; at[n,:,i,j]) */
export function splatReference(
  _op: OpOf<'splat'>,
  [y, at]: readonly Float64Array[],
  [yShape]: readonly Shape[],
  shape: Shape,
): Float64Array {
  const x = new Float64Array(sizeOf(shape));
  forEachTap(shape, at, yShape, (xIndex, yIndex, weight) => {
    x[xIndex] += y[yIndex] * weight;
  });
  return x;
}
