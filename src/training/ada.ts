// Adaptive discriminator augmentation: D's signs on real images tell of overfitting, and move the strength p.

import type { TrainingOptions } from './options.ts';

/** Steps between two updates of p, as published. */
export const ADA_INTERVAL = 4;

/** Strength of the augmentation, and what was gathered since it last moved. */
export interface Strength {
  /** Probability of each transform, from 0; above 1 as 1. */
  readonly p: number;
  /** Sum of the signs of D's logits of real images, and how many these are. */
  readonly signs: number;
  readonly count: number;
}

/** "ada, bgc, target 0.6 over 500 kimg": what a run augments. */
export function augmentationText({ aug, augpipe, p, target, adaKimg }: TrainingOptions): string {
  if (aug === 'noaug') return 'none';
  const strength = aug === 'ada' ? `target ${target} over ${adaKimg} kimg` : `p ${p}`;
  return `${aug}, ${augpipe}, ${strength}`;
}

/** With the signs of more real images, given by their mean from -1 to 1. */
export function gathered({ p, signs, count }: Strength, mean: number, images: number): Strength {
  return { p, signs: signs + mean * images, count: count + images };
}

/**
 * One update (StyleGAN2-ADA, section 3.1): p moves towards what brings r_t = E[sign(D(real))] to the target, at a speed
 * that takes it from 0 to 1 in `adaKimg` thousand images. It does not fall below 0, and has no bound above.
 */
export function adapted(
  { p, signs, count }: Strength,
  { target, adaKimg }: Pick<TrainingOptions, 'target' | 'adaKimg'>,
): Strength {
  if (count === 0) return { p, signs, count };
  const step = (Math.sign(signs / count - target) * count) / (adaKimg * 1000);
  return { p: Math.max(p + step, 0), signs: 0, count: 0 };
}
