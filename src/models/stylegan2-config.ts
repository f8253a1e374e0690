// What determines a StyleGAN2: the published configuration keys, checked.

import { z } from 'zod';
import { channelBase, commonShape, discriminatorShape, width } from './common-config.ts';

export const stylegan2Config = z
  .object({
    model: z.literal('stylegan2'),
    ...commonShape,
    /** Feature maps at resolution R: min(channelBase / R, channelMax). */
    channelBase,
    channelMax: width,
    mappingLayers: z.number().int().min(1).max(32),
    architecture: z.enum(['skip', 'resnet', 'orig']),
    discriminator: z.object({
      ...discriminatorShape,
      architecture: z.enum(['skip', 'resnet', 'orig']),
      /** Images that share one minibatch deviation; 1 turns the statistic off. */
      mbstdGroup: z.number().int().min(1).max(1024),
      channelBase,
      channelMax: width,
      /** Depth of the label branch; 0 where labels are only embedded. */
      mappingLayers: z.number().int().min(0).max(32),
    }),
  })
  .refine((config) => config.numWs === stylegan2NumWs(config.imgResolution), {
    path: ['numWs'],
    message: 'expected 2·log2(imgResolution) - 2 styles',
  });

export type StyleGAN2Config = z.infer<typeof stylegan2Config>;

/** Style vectors: two a block (one in the first), and one for the last ToRGB. */
export function stylegan2NumWs(imgResolution: number): number {
  return 2 * (Math.log2(imgResolution) - 1);
}
