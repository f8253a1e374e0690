// From a configuration, as found in a file or built from options, to its model.

import type { z } from 'zod';
import { FileError } from '../core/errors.ts';
import { faultOf } from '../core/schema.ts';
import type { CommonConfig } from './common-config.ts';
import type { Model } from './contract.ts';
import { type DCGANConfig, dcgan, dcganConfig } from './dcgan.ts';
import { type GANConfig, gan, ganConfig } from './gan.ts';
import { progan } from './progan.ts';
import { type ProGANConfig, proganConfig } from './progan-config.ts';
import { withSpectralNorm } from './spectral-norm.ts';
import { stylegan } from './stylegan.ts';
import { type StyleGANConfig, styleganConfig } from './stylegan-config.ts';
import { stylegan2 } from './stylegan2.ts';
import { type StyleGAN2Config, stylegan2Config } from './stylegan2-config.ts';

/** Everything that determines a network's layers, as stored in its file. */
export type NetworkConfig = GANConfig | DCGANConfig | ProGANConfig | StyleGANConfig | StyleGAN2Config;

interface Generation<Config extends CommonConfig> {
  readonly schema: z.ZodType<Config>;
  readonly create: (config: Config) => Model;
}

const generation = <Config extends CommonConfig>(
  schema: z.ZodType<Config>,
  create: (config: Config) => Model,
) => ({ schema, create }) satisfies Generation<Config>;

const GENERATIONS = {
  gan: generation(ganConfig, gan),
  dcgan: generation(dcganConfig, dcgan),
  progan: generation(proganConfig, progan),
  stylegan: generation(styleganConfig, stylegan),
  stylegan2: generation(stylegan2Config, stylegan2),
};

/** Generations whose layers multiply their weights by 1/√fan_in as they run. */
const EQUALIZED: ReadonlySet<NetworkConfig['model']> = new Set(['progan', 'stylegan', 'stylegan2']);

export function createModel(config: NetworkConfig): Model<NetworkConfig> {
  // The table maps each configuration to its own function, which the union of both cannot express.
  const { create } = GENERATIONS[config.model] as unknown as {
    create: (config: NetworkConfig) => Model<NetworkConfig>;
  };
  const model = create(config);
  if (!config.discriminator.spectralNorm) return model;
  return withSpectralNorm(model, { equalized: EQUALIZED.has(config.model) });
}

/** Checks a configuration that came from outside. Throws {@link FileError} naming `source`. */
export function parseConfig(value: unknown, source: string): NetworkConfig {
  const model = (value as { model?: unknown } | null)?.model;
  if (typeof model !== 'string' || !Object.hasOwn(GENERATIONS, model)) {
    throw new FileError(
      `${source}: network configuration: model: got ${JSON.stringify(model)}, expected one of ` +
        Object.keys(GENERATIONS).join(', '),
    );
  }
  const result = GENERATIONS[model as keyof typeof GENERATIONS].schema.safeParse(value);
  if (result.success) return result.data;
  const { path: key, got, expected } = faultOf(result.error, value);
  throw new FileError(
    `${source}: network configuration: ${key || 'config'}: got ${got}, expected ${expected}`,
  );
}
