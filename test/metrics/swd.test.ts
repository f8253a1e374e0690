// The sliced Wasserstein distance: parts with known answers, the whole against a direct evaluation in float64, and
// what it says of good, blurred and collapsed generators.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OptionError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { floatTensor } from '../../src/core/tensor.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { laplacianPyramid } from '../../src/metrics/laplacian-pyramid.ts';
import { type MeasureRequest, measure, metricRecord } from '../../src/metrics/measure.ts';
import { levelSides, PatchCollector, slicedWasserstein } from '../../src/metrics/swd.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { discData, discGenerator, drawDisc } from './discs.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine({ device: 'cpu', threads: 1 });
});
afterAll(() => engine.close());

const gaussian = (count: number, seed: number) =>
  new Random(seed, 'gaussian').fillNormal(new Float32Array(count));

describe('slicedWasserstein', () => {
  const ONE = { width: 1, directions: Float32Array.of(1) };

  it('is 0 between equal sets, in any order', async () => {
    const a = gaussian(3000, 1);
    const [width, directions] = [3, gaussian(9, 2)];
    expect(await slicedWasserstein(engine, a, a, { width, directions })).toBe(0);
    // Rows in reverse.
    const b = a.map((_, i) => a[a.length - 3 * (Math.floor(i / 3) + 1) + (i % 3)]);
    expect(await slicedWasserstein(engine, a, b, { width, directions })).toBe(0);
  });

  it('is the shift between a set and its shifted copy, and near it between two Gaussians', async () => {
    const a = gaussian(20_000, 1);
    expect(
      await slicedWasserstein(
        engine,
        a,
        a.map((x) => x + 0.25),
        ONE,
      ),
    ).toBeCloseTo(0.25, 5);
    const other = gaussian(20_000, 2).map((x) => x - 2);
    expect(Math.abs((await slicedWasserstein(engine, a, other, ONE)) - 2)).toBeLessThan(0.03);
  });

  it('is E|x|·|σ - 1| between Gaussians of deviations 1 and σ', async () => {
    const distance = await slicedWasserstein(
      engine,
      gaussian(50_000, 1),
      gaussian(50_000, 2).map((x) => 3 * x),
      ONE,
    );
    expect(Math.abs(distance - 2 * Math.sqrt(2 / Math.PI))).toBeLessThan(0.04);
  });

  it('is the cost of the best pairing, averaged over directions', async () => {
    const [a, b, directions] = [gaussian(10, 1), gaussian(10, 2), gaussian(6, 3)];
    const pairings = (rest: number[]): number[][] =>
      rest.length === 0
        ? [[]]
        : rest.flatMap((x) => pairings(rest.filter((y) => y !== x)).map((p) => [x, ...p]));
    let expected = 0;
    for (const d of [0, 2, 4]) {
      const along = (rows: Float32Array, i: number) =>
        rows[2 * i] * directions[d] + rows[2 * i + 1] * directions[d + 1];
      const costs = pairings([0, 1, 2, 3, 4]).map((p) =>
        p.reduce((sum, j, i) => sum + Math.abs(along(a, i) - along(b, j)), 0),
      );
      expected += Math.min(...costs) / 5 / 3;
    }
    expect(await slicedWasserstein(engine, a, b, { width: 2, directions })).toBeCloseTo(expected, 6);
  });
});

