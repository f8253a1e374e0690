// Puts the phases of an upsampled image together: pixel (s·u + r, s·v + c) comes from phase (r, c) at (u, v).

import type { Lowering } from './layout.ts';

type Size = readonly [number, number];

/**
 * `phases` are blocked images of nominal shape [N, C, ...grid], row by row of the stride × stride phases. Returns the
 * blocked image of rows start[0] … start[0] + size[0] - 1 and the like for columns. One gather after one plain
 * concatenation: half the time of interleaving columns, then rows, then cropping.
 */
export function interleave(
  ctx: Lowering,
  phases: readonly string[],
  shape: readonly [number, number],
  { stride, grid, start, size }: { stride: number; grid: Size; start: Size; size: Size },
): string {
  const { block } = ctx.target;
  const planes = (shape[0] * shape[1]) / block;
  const area = grid[0] * grid[1];
  const views = phases.map((phase) => ctx.reshape(phase, [planes, area, block]));
  const stacked = ctx.emit('Concat', views, { axis: 1 });
  const key = `interleave:${stride}:${grid}:${start}:${size}`;
  const index = ctx.model.once(key, () => ctx.model.indices(positions(stride, grid, start, size)));
  return ctx.reshape(ctx.emit('Gather', [stacked, index], { axis: 1 }), [...shape, ...size]);
}

function positions(stride: number, grid: Size, start: Size, size: Size): Int32Array {
  const out = new Int32Array(size[0] * size[1]);
  for (let y = 0; y < size[0]; y++) {
    for (let x = 0; x < size[1]; x++) {
      const [Y, X] = [y + start[0], x + start[1]];
      const phase = (Y % stride) * stride + (X % stride);
      const [u, v] = [Math.floor(Y / stride), Math.floor(X / stride)];
      out[y * size[1] + x] = (phase * grid[0] + u) * grid[1] + v;
    }
  }
  return out;
}
