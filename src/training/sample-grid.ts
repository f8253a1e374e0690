// The fixed grid of samples by which a run is watched: the same latents and noise at every snapshot.

import { Random } from '../core/random.ts';
import { type FloatTensor, floatTensor } from '../core/tensor.ts';
import type { Dataset } from '../data/dataset.ts';
import { imagesAtLod } from './growth.ts';
import type { Latents, Sampler } from './sampler.ts';
import type { TrainingState } from './state.ts';

/** Columns and rows that fill a picture of about 960×540. */
export function gridSize(resolution: number): [columns: number, rows: number] {
  const count = (length: number, low: number, high: number) =>
    Math.max(low, Math.min(high, Math.floor(length / resolution)));
  return [count(960, 4, 16), count(540, 3, 9)];
}

/** Generated images for fixed latents, with the labels of as many real images. */
export class SampleGrid {
  readonly columns: number;
  private readonly sampler: Sampler;
  private readonly latents: Latents;
  private readonly real: FloatTensor;

  private constructor(sampler: Sampler, latents: Latents, real: FloatTensor, columns: number) {
    this.sampler = sampler;
    this.latents = latents;
    this.real = real;
    this.columns = columns;
  }

  /** The cells are the first images of the data set, over again when there are fewer. */
  static async open(
    sampler: Sampler,
    state: TrainingState,
    dataset: Dataset,
    seed: number,
  ): Promise<SampleGrid> {
    const { zDim, cDim } = state.model.config;
    const { channels, resolution: r } = dataset;
    const [columns, rows] = gridSize(r);
    const count = columns * rows;
    const z = new Random(seed, 'sample-grid').fillNormal(new Float32Array(count * zDim));
    const c = cDim > 0 ? new Float32Array(count * cDim) : null;
    const reals = new Float32Array(count * channels * r * r);
    for (let cell = 0; cell < count; cell++) {
      const pixels = await dataset.readImage(cell % dataset.length);
      for (let i = 0; i < pixels.length; i++) reals[cell * pixels.length + i] = pixels[i] / 127.5 - 1;
      c?.set(dataset.label(cell % dataset.length), cell * cDim);
    }
    return new SampleGrid(sampler, { z, c }, floatTensor(reals, [count, channels, r, r]), columns);
  }

  /** [cells, C, R, R]. */
  draw(): Promise<FloatTensor> {
    return this.sampler.draw(this.latents);
  }

  /** The real images as D sees them at `lod`: [cells, C, R / 2^⌊lod⌋, R / 2^⌊lod⌋]. */
  reals(lod: number): FloatTensor {
    const [count, channels, resolution] = this.real.shape;
    const r = resolution / 2 ** Math.floor(lod);
    return floatTensor(imagesAtLod(this.real.data, resolution, lod), [count, channels, r, r]);
  }
}
