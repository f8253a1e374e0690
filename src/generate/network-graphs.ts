// The graphs of a network in use, weights as constants: what is compiled here and what is exported.

import type { NetworkSource } from '../checkpoints/network-file.ts';
import { fill, input, reshape } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import type { Lod, Model, NoiseSource } from '../models/contract.ts';
import { broadcastW, parameterConstants, truncate } from '../models/network-graph.ts';
import { createModel } from '../models/registry.ts';
import { upsampleNearest } from '../nn/resample.ts';
import type { NoiseMode } from './network.ts';

/** Level of detail of a network that was saved while it grew. */
export function lodOf(lod: number): Lod {
  const level = Math.floor(lod);
  return { level, fade: lod === level ? null : fill(lod - level) };
}

/**
 * Inputs z [n, zDim] and, with labels, c [n, cDim] → ws [n, numWs, wDim]. `psi` [numWs] truncates; it is not read for
 * networks without a W.
 */
export function mappingNode(network: NetworkSource, n: number, psi: () => Node): Node {
  const { zDim, cDim, numWs } = network.config;
  const model: Model = createModel(network.config);
  const p = parameterConstants(network.G_ema);
  const w = model.mapping(p, input('z', [n, zDim]), cDim > 0 ? input('c', [n, cDim]) : null);
  return model.wAvg === null ? broadcastW(w, numWs) : truncate(w, p(model.wAvg), psi(), numWs);
}

/** ws [n, numWs, wDim] → images [n, C, R, R]. Mode 'random' takes an input [n, 1, r, r] for each layer of noise. */
export function synthesisNode(network: NetworkSource, ws: Node, mode: NoiseMode): Node {
  const p = parameterConstants(network.G_ema);
  const lod = lodOf(network.lod ?? 0);
  const noise: NoiseSource = ({ name, resolution }) => {
    if (mode === 'none') return null;
    if (mode === 'random') return input(name, [ws.shape[0], 1, resolution, resolution]);
    return reshape(p(`${name}.noise_const`), [1, 1, resolution, resolution]);
  };
  const image = createModel(network.config).synthesis(p, ws, noise, lod);
  return upsampleNearest(image, 2 ** lod.level);
}
