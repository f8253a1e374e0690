// The contract of every generation of the family: parameters, and functions that build graph from them.

import type { Node } from '../graph/node.ts';
import type { ParameterSpec, Parameters } from '../nn/parameters.ts';
import type { StyleGAN2Config } from './stylegan2-config.ts';

/** Everything that determines a network's layers, as stored in its file. */
export type NetworkConfig = StyleGAN2Config;

/** A layer that adds noise, under its parameter prefix. */
export interface NoiseLayer {
  readonly name: string;
  readonly resolution: number;
}

/** Noise of a layer: [1|N, 1, R, R], or null for none. */
export type NoiseSource = (layer: NoiseLayer) => Node | null;

/** A generator and its discriminator. All functions build graph; none holds weights. */
export interface Model {
  readonly config: NetworkConfig;
  /** Parameters and buffers of G, under upstream names (`mapping.…`, `synthesis.…`). */
  readonly generator: readonly ParameterSpec[];
  /** Parameters and buffers of D. */
  readonly discriminator: readonly ParameterSpec[];
  /** Number of style vectors that the synthesis network takes. */
  readonly numWs: number;
  readonly noiseLayers: readonly NoiseLayer[];
  /** z [N, zDim], c [N, cDim] or null → w [N, wDim]. */
  mapping(p: Parameters, z: Node, c: Node | null): Node;
  /** ws [N, numWs, wDim] → image [N, C, R, R], nominally in [-1, 1]. */
  synthesis(p: Parameters, ws: Node, noise: NoiseSource): Node;
  /** Image [N, C, R, R] in [-1, 1], c or null → logits [N, 1]. */
  discriminate(p: Parameters, image: Node, c: Node | null): Node;
}