describe('PatchCollector', () => {
  it('takes 128 windows of every image, from every place, each channel at mean 0 and deviation 1', () => {
    // Every pixel tells where it is: the byte of channel 0 is 16 y + x, of channel 1 the same from the other end.
    const images = new Float32Array(20 * 2 * 256).map(
      (_, i) => (i % 512 < 256 ? i % 256 : 255 - (i % 256)) / 127.5 - 1,
    );
    const collector = new PatchCollector(20, 2, 16, new Random(0, 'patches'));
    collector.add(images.subarray(0, 12 * 512));
    collector.add(images.subarray(12 * 512));
    const [descriptors, ...others] = collector.finish();
    expect(others).toEqual([]);
    expect(descriptors.length).toBe(20 * 128 * 2 * 49);

    const channel = (c: number) => descriptors.filter((_, i) => Math.floor(i / 49) % 2 === c);
    for (const values of [channel(0), channel(1)]) {
      const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
      expect(mean).toBeCloseTo(0, 5);
      expect(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length).toBeCloseTo(1, 5);
    }
    const step = descriptors[1] - descriptors[0];
    const corners = new Set<number>();
    for (let start = 0; start < descriptors.length; start += 98) {
      for (const at of [0, 13, 24, 48]) {
        const expected = descriptors[start] + step * (16 * Math.floor(at / 7) + (at % 7));
        expect(Math.abs(descriptors[start + at] - expected)).toBeLessThan(1e-4);
        expect(Math.abs(descriptors[start + 49 + at] + descriptors[start + at])).toBeLessThan(0.15);
      }
      corners.add(Math.round((descriptors[start] - descriptors[0]) / step));
    }
    expect(corners.size).toBe(100);
  });

  it('sees the bytes of a picture file: clamped and rounded down', () => {
    const collect = (value: (i: number) => number) => {
      const collector = new PatchCollector(1, 1, 16, new Random(0, 'patches'));
      collector.add(new Float32Array(256).map((_, i) => value(i)));
      return collector.finish();
    };
    const bytes = collect((i) => (i % 2 ? 255 : 7) / 127.5 - 1);
    expect(collect((i) => (i % 2 ? 3 : (7 + 0.4) / 127.5 - 1))).toEqual(bytes);
    expect(new Set(collect(() => 0.3)[0])).toEqual(new Set([0])); // no deviation to divide by
  });

  it('goes down to 16², and takes smaller images as they are', () => {
    expect([4, 8, 16, 32, 48, 256].map(levelSides)).toEqual([
      [4],
      [8],
      [16],
      [32, 16],
      [48, 24],
      [256, 128, 64, 32, 16],
    ]);
    const tiny = new PatchCollector(2, 1, 4, new Random(0, 'patches'));
    tiny.add(gaussian(32, 1));
    expect(tiny.finish()[0].length).toBe(2 * 128 * 9);
  });
});

const request = (
  dataset: Dataset,
  generate: MeasureRequest['generate'],
  num: number,
  seed?: number,
): MeasureRequest => ({ engine, dataset, generate, num, seed });

const fakeDisc =
  (side: number, softness = 0.5) =>
  (i: number) =>
    drawDisc(new Random(i, 'fake disc'), 1, side, softness);

