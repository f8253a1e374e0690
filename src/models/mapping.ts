// The mapping network z → w (StyleGAN, section 2), shared by StyleGAN2 and the label branch of its discriminator.

import { concat, mean, reshape } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { linear, linearParameters } from '../nn/linear.ts';
import { normalize2ndMoment } from '../nn/normalize.ts';
import { buffer, type ParameterSpec, type Parameters, prefixed, scoped } from '../nn/parameters.ts';

export interface MappingConfig {
  /** 0 for the discriminator's label branch, which has no latent. */
  readonly zDim: number;
  readonly cDim: number;
  readonly wDim: number;
  readonly layers: number;
}

/** Learning rate of the mapping network relative to the rest (StyleGAN, appendix C). */
export const MAPPING_LR_MULTIPLIER = 0.01;

export function mappingParameters({ zDim, cDim, wDim, layers }: MappingConfig): ParameterSpec[] {
  const embedded = cDim > 0 ? wDim : 0;
  const specs = cDim > 0 ? prefixed('embed', linearParameters(cDim, wDim)) : [];
  for (let i = 0; i < layers; i++) {
    const inFeatures = i === 0 ? zDim + embedded : wDim;
    specs.push(
      ...prefixed(`fc${i}`, linearParameters(inFeatures, wDim, { lrMultiplier: MAPPING_LR_MULTIPLIER })),
    );
  }
  return specs;
}

/** z [N, zDim] (null without latents) and c [N, cDim] (null without labels) → w [N, wDim]. */
export function mapping(p: Parameters, z: Node | null, c: Node | null, layers: number): Node {
  const parts: Node[] = [];
  if (z !== null) parts.push(normalize2ndMoment(z));
  if (c !== null) parts.push(normalize2ndMoment(linear(scoped(p, 'embed'), c)));
  let x = concat(parts, 1);
  for (let i = 0; i < layers; i++) {
    x = linear(scoped(p, `fc${i}`), x, { activation: 'lrelu', lrMultiplier: MAPPING_LR_MULTIPLIER });
  }
  return x;
}

/** Share of the old average of w kept at each mapping (StyleGAN, appendix C). */
const W_AVG_BETA = 0.995;

/** The running average of w, towards which truncation goes. */
export const wAvgBuffer = (wDim: number): ParameterSpec => buffer('w_avg', [wDim], { value: 0 }, W_AVG_BETA);

/** w [N, wDim] itself; in training, its mean moves `w_avg`. `p` looks up beside `w_avg`. */
export function averageW(p: Parameters, w: Node): Node {
  p.observe?.('w_avg', reshape(mean(w, [0]), [w.shape[1]]));
  return w;
}

/** For networks without a W: z [N, zDim] with the label beside it [N, zDim + cDim] (Mirza & Osindero 2014). */
export const labelledLatent = (z: Node, c: Node | null): Node => concat(c === null ? [z] : [z, c], 1);
