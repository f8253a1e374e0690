// ProGAN under the family's contract (Karras et al. 2018).

import { concat } from '../graph/build.ts';
import { normalize2ndMoment } from '../nn/normalize.ts';
import { prefixed, scoped } from '../nn/parameters.ts';
import type { Model } from './contract.ts';
import { type GrowingConfig, levelOf } from './growing-config.ts';
import { growingDiscriminate, growingDiscriminatorParameters } from './growing-discriminator.ts';
import { growingSynthesis, growingSynthesisParameters } from './growing-synthesis.ts';
import type { ProGANConfig } from './progan-config.ts';

export function progan(config: ProGANConfig): Model<ProGANConfig> {
  const growing: GrowingConfig = {
    ...config,
    bilinear: false,
    styles: false,
    constInput: false,
    noise: false,
  };
  return {
    config,
    noiseLayers: [],
    wAvg: null,
    maxLod: levelOf(config, 4),
    mbstdGroup: config.discriminator.mbstdGroup,
    generator: prefixed('synthesis', growingSynthesisParameters(growing)),
    discriminator: growingDiscriminatorParameters(growing),
    // There is no mapping network: latent and label are only brought to unit length, together.
    mapping: (_p, z, c) => normalize2ndMoment(c === null ? z : concat([z, c], 1)),
    synthesis: (p, ws, noise, lod) => growingSynthesis(growing, scoped(p, 'synthesis'), ws, noise, lod),
    discriminate: (p, image, c, lod) => growingDiscriminate(growing, p, image, c, lod),
  };
}
