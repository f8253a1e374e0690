// The fixed grid of samples by which a run is watched: the same latents and noise at every snapshot.

import { Random } from '../core/random.ts';
import { type FloatTensor, floatTensor } from '../core/tensor.ts';
import { scalePixels } from '../data/batches.ts';
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

/** What the cells show: the image whose label each has, and which latent. */
interface Cells {
  readonly images: readonly number[];
  readonly latents: readonly number[];
  /** The classes in the order of their rows, which begin again below the last one; null where rows mean nothing. */
  readonly classes: readonly number[] | null;
}

/**
 * A row for each class, with the same latents in all rows, so that the label is all that differs; where these rows fit
 * in more than once, the next latents follow. Without classes, or with too many, the first images of the data set.
 */
function cellsOf(dataset: Dataset, cDim: number, columns: number, rows: number): Cells {
  const byClass = cDim > 0 ? imagesByClass(dataset, rows, columns * rows) : null;
  if (byClass === null) {
    const count = columns * rows;
    const cells = Array.from({ length: count }, (_, cell) => cell);
    return { images: cells.map((cell) => cell % dataset.length), latents: cells, classes: null };
  }
  const classes = [...byClass.keys()].sort((a, b) => a - b);
  const images: number[] = [];
  const latents: number[] = [];
  for (let start = 0; start < Math.floor(rows / classes.length) * columns; start += columns) {
    for (const which of classes) {
      const own = byClass.get(which)!;
      for (let latent = start; latent < start + columns; latent++) {
        images.push(own[latent % own.length]);
        latents.push(latent);
      }
    }
  }
  return { images, latents, classes };
}

/** The first `most` images of each class; null unless all labels are one-hot, of at most `maxClasses` classes. */
function imagesByClass(dataset: Dataset, maxClasses: number, most: number): Map<number, number[]> | null {
  const byClass = new Map<number, number[]>();
  for (let i = 0; i < dataset.length; i++) {
    const label = dataset.label(i);
    const which = label.indexOf(1);
    if (which < 0 || label.some((value, k) => value !== 0 && k !== which)) return null;
    const images = byClass.get(which) ?? [];
    if (images.length < most) images.push(i);
    byClass.set(which, images);
    if (byClass.size > maxClasses) return null;
  }
  return byClass;
}

/** Generated images for fixed latents, with the labels of as many real images. */
export class SampleGrid {
  readonly columns: number;
  /** Classes whose images the rows show, from the top and over again; null where rows mean nothing. */
  readonly classes: readonly number[] | null;
  private readonly sampler: Sampler;
  private readonly latents: Latents;
  private readonly real: FloatTensor;

  private constructor(
    sampler: Sampler,
    latents: Latents,
    real: FloatTensor,
    { columns, classes }: Pick<SampleGrid, 'columns' | 'classes'>,
  ) {
    this.sampler = sampler;
    this.latents = latents;
    this.real = real;
    this.columns = columns;
    this.classes = classes;
  }

  /** With few classes, a row for each; else cells are the first images, over again when there are fewer. */
  static async open(
    sampler: Sampler,
    state: TrainingState,
    dataset: Dataset,
    seed: number,
  ): Promise<SampleGrid> {
    const { zDim, cDim } = state.model.config;
    const { channels, resolution: r } = dataset;
    const [columns, rows] = gridSize(r);
    const { images, latents, classes } = cellsOf(dataset, cDim, columns, rows);
    const count = images.length;
    const drawn = new Random(seed, 'sample-grid').fillNormal(new Float32Array(count * zDim));
    const z = new Float32Array(count * zDim);
    const c = cDim > 0 ? new Float32Array(count * cDim) : null;
    const reals = new Float32Array(count * channels * r * r);
    for (let cell = 0; cell < count; cell++) {
      scalePixels(reals.subarray(cell * channels * r * r), await dataset.readImage(images[cell]));
      z.set(drawn.subarray(latents[cell] * zDim, (latents[cell] + 1) * zDim), cell * zDim);
      c?.set(dataset.label(images[cell]), cell * cDim);
    }
    const real = floatTensor(reals, [count, channels, r, r]);
    return new SampleGrid(sampler, { z, c }, real, { columns, classes });
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
