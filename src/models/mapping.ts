// The mapping network z → w (StyleGAN, section 2), shared by StyleGAN2 and the label branch of its discriminator.

import { concat } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { linear, linearParameters } from '../nn/linear.ts';
import { normalize2ndMoment } from '../nn/normalize.ts';
import { type ParameterSpec, type Parameters, prefixed, scoped } from '../nn/parameters.ts';

export interface MappingConfig {
  /** 0 for the discriminator's label branch, which has no latent. */
  readonly zDim: number;
  readonly cDim: number;
  readonly wDim: number;
  readonly layers: number;
}

const LR_MULTIPLIER = 0.01;

export function mappingParameters({ zDim, cDim, wDim, layers }: MappingConfig): ParameterSpec[] {
  const embedded = cDim > 0 ? wDim : 0;
  const specs = cDim > 0 ? prefixed('embed', linearParameters(cDim, wDim)) : [];
  for (let i = 0; i < layers; i++) {
    const inFeatures = i === 0 ? zDim + embedded : wDim;
    specs.push(...prefixed(`fc${i}`, linearParameters(inFeatures, wDim, { lrMultiplier: LR_MULTIPLIER })));
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
    x = linear(scoped(p, `fc${i}`), x, { activation: 'lrelu', lrMultiplier: LR_MULTIPLIER });
  }
  return x;
}
