// What the configurations of all generations share: sizes of latents and images, with bounds.

import { z } from 'zod';

export const powerOfTwo = (low: number, high: number) =>
  z
    .number()
    .int()
    .min(low)
    .max(high)
    .refine((n) => (n & (n - 1)) === 0, { message: `expected a power of two from ${low} to ${high}` });

/** Bounds keep a hostile file from asking for more memory than its tensors could fill. */
export const width = z.number().int().min(1).max(8192);
export const channelBase = z
  .number()
  .int()
  .min(1)
  .max(1 << 20);

/** Keys of every configuration. */
export const commonShape = {
  zDim: width,
  /** 0 without labels. */
  cDim: z.number().int().min(0).max(65536),
  /** Size of what the synthesis network takes: w, or z itself for networks without a W. */
  wDim: z
    .number()
    .int()
    .min(1)
    .max(8192 + 65536),
  /** Style vectors for each image; 1 for networks without styles. */
  numWs: z.number().int().min(1).max(32),
  imgResolution: powerOfTwo(4, 1024),
  imgChannels: z.union([z.literal(1), z.literal(3), z.literal(4)]),
};

/** Networks without a W: their synthesis takes z, with the label beside it. For `.refine(hasNoW, NO_W)`. */
export const hasNoW = (config: { numWs: number; wDim: number; zDim: number; cDim: number }): boolean =>
  config.numWs === 1 && config.wDim === config.zDim + config.cDim;
export const NO_W = { path: ['wDim'], message: 'expected zDim + cDim, and numWs 1, without styles' };

/** Keys of every discriminator's configuration. */
export const discriminatorShape = {
  /** Divide every weight by its largest singular value (Miyato et al. 2018). */
  spectralNorm: z.boolean().optional(),
};

export interface CommonConfig {
  readonly model: string;
  readonly zDim: number;
  readonly cDim: number;
  readonly wDim: number;
  readonly numWs: number;
  readonly imgResolution: number;
  readonly imgChannels: 1 | 3 | 4;
  readonly discriminator: { readonly spectralNorm?: boolean };
}

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
