// Resampling of images with a low-pass FIR filter (StyleGAN2, appendix B; filter [1,3,3,1]).

import { upfirdn } from '../graph/build.ts';
import type { Node, Padding } from '../graph/node.ts';

/** A two-dimensional filter with its size; sums to one. */
export interface Filter {
  readonly taps: Float32Array;
  readonly size: readonly [number, number];
}

/** The normalised outer product of a one-dimensional filter with itself. */
export function setupFilter(taps: readonly number[]): Filter {
  const total = taps.reduce((sum, tap) => sum + tap, 0);
  const outer = taps.flatMap((a) => taps.map((b) => (a * b) / (total * total)));
  return { taps: Float32Array.from(outer), size: [taps.length, taps.length] };
}

export const RESAMPLE_FILTER = setupFilter([1, 3, 3, 1]);
/** StyleGAN's, on images that are enlarged or reduced by whole pixels. */
export const BINOMIAL_FILTER = setupFilter([1, 2, 1]);

export interface FilterOptions {
  readonly up?: number;
  readonly down?: number;
  /** [top, left, bottom, right] of the upsampled image; negative amounts crop. */
  readonly pad?: Padding;
  /** Correlate instead of convolve. Symmetric filters do not care. */
  readonly flip?: boolean;
  readonly gain?: number;
}

/** Upsample with zeros, pad, convolve every channel with the filter, downsample. */
export function filterImage(x: Node, filter: Filter, options: FilterOptions = {}): Node {
  const { up = 1, down = 1, pad = [0, 0, 0, 0], flip = false, gain = 1 } = options;
  const taps = filter.taps.map((tap) => tap * gain);
  if (!flip) taps.reverse(); // the operator correlates
  return upfirdn(x, { taps, tapsShape: filter.size, up, down, pad });
}

/** The same size; pixels outside are zero. For filters of odd length. */
export function filterSame(x: Node, filter: Filter): Node {
  const same = (filter.size[0] - 1) / 2;
  return filterImage(x, filter, { pad: [same, same, same, same] });
}

/** Twice the size; the filter's gain makes up for the inserted zeros. */
export function upsample2d(x: Node, filter: Filter = RESAMPLE_FILTER): Node {
  const [before, after] = upsamplePadding(filter);
  return filterImage(x, filter, { up: 2, pad: [before, before, after, after], gain: 4 });
}

/** Half the size. */
export function downsample2d(x: Node, filter: Filter = RESAMPLE_FILTER): Node {
  const [before, after] = downsamplePadding(filter);
  return filterImage(x, filter, { down: 2, pad: [before, before, after, after] });
}

/** Padding that keeps a factor-2 upsampled image aligned, before and after. */
export function upsamplePadding({ size }: Filter): [number, number] {
  return [Math.floor((size[0] + 1) / 2), Math.floor((size[0] - 2) / 2)];
}

/** Padding that keeps a factor-2 downsampled image aligned, before and after. */
export function downsamplePadding({ size }: Filter): [number, number] {
  return [Math.floor((size[0] - 1) / 2), Math.floor((size[0] - 2) / 2)];
}

const box = (factor: number, height: number): Filter => ({
  taps: new Float32Array(factor * factor).fill(height),
  size: [factor, factor],
});

/** `factor` times the size by repeating pixels. */
export function upsampleNearest(x: Node, factor: number): Node {
  if (factor === 1) return x;
  const before = factor - 1;
  return filterImage(x, box(factor, 1), { up: factor, pad: [before, before, 0, 0] });
}

/** 1 / `factor` of the size by averaging squares of pixels. */
export function downsampleBox(x: Node, factor: number): Node {
  return factor === 1 ? x : filterImage(x, box(factor, 1 / factor ** 2), { down: factor });
}
