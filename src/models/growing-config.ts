// What the configurations of growing networks share: ProGAN's and StyleGAN's differ in features, not in plan.

import { z } from 'zod';
import { type CommonConfig, channelBase, discriminatorShape, width } from './common-config.ts';
import type { Lod } from './contract.ts';

/** Keys of every growing network's configuration. */
export const growingShape = {
  /** Feature maps at resolution R: min(channelBase / R, channelMax). */
  channelBase,
  channelMax: width,
  discriminator: z.object({
    ...discriminatorShape,
    /** Images that share one minibatch deviation; 1 turns the statistic off. */
    mbstdGroup: z.number().int().min(1).max(1024),
    channelBase,
    channelMax: width,
  }),
};

/** Configuration of a growing network with every feature named. */
export interface GrowingConfig extends CommonConfig {
  readonly model: 'progan' | 'stylegan';
  readonly channelBase: number;
  readonly channelMax: number;
  /** Resampling as part of the convolution: always, never, or where the larger image has at least 128². */
  readonly fusedScale: 'auto' | boolean;
  /** A [1, 2, 1] filter after each enlarging and before each reducing convolution. */
  readonly bilinear: boolean;
  /** Mapping network, and AdaIN in place of pixel normalization. */
  readonly styles: boolean;
  /** A learned constant in place of a dense layer that sees the latent. Needs styles. */
  readonly constInput: boolean;
  readonly noise: boolean;
  readonly discriminator: CommonConfig['discriminator'] & {
    readonly mbstdGroup: number;
    readonly channelBase: number;
    readonly channelMax: number;
  };
}

/** `fusedScale: 'auto'` means from this resolution on. */
const AUTO_FUSED_RESOLUTION = 128;

/** Whether the convolution between `resolution` and half of it resamples as well. */
export function isFused({ fusedScale }: Pick<GrowingConfig, 'fusedScale'>, resolution: number): boolean {
  return fusedScale === 'auto' ? resolution >= AUTO_FUSED_RESOLUTION : fusedScale;
}

/** Level of detail at which a resolution is the image's. */
export function levelOf({ imgResolution }: { readonly imgResolution: number }, resolution: number): number {
  return Math.log2(imgResolution / resolution);
}

/** Resolution of images at a level of detail. Throws RangeError where there is no such level, or none to fade to. */
export function resolutionAt(
  { imgResolution }: { readonly imgResolution: number },
  { level, fade }: Lod,
): number {
  const resolution = imgResolution / 2 ** level;
  const least = fade === null ? 4 : 8;
  if (resolution < least) {
    throw new RangeError(
      `got level ${level}${fade === null ? '' : ' with a fade'}, expected images of ${least}² at least`,
    );
  }
  return resolution;
}
