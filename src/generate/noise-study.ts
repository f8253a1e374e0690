// What the noise of a network's layers does to its images (StyleGAN, section 3.2, figures 4 and 5).

import { OptionError } from '../core/errors.ts';
import { type FloatTensor, floatTensor } from '../core/tensor.ts';
import { imagesPerRun, type Network } from './network.ts';

/** Which layers get noise: all, none, or those of the higher or the lower resolutions. */
export type NoiseSetting = 'all' | 'none' | 'fine' | 'coarse';
export const NOISE_SETTINGS: readonly NoiseSetting[] = ['all', 'none', 'fine', 'coarse'];

/** Lowest and highest resolution of the layers with noise, for each setting; null where no layer has any. */
export type NoiseRanges = Record<NoiseSetting, readonly [lowest: number, highest: number] | null>;

/** Draws of one image under one setting. */
export interface NoiseDraws {
  /** The first draws, NCHW in [-1, 1]. */
  readonly images: FloatTensor;
  /** Standard deviation of each pixel over all draws [R, R], in units of images in [-1, 1]. */
  readonly deviation: Float32Array;
}

export interface NoiseStudyOptions {
  /** Of {@link noiseRanges}. */
  readonly ranges: NoiseRanges;
  /** Noise drawn for each setting, at least 2. Default 100, as in the paper. */
  readonly draws?: number;
  /** How many of the drawn images to return. Default 4. */
  readonly keep?: number;
  readonly signal?: AbortSignal;
  /** Told how many images have been drawn, of three times `draws`. */
  readonly onProgress?: (done: number) => void;
}

/** A square part of an image, in pixels. */
export interface Crop {
  readonly x: number;
  readonly y: number;
  readonly size: number;
}

/**
 * Fine layers are those from `fineFrom` on: by default the upper half of the resolutions, the middle one included,
 * which at 1024² gives the paper's 64² to 1024². Throws OptionError for a network without noise, and for a
 * `fineFrom` that is not a resolution above the lowest.
 */
export function noiseRanges(
  network: Pick<Network, 'config' | 'noiseLayers'>,
  fineFrom?: number,
): NoiseRanges {
  const resolutions = [...new Set(network.noiseLayers.map(({ resolution }) => resolution))];
  resolutions.sort((a, b) => a - b);
  if (resolutions.length < 2) {
    throw new OptionError(
      `got a network of model ${network.config.model}, whose noise layers are ${resolutions.length === 0 ? 'none' : 'of one resolution'}; expected noise at several resolutions, as in stylegan or stylegan2`,
    );
  }
  const split = fineFrom === undefined ? Math.floor(resolutions.length / 2) : resolutions.indexOf(fineFrom);
  if (split < 1) {
    throw new OptionError(`got --fine-from ${fineFrom}, expected one of ${resolutions.slice(1).join(', ')}`);
  }
  const [lowest, highest] = [resolutions[0], resolutions.at(-1)!];
  return {
    all: [lowest, highest],
    none: null,
    fine: [resolutions[split], highest],
    coarse: [lowest, resolutions[split - 1]],
  };
}

/**
 * Draws the image of ws [1, numWs, wDim] with new noise again and again. Draw k has the same noise in a layer under
 * every setting that gives the layer noise. Throws OptionError for other ws and fewer than two draws.
 */
