// Images of random latents, drawn one batch after the other: what metrics measure a network by.

import { Random } from '../core/random.ts';
import type { FloatTensor } from '../core/tensor.ts';
import type { MappingOptions, Network } from './network.ts';

/** Where labels are drawn from, such as a data set. */
export interface LabelSource {
  readonly length: number;
  /** float32 [cDim] */
  label(index: number): Float32Array;
}

/**
 * Returns a function that generates `count` images more at each call, NCHW in [-1, 1], with latents, labels and
 * per-layer noise of its own for each. Conditional networks get the labels of random entries of `labels`. The same
 * seed gives the same images in the same order.
 */
export function randomImages(
  network: Network,
  labels: LabelSource,
  { seed, ...truncation }: MappingOptions & { readonly seed: number },
): (count: number) => Promise<FloatTensor> {
  const { zDim, cDim } = network.config;
  const latents = new Random(seed, 'metric-latents');
  const choice = new Random(seed, 'metric-labels');
  let noiseSeed = new Random(seed, 'metric-noise').uint32(); // image n of a batch takes noiseSeed + n
  return (count) => {
    const z = latents.fillNormal(new Float32Array(count * zDim));
    const c = cDim > 0 ? new Float32Array(count * cDim) : null;
    for (let i = 0; c && i < count; i++) c.set(labels.label(choice.integer(labels.length)), i * cDim);
    const images = network.generate(z, c, { ...truncation, noiseMode: 'random', noiseSeed });
    noiseSeed += count;
    return images;
  };
}
