// What a loaded network can do, whatever its generation and whichever provider runs it.

import type { FloatTensor } from '../core/tensor.ts';
import type { NoiseLayer } from '../models/contract.ts';
import type { NetworkConfig } from '../models/registry.ts';

/** Per-pixel noise: the trained constant one, drawn anew from a seed, or none. */
export type NoiseMode = 'const' | 'random' | 'none';

export interface MappingOptions {
  /** Truncation: 1 is none, 0 gives the average image. Default 1. */
  readonly psi?: number;
  /** Truncate only the first `cutoff` layers. Default: all. */
  readonly cutoff?: number;
}

export interface SynthesisOptions {
  /** Default 'const'. */
  readonly noiseMode?: NoiseMode;
  /**
   * Seed of the noise of mode 'random'; image n of a batch takes noiseSeed + n. Each layer's noise depends only on
   * the seed and the layer. Default 0.
   */
  readonly noiseSeed?: number;
  /** Lowest and highest resolution of the layers that get noise, in mode 'random'. Default: all. */
  readonly noiseRange?: readonly [lowest: number, highest: number];
}

/** Images that are computed at once, so that activations stay within a few hundred megabytes. */
export function imagesPerRun(resolution: number): number {
  return Math.max(1, Math.min(16, Math.floor((256 / resolution) ** 2)));
}

/** A generator and its discriminator, ready to run on plain arrays. */
export interface Network {
  readonly config: NetworkConfig;
  /** Thousands of real images that the discriminator saw in training; null when the file does not say. */
  readonly kimg: number | null;
  /** Names of the classes, or of the elements of a label, where the file knows them: cDim of them. */
  readonly labelNames?: readonly string[];
  /** Layers that add noise, from coarse to fine; none in generations without noise. */
  readonly noiseLayers: readonly NoiseLayer[];
  /** z [N, zDim] and c [N, cDim] (null without labels) → ws [N, numWs, wDim], truncated towards w_avg. */
  mapping(z: Float32Array, c: Float32Array | null, options?: MappingOptions): Promise<FloatTensor>;
  /** ws [N, numWs, wDim] → images NCHW, float32, nominally [-1, 1]. */
  synthesis(ws: FloatTensor, options?: SynthesisOptions): Promise<FloatTensor>;
  /** `mapping`, then `synthesis`. */
  generate(
    z: Float32Array,
    c: Float32Array | null,
    options?: MappingOptions & SynthesisOptions,
  ): Promise<FloatTensor>;
  /** images NCHW in [-1, 1] → logits [N, 1]; higher is more real. */
  discriminate(images: FloatTensor, c: Float32Array | null): Promise<FloatTensor>;
  /** Frees the sessions. The network cannot be used afterwards. */
  close(): Promise<void>;
}
