// The constructor arguments that the published tools store with a network, as a configuration of ours.

import { z } from 'zod';
import { FileError } from '../core/errors.ts';
import { faultOf } from '../core/schema.ts';
import type { NetworkConfig } from '../models/registry.ts';
import { parseConfig } from '../models/registry.ts';
import { stylegan2NumWs } from '../models/stylegan2-config.ts';

const architecture = z.enum(['skip', 'resnet', 'orig']);
const layers = z.object({ num_layers: z.number().default(8) }).prefault({});

const generatorArguments = z.object({
  z_dim: z.number(),
  c_dim: z.number(),
  w_dim: z.number(),
  img_resolution: z.number(),
  img_channels: z.number(),
  channel_base: z.number().default(32768),
  channel_max: z.number().default(512),
  architecture: architecture.default('skip'),
  mapping_kwargs: layers,
});

const discriminatorArguments = z.object({
  channel_base: z.number().default(32768),
  channel_max: z.number().default(512),
  architecture: architecture.default('resnet'),
  mapping_kwargs: layers,
  epilogue_kwargs: z
    .object({ mbstd_group_size: z.number().nullable().default(4), mbstd_num_channels: z.number().default(1) })
    .prefault({}),
});

function parse<T>(schema: z.ZodType<T>, value: unknown, source: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path, got, expected } = faultOf(result.error, value);
  throw new FileError(`${source}: ${path || 'arguments'}: got ${got}, expected ${expected}`);
}

/** Configuration of a StyleGAN2 from the arguments of its published generator and discriminator. */
export function fromPublishedArguments(
  generator: unknown,
  discriminator: unknown,
  source: string,
): NetworkConfig {
  const g = parse(generatorArguments, generator, `${source}: generator`);
  const d = parse(discriminatorArguments, discriminator, `${source}: discriminator`);
  const { mbstd_group_size: group, mbstd_num_channels: statistics } = d.epilogue_kwargs;
  if (statistics > 1) throw new FileError(`${source}: got mbstd_num_channels ${statistics}, expected 0 or 1`);
  if (statistics === 1 && group === null) {
    throw new FileError(`${source}: got no mbstd_group_size, expected a number of images`);
  }
  return parseConfig(
    {
      model: 'stylegan2',
      zDim: g.z_dim,
      cDim: g.c_dim,
      wDim: g.w_dim,
      numWs: stylegan2NumWs(g.img_resolution),
      imgResolution: g.img_resolution,
      imgChannels: g.img_channels,
      channelBase: g.channel_base,
      channelMax: g.channel_max,
      mappingLayers: g.mapping_kwargs.num_layers,
      architecture: g.architecture,
      discriminator: {
        architecture: d.architecture,
        mbstdGroup: statistics === 0 ? 1 : group,
        channelBase: d.channel_base,
        channelMax: d.channel_max,
        mappingLayers: d.mapping_kwargs.num_layers,
      },
    },
    source,
  );
}
