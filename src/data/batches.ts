// Endless seeded minibatches of a data set, whose position can be saved and continued exactly.
import { FileError } from '../core/errors.ts';
import { Random } from '../core/random.ts';
import type { Dataset } from './dataset.ts';

/** One minibatch. */
export interface Batch {
  /** float32 [N, C, H, W] in [-1, 1]: x / 127.5 - 1. */
  readonly images: Float32Array;
  /** float32 [N, labelDim]. */
  readonly labels: Float32Array;
}

/** Where a stream of batches stands: what the next call of `next()` starts with. JSON-able. */
export interface BatchesSnapshot {
  readonly epoch: number;
  /** Images of this epoch already given out. */
  readonly position: number;
  /** Images per epoch (mirrored copies included), to notice another data set. */
  readonly epochLength: number;
}

export interface BatchesOptions {
  /** Images per batch, when `next` is not told otherwise. */
  readonly batch: number;
  readonly seed: number;
  /** Doubles the data set with copies flipped left to right. */
  readonly mirror?: boolean;
}

/**
 * Each epoch shows every image once, in an order that depends on the seed and the epoch's number only;
 * so (epoch, position) is the whole state. A batch may reach over the end of an epoch. The next batch is
 * loaded while the caller works on the present one.
 */
export class EndlessBatches {
  private readonly dataset: Dataset;
  private readonly batch: number;
  private readonly seed: number;
  private readonly epochLength: number;
  private epoch = 0;
  private position = 0;
  private order: Uint32Array;
  private prefetched: { readonly count: number; readonly batch: Promise<Batch> } | null = null;

  constructor(dataset: Dataset, { batch, seed, mirror = false }: BatchesOptions) {
    if (!Number.isInteger(batch) || batch < 1) throw new RangeError(`got batch ${batch}, expected 1 or more`);
    if (dataset.length < 1) throw new RangeError(`got no images from ${dataset.path}, expected 1 or more`);
    this.dataset = dataset;
    this.batch = batch;
    this.seed = seed;
    this.epochLength = dataset.length * (mirror ? 2 : 1);
    this.order = this.orderOf(0);
  }

  /**
   * The next `count` images; one call at a time. Rejects with what `readImage` throws; the position then stays where it
   * was.
   */
  async next(count = this.batch): Promise<Batch> {
    const known = this.prefetched?.count === count ? this.prefetched.batch : null;
    const loading = known ?? this.load(this.upcoming(count));
    this.prefetched = null;
    const batch = await loading;
    this.advance(count);
    this.prefetched = { count, batch: this.load(this.upcoming(count)) };
    this.prefetched.batch.catch(() => {}); // reported by the next() that waits for it
    return batch;
  }

  snapshot(): BatchesSnapshot {
    return { epoch: this.epoch, position: this.position, epochLength: this.epochLength };
  }

  /** Continues from a snapshot of a stream with the same data set, seed and mirror setting. */
  restore(snapshot: BatchesSnapshot): void {
    const { epoch, position, epochLength } = snapshot;
    if (epochLength !== this.epochLength) {
      throw new FileError(
        `got ${this.epochLength} images from ${this.dataset.path}, expected ${epochLength} as when the run ` +
          'was saved (mirrored copies included): give the same data set again, or start a new run',
      );
    }
    const valid = Number.isInteger(epoch) && epoch >= 0 && Number.isInteger(position) && position >= 0;
    if (!valid || position >= epochLength) {
      throw new RangeError(
        `got data position ${position} in epoch ${epoch}, expected one below ${epochLength}`,
      );
    }
    this.epoch = epoch;
    this.position = position;
    this.order = this.orderOf(epoch);
    this.prefetched = null;
  }

  private orderOf(epoch: number): Uint32Array {
    return new Random(this.seed, `data-epoch-${epoch}`).permutation(this.epochLength);
  }

  /** Indices of the `count` images that start at the present position; at or above dataset.length means mirrored. */
  private upcoming(count: number): number[] {
    const indices: number[] = [];
    let { epoch, position, order } = this;
    while (indices.length < count) {
      if (position === this.epochLength) {
        order = this.orderOf(++epoch);
        position = 0;
      }
      indices.push(order[position++]);
    }
    return indices;
  }

  private advance(count: number): void {
    const position = this.position + count;
    const epochs = Math.floor(position / this.epochLength);
    this.position = position - epochs * this.epochLength;
    if (epochs > 0) {
      this.epoch += epochs;
      this.order = this.orderOf(this.epoch);
    }
  }

  private async load(indices: readonly number[]): Promise<Batch> {
    const { channels, resolution, labelDim, length } = this.dataset;
    const imageSize = channels * resolution * resolution;
    const images = new Float32Array(indices.length * imageSize);
    const labels = new Float32Array(indices.length * labelDim);
    const pixels = await Promise.all(indices.map((index) => this.dataset.readImage(index % length)));
    for (let n = 0; n < indices.length; n++) {
      const mirrored = indices[n] >= length;
      const image = images.subarray(n * imageSize, (n + 1) * imageSize);
      scalePixels(image, pixels[n]);
      if (mirrored) mirrorRows(image, resolution);
      labels.set(this.dataset.label(indices[n] % length), n * labelDim);
    }
    return { images, labels };
  }
}

/** Pixels 0..255 → [-1, 1], as networks take them: x / 127.5 - 1. */
export function scalePixels(out: Float32Array, pixels: Uint8Array): void {
  for (let i = 0; i < pixels.length; i++) out[i] = pixels[i] / 127.5 - 1;
}

/** Reverses each row of [C, H, W] in place. */
function mirrorRows(image: Float32Array, width: number): void {
  for (let row = 0; row < image.length; row += width) image.subarray(row, row + width).reverse();
}
