// The sliced Wasserstein distance of ProGAN (Karras et al. 2018, section 5): patches of real against generated images,
// compared at each level of a Laplacian pyramid. It needs no trained features.

import { Random } from '../core/random.ts';
import type { FloatTensor } from '../core/tensor.ts';
import { EndlessBatches } from '../data/batches.ts';
import { input, matmul } from '../graph/build.ts';
import type { Engine } from '../runtime/engine.ts';
import { laplacianPyramid } from './laplacian-pyramid.ts';
import type { MetricRequest, MetricResults } from './metric.ts';
import { sortFloats } from './sort-floats.ts';

/** Patches ("neighbourhoods") of each image at each level, and their side. */
const PATCHES = 128;
const PATCH_SIDE = 7;
/** The lowest level of the pyramid is at least this wide. */
const MIN_SIDE = 16;
/** Random directions: published as 4 repeats of 128, whose mean is that of 512. */
const DIRECTIONS = 512;
/** Directions projected at once: 34 MB for each kind of 2048 images. */
const DIRECTIONS_PER_RUN = 32;
/** Pixels read or generated at once. */
const BATCH_PIXELS = 2 ** 20;

/**
 * 10³ times the sliced Wasserstein distance of each pyramid level, by the published names `SWDx1e3_32`, …, and their
 * mean `SWDx1e3_avg`. Numbers compare only at equal `num`: fewer images give larger ones. Takes
 * 2 · num · levels · 25 KB · channels of memory: 620 MB for 2048 RGB images at 32² (levels 32 and 16), 1.5 GB at 256².
 */
export async function swd(request: MetricRequest): Promise<MetricResults> {
  const { dataset, seed, num, engine, onProgress, signal } = request;
  const { channels, resolution } = dataset;
  const batch = Math.max(1, Math.min(64, num, Math.floor(BATCH_PIXELS / resolution ** 2)));

  const collect = async (kind: 'reals' | 'fakes', draw: (count: number) => Promise<Float32Array>) => {
    const patches = new PatchCollector(num, channels, resolution, new Random(seed, `swd-${kind}`));
    for (let done = 0; done < num; done += batch) {
      signal?.throwIfAborted();
      const count = Math.min(batch, num - done);
      patches.add((await draw(count)).subarray(0, count * channels * resolution ** 2));
      onProgress?.({ stage: kind, done: done + count, total: num, unit: 'images' });
    }
    return patches.finish();
  };
  const batches = new EndlessBatches(dataset, { batch, seed, mirror: request.mirror });
  const reals = await collect('reals', async () => (await batches.next()).images);
  const fakes = await collect('fakes', async (count) =>
    checkImages(await request.generate(count), [count, channels, resolution, resolution]),
  );

  const sides = levelSides(resolution);
  const width = channels * patchSide(resolution) ** 2;
  const random = new Random(seed, 'swd-directions');
  const total = sides.length * DIRECTIONS;
  const results: Record<string, number> = {};
  for (const [level, side] of sides.entries()) {
    const distance = await slicedWasserstein(engine, reals[level], fakes[level], {
      width,
      directions: drawDirections(DIRECTIONS, width, random),
      onProgress: (done) => {
        signal?.throwIfAborted();
        onProgress?.({ stage: 'distance', done: level * DIRECTIONS + done, total, unit: 'directions' });
      },
    });
    results[`SWDx1e3_${side}`] = distance * 1e3;
  }
  const values = Object.values(results);
  return { ...results, SWDx1e3_avg: values.reduce((sum, value) => sum + value, 0) / values.length };
}

/** Sides of the levels, finest first: halved down to 16². A smaller image is one level, where nothing is published. */
export function levelSides(resolution: number): number[] {
  const sides = [resolution];
  for (let side = resolution / 2; side >= MIN_SIDE && Number.isInteger(side); side /= 2) sides.push(side);
  return sides;
}

/** 7, or 3 in an image of 4². */
const patchSide = (resolution: number): number => Math.min(PATCH_SIDE, (resolution - 1) | 1);

/** Collects the descriptors of a known number of images: random patches of every level, [num · 128, C · 7 · 7]. */
export class PatchCollector {
  private readonly channels: number;
  private readonly resolution: number;
  private readonly random: Random;
  private readonly side: number;
  private readonly levels: readonly Float32Array[];
  private written = 0;

  constructor(num: number, channels: number, resolution: number, random: Random) {
    this.channels = channels;
    this.resolution = resolution;
    this.random = random;
    this.side = patchSide(resolution);
    const size = num * PATCHES * channels * this.side ** 2;
    this.levels = levelSides(resolution).map(() => new Float32Array(size));
  }

