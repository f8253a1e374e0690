// What determines a StyleGAN, checked: the features of the paper's table 1 by name.

import { z } from 'zod';
import { commonShape } from './common-config.ts';
import { growingShape } from './growing-config.ts';

/** Configurations B to F of StyleGAN's table 1 turn these on in order (F: mixing, in training); A is ProGAN. */
export const styleganConfig = z
  .object({
    model: z.literal('stylegan'),
    ...commonShape,
    ...growingShape,
    fusedScale: z.union([z.literal('auto'), z.boolean()]),
    /** A [1, 2, 1] filter after each enlarging and before each reducing convolution (config B). */
    bilinear: z.boolean(),
    /** Mapping network, and AdaIN in place of pixel normalization (config C). */
    styles: z.boolean(),
    /** A learned constant in place of a dense layer that sees the latent (config D). */
    constInput: z.boolean(),
    /** Noise before each activation of G (config E). */
    noise: z.boolean(),
    /** Depth of the mapping network; without styles there is none. */
    mappingLayers: z.number().int().min(1).max(32),
  })
  .refine((config) => config.styles || !config.constInput, {
    path: ['constInput'],
    message: 'expected false without styles: nothing else would see the latent',
  })
  .refine((config) => config.numWs === styleganNumWs(config), {
    path: ['numWs'],
    message: 'expected 2·log2(imgResolution) - 2 styles, or 1 without styles',
  })
  .refine((config) => config.styles || config.wDim === config.zDim + config.cDim, {
    path: ['wDim'],
    message: 'expected zDim + cDim without styles: latent and label enter together',
  });

export type StyleGANConfig = z.infer<typeof styleganConfig>;

/** Style vectors: two for each resolution; 1 without styles. */
export function styleganNumWs({
  styles,
  imgResolution,
}: {
  readonly styles: boolean;
  readonly imgResolution: number;
}): number {
  return styles ? 2 * (Math.log2(imgResolution) - 1) : 1;
}
