// A model whose discriminator has spectrally normalized weights, whatever its generation.

import { spectrallyNormalized, spectralSpecs } from '../nn/spectral-norm.ts';
import type { CommonConfig } from './common-config.ts';
import type { Model } from './contract.ts';

/** The same networks with D's weights divided by their largest singular values (Miyato et al. 2018). */
export function withSpectralNorm<Config extends CommonConfig>(
  model: Model<Config>,
  { equalized }: { readonly equalized: boolean },
): Model<Config> {
  const { discriminator } = model;
  return {
    ...model,
    discriminator: [...discriminator, ...spectralSpecs(discriminator)],
    discriminate: (p, image, c, lod) =>
      model.discriminate(spectrallyNormalized(p, discriminator, { equalized }), image, c, lod),
  };
}
