// What determines a StyleGAN2: the published configuration keys, checked.

import { z } from 'zod';

const powerOfTwo = (low: number, high: number) =>
  z
    .number()
    .int()
    .min(low)
    .max(high)
    .refine((n) => (n & (n - 1)) === 0, { message: `expected a power of two from ${low} to ${high}` });

/** Bounds keep a hostile file from asking for more memory than its tensors could fill. */
const width = z.number().int().min(1).max(8192);

export const stylegan2Config = z
  .object({
    model: z.literal('stylegan2'),
    zDim: width,
    /** 0 without labels. */
    cDim: z.number().int().min(0).max(65536),
    wDim: width,
    numWs: z.number().int().min(1).max(32),
    imgResolution: powerOfTwo(4, 1024),
    imgChannels: z.union([z.literal(1), z.literal(3), z.literal(4)]),
    /** Feature maps at resolution R: min(channelBase / R, channelMax). */
    channelBase: z
      .number()
      .int()
      .min(1)
      .max(1 << 20),
    channelMax: width,
    mappingLayers: z.number().int().min(1).max(32),
    architecture: z.enum(['skip', 'resnet', 'orig']),
    discriminator: z.object({
      architecture: z.enum(['skip', 'resnet', 'orig']),
      /** Images that share one minibatch deviation; 1 turns the statistic off. */
      mbstdGroup: z.number().int().min(1).max(1024),
      channelBase: z
        .number()
        .int()
        .min(1)
        .max(1 << 20),
      channelMax: width,
      /** Depth of the label branch. */
      mappingLayers: z.number().int().min(1).max(32),
    }),
  })
  .refine((config) => config.numWs === stylegan2NumWs(config.imgResolution), {
    path: ['numWs'],
    message: 'expected 2·log2(imgResolution) - 2 styles',
  });

export type StyleGAN2Config = z.infer<typeof stylegan2Config>;

/** 4, 8, …, R. */
export function blockResolutions(config: { readonly imgResolution: number }): number[] {
  const resolutions: number[] = [];
  for (let r = 4; r <= config.imgResolution; r *= 2) resolutions.push(r);
  return resolutions;
}

/** Feature maps at a resolution. */
export function channelsAt(config: { channelBase: number; channelMax: number }, resolution: number): number {
  return Math.max(1, Math.min(Math.floor(config.channelBase / resolution), config.channelMax));
}

/** Style vectors: two a block (one in the first), and one for the last ToRGB. */
export function stylegan2NumWs(imgResolution: number): number {
  return 2 * (Math.log2(imgResolution) - 1);
}
