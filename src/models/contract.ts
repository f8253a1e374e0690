// The contract of every generation of the family: parameters, and functions that build graph from them.

import type { Node } from '../graph/node.ts';
import type { ParameterSpec, Parameters } from '../nn/parameters.ts';
import type { CommonConfig } from './common-config.ts';

/** A layer that adds noise, under its parameter prefix; its constant noise is the buffer `<name>.noise_const` [R, R]. */
export interface NoiseLayer {
  readonly name: string;
  readonly resolution: number;
}

/** Noise of a layer: [1|N, 1, R, R], or null for none. */
export type NoiseSource = (layer: NoiseLayer) => Node | null;

/**
 * Level of detail of a growing network (ProGAN, section 2): images of R / 2^level. `fade` [] in [0, 1) is the weight
 * of the next coarser image, null when there is none.
 */
export interface Lod {
  readonly level: number;
  readonly fade: Node | null;
}

/** The whole network. */
export const FULL_DETAIL: Lod = { level: 0, fade: null };

/** What a discriminator says of images. */
export interface Scores {
  /** [N, 1]; higher is more real. */
  readonly logits: Node;
  /** Of an auxiliary classifier: [N, cDim]; null when there is none. */
  readonly classes: Node | null;
}

/** A generator and its discriminator. All functions build graph; none holds weights. */
export interface Model<Config extends CommonConfig = CommonConfig> {
  readonly config: Config;
  /** Parameters and buffers of G, under upstream names (`mapping.…`, `synthesis.…`). */
  readonly generator: readonly ParameterSpec[];
  /** Parameters and buffers of D. */
  readonly discriminator: readonly ParameterSpec[];
  readonly noiseLayers: readonly NoiseLayer[];
  /** G's buffer that holds the average w [wDim], towards which truncation goes; null for networks without a W. */
  readonly wAvg: string | null;
  /** Coarsest level of detail; 0 for networks that do not grow. */
  readonly maxLod: number;
  /** Images whose deviation D measures together; 1 for none. */
  readonly mbstdGroup: number;
  /** z [N, zDim], c [N, cDim] or null → w [N, wDim]. */
  mapping(p: Parameters, z: Node, c: Node | null): Node;
  /** ws [N, numWs, wDim] → image [N, C, r, r], nominally in [-1, 1], with r = R / 2^level. */
  synthesis(p: Parameters, ws: Node, noise: NoiseSource, lod?: Lod): Node;
  /** Image [N, C, r, r] in [-1, 1], c or null → what D says of it. */
  discriminate(p: Parameters, image: Node, c: Node | null, lod?: Lod): Scores;
}