  /** Adds images [N, C, R, R], nominally in [-1, 1], as the bytes that a picture file of them would hold. */
  add(images: Float32Array): void {
    const { channels, resolution, side, levels, random } = this;
    const bytes = images.map(toByte);
    const count = bytes.length / (channels * resolution ** 2);
    const area = channels * side ** 2;
    for (const [level, planes] of laplacianPyramid(bytes, resolution, levels.length).entries()) {
      const width = resolution / 2 ** level;
      const out = levels[level];
      let o = this.written;
      for (let patch = 0; patch < count * PATCHES; patch++) {
        const left = random.integer(width - side + 1);
        const top = random.integer(width - side + 1);
        for (let channel = 0; channel < channels; channel++) {
          const plane = (Math.floor(patch / PATCHES) * channels + channel) * width * width;
          for (let y = top; y < top + side; y++) {
            const row = plane + y * width + left;
            for (let x = 0; x < side; x++) out[o++] = planes[row + x];
          }
        }
      }
    }
    this.written += count * PATCHES * area;
  }

  /** The descriptors of each level, every channel normalised to mean 0 and standard deviation 1 over all of them. */
  finish(): readonly Float32Array[] {
    for (const level of this.levels) normalize(level, this.channels, this.side ** 2);
    return this.levels;
  }
}

/** x · 127.5 + 128, rounded down and clamped, as in the published tools; NaN → 0. */
function toByte(x: number): number {
  const value = x * 127.5 + 128;
  return value > 0 ? Math.min(255, Math.floor(value)) : 0;
}

/** In place: descriptors [N, channels, area], over N and area. A channel that is the same everywhere becomes 0. */
function normalize(descriptors: Float32Array, channels: number, area: number): void {
  const count = descriptors.length / channels;
  const stride = channels * area;
  for (let first = 0; first < stride; first += area) {
    let sum = 0;
    let squares = 0;
    for (let start = first; start < descriptors.length; start += stride) {
      for (let i = start; i < start + area; i++) {
        sum += descriptors[i];
        squares += descriptors[i] ** 2;
      }
    }
    const mean = sum / count;
    // Sums are float64 and values at most 255, so that nothing is lost by taking the squares in the same pass.
    const std = Math.sqrt(Math.max(0, squares / count - mean ** 2)) || 1;
    for (let start = first; start < descriptors.length; start += stride) {
      for (let i = start; i < start + area; i++) descriptors[i] = (descriptors[i] - mean) / std;
    }
  }
}

/** Directions uniform on the unit sphere, [count, width]. */
function drawDirections(count: number, width: number, random: Random): Float32Array {
  const directions = random.fillNormal(new Float32Array(count * width));
  for (let start = 0; start < directions.length; start += width) {
    const direction = directions.subarray(start, start + width);
    const length = Math.hypot(...direction);
    for (let i = 0; i < width; i++) direction[i] /= length;
  }
  return directions;
}

interface Slices {
  /** Length of a descriptor. */
  readonly width: number;
  /** Unit vectors [D, width], D a multiple of 32 or less than that. */
  readonly directions: Float32Array;
  readonly onProgress?: (directions: number) => void;
}

/**
 * Mean over directions of the Wasserstein-1 distance of the projections of two equally large sets of descriptors
 * [N, width]: in one dimension, the mean distance between the sorted ones.
 */
export async function slicedWasserstein(
  engine: Engine,
  a: Float32Array,
  b: Float32Array,
  { width, directions, onProgress }: Slices,
): Promise<number> {
  const total = directions.length / width;
  const count = a.length / width;
  const perRun = Math.min(DIRECTIONS_PER_RUN, total);
  const product = matmul(input('directions', [perRun, width]), input('descriptors', [count, width]), {
    transB: true,
  });
  const session = await engine.compile({ outputs: { projections: product } });
  const scratch = new Uint32Array(count);
  let sum = 0;
  try {
    for (let done = 0; done < total; done += perRun) {
      const some = directions.subarray(done * width, (done + perRun) * width);
      const sorted = async (descriptors: Float32Array): Promise<Float32Array> => {
        const { projections } = await session.run({ directions: some, descriptors });
        for (let i = 0; i < perRun; i++)
          sortFloats(projections.subarray(i * count, (i + 1) * count), scratch);
        return projections;
      };
      const sortedA = await sorted(a);
      const sortedB = await sorted(b);
      for (let i = 0; i < sortedA.length; i++) sum += Math.abs(sortedA[i] - sortedB[i]);
      onProgress?.(done + perRun);
    }
  } finally {
    await engine.release(session);
  }
  return sum / (total * count);
}

function checkImages({ shape, data }: FloatTensor, expected: readonly number[]): Float32Array {
  if (shape.join() !== expected.join()) {
    throw new RangeError(`got generated images of shape [${shape}], expected [${expected}]`);
  }
  return data;
}
