// What determines a ProGAN, checked.

import { z } from 'zod';
import { commonShape } from './common-config.ts';
import { growingShape } from './growing-config.ts';

export const proganConfig = z
  .object({
    model: z.literal('progan'),
    ...commonShape,
    ...growingShape,
    /**
     * Resampling as part of the convolution. In D, the image is then reduced before the activation instead of after
     * it; in G, kernels of equal effect are flipped.
     */
    fusedScale: z.boolean(),
  })
  .refine((config) => config.numWs === 1, { path: ['numWs'], message: 'expected 1: ProGAN has no styles' })
  .refine((config) => config.wDim === config.zDim + config.cDim, {
    path: ['wDim'],
    message: 'expected zDim + cDim: latent and label enter together',
  });

export type ProGANConfig = z.infer<typeof proganConfig>;
