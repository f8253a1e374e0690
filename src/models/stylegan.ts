// StyleGAN under the family's contract (Karras et al. 2019).

import { concat, matmul } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { equalizedDense } from '../nn/equalized.ts';
import { linearParameters } from '../nn/linear.ts';
import { normalize2ndMoment } from '../nn/normalize.ts';
import { normal, type ParameterSpec, type Parameters, prefixed, scoped } from '../nn/parameters.ts';
import type { Model } from './contract.ts';
import { levelOf } from './growing-config.ts';
import { growingDiscriminate, growingDiscriminatorParameters } from './growing-discriminator.ts';
import { growingNoiseLayers, growingSynthesis, growingSynthesisParameters } from './growing-synthesis.ts';
import { averageW, MAPPING_LR_MULTIPLIER, wAvgBuffer } from './mapping.ts';
import type { StyleGANConfig } from './stylegan-config.ts';

export function stylegan(config: StyleGANConfig): Model<StyleGANConfig> {
  return {
    config,
    noiseLayers: growingNoiseLayers(config),
    wAvg: config.styles ? 'mapping.w_avg' : null,
    maxLod: levelOf(config, 4),
    mbstdGroup: config.discriminator.mbstdGroup,
    generator: [
      ...prefixed('synthesis', growingSynthesisParameters(config)),
      ...prefixed('mapping', mappingParameters(config)),
    ],
    discriminator: growingDiscriminatorParameters(config),
    mapping: (p, z, c) => mapping(config, scoped(p, 'mapping'), z, c),
    synthesis: (p, ws, noise, lod) => growingSynthesis(config, scoped(p, 'synthesis'), ws, noise, lod),
    discriminate: (p, image, c, lod) => growingDiscriminate(config, p, image, c, lod),
  };
}

function mappingParameters({ styles, zDim, cDim, wDim, mappingLayers }: StyleGANConfig): ParameterSpec[] {
  if (!styles) return [];
  const embedding = cDim > 0 ? [normal('LabelConcat.weight', [zDim, cDim])] : [];
  const layers = Array.from({ length: mappingLayers }, (_, i) => {
    const inFeatures = i > 0 ? wDim : cDim > 0 ? 2 * zDim : zDim;
    const lrMultiplier = MAPPING_LR_MULTIPLIER;
    return prefixed(`Dense${i}`, linearParameters(inFeatures, wDim, { lrMultiplier }));
  });
  return [...embedding, ...layers.flat(), wAvgBuffer(wDim)];
}

/** z [N, zDim] and c [N, cDim] or null → w [N, wDim] (section 2); without styles only brought to unit length. */
function mapping({ styles, mappingLayers }: StyleGANConfig, p: Parameters, z: Node, c: Node | null): Node {
  const label = c !== null && styles ? matmul(c, p('LabelConcat.weight'), { transB: true }) : c;
  let x = normalize2ndMoment(label === null ? z : concat([z, label], 1));
  if (!styles) return x;
  for (let i = 0; i < mappingLayers; i++)
    x = equalizedDense(scoped(p, `Dense${i}`), x, MAPPING_LR_MULTIPLIER);
  return averageW(p, x);
}