describe('swd', () => {
  it('is what its formula gives in float64', async () => {
    const [side, num] = [32, 2];
    const fakes = Array.from({ length: num }, (_, i) => fakeDisc(side)(i));
    const data = discData(num, 1, side);
    const results = await measure(
      'swd',
      request(
        data,
        discGenerator(1, side, (i) => fakes[i]),
        num,
        9,
      ),
    );

    const order = new Random(9, 'data-epoch-0').permutation(num);
    const reals = await Promise.all(Array.from(order, (index) => data.readImage(index)));
    const fromBoth = [reals, fakes].map((images, kind) => {
      const random = new Random(9, kind === 0 ? 'swd-reals' : 'swd-fakes');
      const pyramid = laplacianPyramid(Float32Array.from(images.flatMap((image) => [...image])), side, 2);
      return pyramid.map((planes, level) => {
        const width = side >> level;
        const patches = Array.from({ length: num * 128 }, (_, patch) => {
          const [x, y] = [random.integer(width - 6), random.integer(width - 6)];
          const base = (patch >> 7) * width * width;
          return Array.from(
            { length: 49 },
            (_, i) => planes[base + (y + Math.floor(i / 7)) * width + x + (i % 7)],
          );
        });
        const all = patches.flat();
        const mean = all.reduce((sum, v) => sum + v, 0) / all.length;
        const std = Math.sqrt(all.reduce((sum, v) => sum + (v - mean) ** 2, 0) / all.length);
        return patches.map((patch) => patch.map((v) => (v - mean) / std));
      });
    });
    const random = new Random(9, 'swd-directions');
    const distances = [0, 1].map((level) => {
      const numbers = random.fillNormal(new Float32Array(512 * 49));
      let sum = 0;
      for (let d = 0; d < 512; d++) {
        const direction = [...numbers.subarray(d * 49, (d + 1) * 49)];
        const length = Math.sqrt(direction.reduce((total, v) => total + v * v, 0));
        const [a, b] = fromBoth.map((levels) =>
          levels[level]
            .map((patch) => patch.reduce((total, v, i) => total + (v * direction[i]) / length, 0))
            .sort((p, q) => p - q),
        );
        sum += a.reduce((total, v, i) => total + Math.abs(v - b[i]), 0) / a.length;
      }
      return (1000 * sum) / 512;
    });
    expect(Object.keys(results)).toEqual(['SWDx1e3_32', 'SWDx1e3_16', 'SWDx1e3_avg']);
    expect(results.SWDx1e3_32).toBeCloseTo(distances[0], 2);
    expect(results.SWDx1e3_16).toBeCloseTo(distances[1], 2);
    expect(results.SWDx1e3_avg).toBeCloseTo((distances[0] + distances[1]) / 2, 2);
  });

  it('is small for fresh samples, larger for blurred ones at the finest level, and far larger for copies', async () => {
    const [side, num] = [32, 64];
    const of = (image: (i: number) => Uint8Array) =>
      measure('swd', request(discData(num, 1, side), discGenerator(1, side, image), num));
    const fresh = await of(fakeDisc(side));
    const soft = await of(fakeDisc(side, 3));
    const collapsed = await of(() => fakeDisc(side)(3));
    expect(soft.SWDx1e3_32).toBeGreaterThan(2 * fresh.SWDx1e3_32);
    expect(collapsed.SWDx1e3_avg).toBeGreaterThan(5 * fresh.SWDx1e3_avg);
  });

  it('gives the same numbers for the same seed, others for another, and tells its progress', async () => {
    const stages = new Map<string, string>();
    const of = (seed: number) =>
      measure('swd', {
        ...request(discData(40, 1, 8), discGenerator(1, 8, fakeDisc(8)), 40, seed),
        mirror: true,
        onProgress: ({ stage, done, total, unit }) => stages.set(stage, `${done}/${total} ${unit}`),
      });
    const first = await of(1);
    expect(await of(1)).toEqual(first);
    expect(await of(2)).not.toEqual(first);
    expect(Object.keys(first)).toEqual(['SWDx1e3_8', 'SWDx1e3_avg']);
    expect(Object.fromEntries(stages)).toEqual({
      reals: '40/40 images',
      fakes: '40/40 images',
      distance: '512/512 directions',
    });
  });

  it('takes more images than the data set has', async () => {
    const results = await measure('swd', request(discData(3, 1, 8), discGenerator(1, 8, fakeDisc(8)), 8));
    expect(results.SWDx1e3_avg).toBeGreaterThan(0);
  });

  it('refuses images of another form, and stops when asked to', async () => {
    const wrong = async (count: number) => floatTensor(new Float32Array(count * 256), [count, 1, 16, 16]);
    await expect(measure('swd', request(discData(3, 1, 8), wrong, 2))).rejects.toThrow(
      'got generated images of shape [2,1,16,16], expected [2,1,8,8]',
    );
    const stop = new AbortController();
    const generate = async (count: number) => {
      stop.abort(new Error('enough'));
      return discGenerator(1, 8, fakeDisc(8))(count);
    };
    const stopped = { ...request(discData(3, 1, 8), generate, 2), signal: stop.signal };
    await expect(measure('swd', stopped)).rejects.toThrow('enough');
  });
});

describe('measure', () => {
  it.each(['fid', 'toString'])('knows no metric %s', async (name) => {
    const error = await measure(name, request(discData(3, 1, 8), discGenerator(1, 8, fakeDisc(8)), 2)).catch(
      (e) => e,
    );
    expect(error).toBeInstanceOf(OptionError);
    expect(error.message).toBe(`--metrics: got ${name}, expected one of swd`);
  });

  it('records under the published keys', () => {
    const about = {
      snapshot: 'network-snapshot-000040.safetensors',
      kimg: 40,
      seconds: 2.5,
      num: 8,
      seed: 1,
      psi: 0.7,
    };
    const { timestamp, ...record } = metricRecord('swd', { SWDx1e3_avg: 3 }, about);
    expect(Math.abs(timestamp - Date.now() / 1000)).toBeLessThan(10);
    expect(record).toEqual({
      results: { SWDx1e3_avg: 3 },
      metric: 'swd',
      total_time: 2.5,
      snapshot_pkl: 'network-snapshot-000040.safetensors',
      kimg: 40,
      num: 8,
      seed: 1,
      trunc: 0.7,
    });
  });
});