export async function studyNoise(
  network: Network,
  ws: FloatTensor,
  { ranges, draws = 100, keep = 4, signal, onProgress }: NoiseStudyOptions,
): Promise<Record<NoiseSetting, NoiseDraws>> {
  const { imgResolution: r } = network.config;
  if (ws.shape[0] !== 1) throw new OptionError(`ws: got ${ws.shape[0]} images, expected 1`);
  if (!(draws >= 2)) throw new OptionError(`got ${draws} draws, expected at least 2`);
  // The last run draws more than is used where that saves compiling for another size.
  const perRun = Math.min(draws, imagesPerRun(r));
  const repeated = repeatRows(ws, perRun);
  let done = 0;
  const results: Partial<Record<NoiseSetting, NoiseDraws>> = {};
  for (const setting of NOISE_SETTINGS) {
    const statistic = new PixelDeviation();
    const kept: Float32Array[] = [];
    const count = ranges[setting] === null ? 1 : draws;
    for (let first = 0; first < count; first += perRun) {
      signal?.throwIfAborted();
      const { data, shape } = await network.synthesis(repeated, {
        noiseMode: 'random',
        noiseSeed: first,
        noiseRange: ranges[setting] ?? [0, 0],
      });
      const size = data.length / shape[0];
      for (let n = 0; n < Math.min(perRun, count - first); n++) {
        const image = data.subarray(n * size, (n + 1) * size);
        statistic.add(image);
        if (kept.length < keep) kept.push(image.slice());
      }
      if (count === 1) continue;
      done += Math.min(perRun, count - first);
      onProgress?.(done);
    }
    results[setting] = { images: stack(kept, network), deviation: statistic.result(r * r) };
  }
  return results as Record<NoiseSetting, NoiseDraws>;
}

/** Standard deviation of every number over arrays that come one at a time (Welford 1962), of the population. */
export class PixelDeviation {
  private count = 0;
  private mean = new Float64Array();
  private squares = new Float64Array();

  add(values: Float32Array): void {
    if (this.count === 0) {
      this.mean = new Float64Array(values.length);
      this.squares = new Float64Array(values.length);
    }
    this.count++;
    for (let i = 0; i < values.length; i++) {
      const difference = values[i] - this.mean[i];
      this.mean[i] += difference / this.count;
      this.squares[i] += difference * (values[i] - this.mean[i]);
    }
  }

  /** For each of the `plane` pixels, the root of the variance's mean over channels. */
  result(plane: number): Float32Array {
    const channels = this.squares.length / plane;
    return Float32Array.from({ length: plane }, (_, pixel) => {
      let sum = 0;
      for (let channel = 0; channel < channels; channel++) sum += this.squares[channel * plane + pixel];
      return Math.sqrt(sum / (channels * this.count));
    });
  }
}

/** The square of `size` pixels over which the sum of `map` [R, R] is largest; the first of equals. */
export function strongestCrop(map: Float32Array, size: number): Crop {
  const r = Math.sqrt(map.length);
  // sums[y, x]: of everything above and to the left.
  const stride = r + 1;
  const sums = new Float64Array(stride * stride);
  for (let y = 0; y < r; y++) {
    let row = 0;
    for (let x = 0; x < r; x++) {
      row += map[y * r + x];
      sums[(y + 1) * stride + x + 1] = sums[y * stride + x + 1] + row;
    }
  }
  let best = { x: 0, y: 0, size };
  let largest = Number.NEGATIVE_INFINITY;
  for (let y = 0; y + size <= r; y++) {
    for (let x = 0; x + size <= r; x++) {
      const [top, bottom] = [y * stride + x, (y + size) * stride + x];
      const sum = sums[bottom + size] - sums[bottom] - sums[top + size] + sums[top];
      // Rounding in the sums must not choose between equals.
      if (sum > largest + 1e-9) [largest, best] = [sum, { x, y, size }];
    }
  }
  return best;
}

function repeatRows({ data, shape }: FloatTensor, count: number): FloatTensor {
  const repeated = new Float32Array(count * data.length);
  for (let n = 0; n < count; n++) repeated.set(data, n * data.length);
  return floatTensor(repeated, [count, ...shape.slice(1)]);
}

function stack(images: readonly Float32Array[], { config }: Network): FloatTensor {
  const { imgChannels, imgResolution: r } = config;
  const data = new Float32Array(images.length * imgChannels * r * r);
  images.forEach((image, n) => {
    data.set(image, n * image.length);
  });
  return floatTensor(data, [images.length, imgChannels, r, r]);
}
