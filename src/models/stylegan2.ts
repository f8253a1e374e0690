// StyleGAN2 under the family's contract.

import { prefixed, scoped } from '../nn/parameters.ts';
import type { Model } from './contract.ts';
import { mapping, mappingParameters } from './mapping.ts';
import type { StyleGAN2Config } from './stylegan2-config.ts';
import { discriminate, discriminatorParameters } from './stylegan2-discriminator.ts';
import { noiseLayers, synthesis, synthesisParameters } from './stylegan2-synthesis.ts';

export function stylegan2(config: StyleGAN2Config): Model {
  const { zDim, cDim, wDim, mappingLayers } = config;
  return {
    config,
    numWs: config.numWs,
    noiseLayers: noiseLayers(config),
    generator: [
      ...prefixed('synthesis', synthesisParameters(config)),
      ...prefixed('mapping', [
        ...mappingParameters({ zDim, cDim, wDim, layers: mappingLayers }),
        { name: 'w_avg', shape: [wDim], init: { value: 0 }, trainable: false },
      ]),
    ],
    discriminator: discriminatorParameters(config),
    mapping: (p, z, c) => mapping(scoped(p, 'mapping'), z, c, mappingLayers),
    synthesis: (p, ws, noise) => synthesis(config, scoped(p, 'synthesis'), ws, noise),
    discriminate: (p, image, c) => discriminate(config, p, image, c),
  };
}
