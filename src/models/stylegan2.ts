// StyleGAN2 under the family's contract.

import { prefixed, scoped } from '../nn/parameters.ts';
import type { Model } from './contract.ts';
import { averageW, mapping, mappingParameters, wAvgBuffer } from './mapping.ts';
import type { StyleGAN2Config } from './stylegan2-config.ts';
import { discriminate, discriminatorParameters } from './stylegan2-discriminator.ts';
import { noiseLayers, synthesis, synthesisParameters } from './stylegan2-synthesis.ts';

export function stylegan2(config: StyleGAN2Config): Model<StyleGAN2Config> {
  const { zDim, cDim, wDim, mappingLayers } = config;
  return {
    config,
    noiseLayers: noiseLayers(config),
    wAvg: 'mapping.w_avg',
    maxLod: 0,
    mbstdGroup: config.discriminator.mbstdGroup,
    generator: [
      ...prefixed('synthesis', synthesisParameters(config)),
      ...prefixed('mapping', [
        ...mappingParameters({ zDim, cDim, wDim, layers: mappingLayers }),
        wAvgBuffer(wDim),
      ]),
    ],
    discriminator: discriminatorParameters(config),
    mapping: (p, z, c) => averageW(scoped(p, 'mapping'), mapping(scoped(p, 'mapping'), z, c, mappingLayers)),
    synthesis: (p, ws, noise) => synthesis(config, scoped(p, 'synthesis'), ws, noise),
    discriminate: (p, image, c) => ({ logits: discriminate(config, p, image, c), classes: null }),
  };
}
