// The schedule of growing as published, real images at a level of detail, and the stages that a run goes through.

import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import {
  type Growth,
  imagesAtLod,
  lodAt,
  nextStage,
  type Stage,
  stageAt,
} from '../../src/training/growth.ts';
import { growthOf, ratesAt, resolveOptions } from '../../src/training/options.ts';

const PUBLISHED: Growth = { startRes: 8, stableKimg: 600, fadeKimg: 600 };

/** StyleGAN at 1024²: after so many kimg, the level of detail, the resolution, the batch and the learning rate. */
const SCHEDULE: [kimg: number, lod: number, resolution: number, batch: number, lr: number][] = [
  [0, 7, 8, 128, 0.001],
  [599.9, 7, 8, 128, 0.001],
  [600, 7, 8, 128, 0.001],
  [600.128, 7 - 0.128 / 600, 16, 128, 0.001],
  [900, 6.5, 16, 128, 0.001],
  [1199, 6 + 1 / 600, 16, 128, 0.001],
  [1200, 6, 16, 128, 0.001],
  [1800, 6, 16, 128, 0.001],
  [2250, 5.25, 32, 64, 0.001],
  [3000, 5, 32, 64, 0.001],
  [3300, 4.5, 64, 32, 0.001],
  [4500, 3.5, 128, 16, 0.0015],
  [5700, 2.5, 256, 8, 0.002],
  [6900, 1.5, 512, 4, 0.003],
  [7800, 1, 512, 4, 0.003],
  [8100, 0.5, 1024, 4, 0.003],
  [8400, 0, 1024, 4, 0.003],
  [25000, 0, 1024, 4, 0.003],
];

describe('the schedule', () => {
  it.each(SCHEDULE)(
    'after %d kimg is at lod %d: images of %i², %i a step, lr %d',
    (kimg, lod, r, batch, lr) => {
      const options = resolveOptions({ cfg: 'stylegan' }, { resolution: 1024, channels: 3, labelDim: 0 });
      expect(growthOf(options)).toEqual(PUBLISHED);
      expect(lodAt(kimg, PUBLISHED, 1024)).toBeCloseTo(lod, 10);
      const { level } = stageAt(lodAt(kimg, PUBLISHED, 1024), PUBLISHED, 1024);
      expect(1024 / 2 ** level).toBe(r);
      expect(ratesAt(options, r)).toEqual({ batch, glr: lr, dlr: lr });
    },
  );

  it('from 4² takes one phase more', () => {
    const growth = { ...PUBLISHED, startRes: 4 };
    expect([0, 900, 8100, 9300, 9600].map((kimg) => lodAt(kimg, growth, 1024))).toEqual([
      8, 7.5, 1.5, 0.5, 0,
    ]);
  });

  it('is at full resolution at once where nothing grows', () => {
    expect([0, 900].map((kimg) => lodAt(kimg, null, 1024))).toEqual([0, 0]);
    expect(lodAt(0, { ...PUBLISHED, startRes: 64 }, 64)).toBe(0);
    expect(stageAt(0, null, 64)).toEqual({ level: 0, fading: false });
    expect(stageAt(0, { ...PUBLISHED, startRes: 64 }, 64)).toEqual({ level: 0, fading: false });
  });

  it('switches exactly where sums of kimg are rounded', () => {
    const growth = { startRes: 4, stableKimg: 0.01, fadeKimg: 0.05 };
    for (let phase = 0; phase < 4; phase++) {
      const lods = [0, 0.01, 0.035].map((within) => lodAt(phase * 0.06 + within, growth, 64));
      expect(lods).toEqual([4 - phase, 4 - phase, 3.5 - phase]);
    }
  });

  it('without fades switches at once', () => {
    const growth = { startRes: 8, stableKimg: 10, fadeKimg: 0 };
    expect([0, 9.999, 10, 19.999, 20, 99].map((kimg) => lodAt(kimg, growth, 32))).toEqual([2, 2, 1, 1, 0, 0]);
  });
});

/** Schedules with phases of any length, in which sums of kimg are rounded. */
const SCHEDULES: [name: string, growth: Growth, resolution: number][] = [
  ['as published', PUBLISHED, 1024],
  ['of short phases', { startRes: 4, stableKimg: 0.1, fadeKimg: 0.2 }, 32],
  ['of uneven phases', { startRes: 4, stableKimg: 0.07, fadeKimg: 0.013 }, 64],
  ['of sums that are rounded', { startRes: 4, stableKimg: 0.01, fadeKimg: 0.02 }, 64],
  ['without fades', { startRes: 4, stableKimg: 0.03, fadeKimg: 0 }, 32],
  ['that has nowhere to grow', { startRes: 16, stableKimg: 1, fadeKimg: 1 }, 16],
];

describe.each(SCHEDULES)('a schedule %s', (_name, growth, resolution) => {
  const levels = Math.log2(resolution / growth.startRes);
  const length = (levels + 1) * (growth.stableKimg + growth.fadeKimg);
  const kimgs = Array.from({ length: 4001 }, (_, i) => Math.ceil((1000 * length * i) / 4000) / 1000);

  it('never returns to a coarser level, and ends at none', () => {
    let last = levels;
    for (const kimg of kimgs) {
      const lod = lodAt(kimg, growth, resolution);
      expect(lod).toBeLessThanOrEqual(last);
      last = lod;
    }
    expect(last).toBe(0);
  });

  it('goes through the stages that nextStage tells, each once', () => {
    const seen: Stage[] = [];
    for (const kimg of kimgs) {
      const stage = stageAt(lodAt(kimg, growth, resolution), growth, resolution);
      const last = seen.at(-1);
      if (last?.level !== stage.level || last.fading !== stage.fading) seen.push(stage);
    }
    const told: Stage[] = [];
    let stage: Stage | null = { level: levels, fading: false };
    for (; stage !== null; stage = nextStage(stage, growth)) told.push(stage);
    expect(seen).toEqual(told);
  });
});

describe('real images', () => {
  const [n, channels, r] = [2, 3, 16];
  const images = new Random(1, 'images').fillNormal(new Float32Array(n * channels * r * r));
  const at = (map: number, y: number, x: number): number => images[(map * r + y) * r + x];

  /** Mean of the square of `side` pixels that pixel (y, x) of the image at 1/side belongs to. */
  function boxMean(map: number, y: number, x: number, side: number): number {
    let sum = 0;
    for (let dy = 0; dy < side; dy++)
      for (let dx = 0; dx < side; dx++) sum += at(map, y * side + dy, x * side + dx);
    return sum / side ** 2;
  }

  it.each([0, 0.25, 0.5, 0.999, 1, 1.3, 2])('at lod %d are averaged and blended', (lod) => {
    const level = Math.floor(lod);
    const [side, fade] = [2 ** level, lod - level];
    const size = r / side;
    const got = imagesAtLod(images, r, lod);
    expect(got).toHaveLength(n * channels * size * size);
    for (let map = 0; map < n * channels; map++) {
      for (let y = 0; y < size; y++) {
        for (let x = 0; x < size; x++) {
          const fine = boxMean(map, y, x, side);
          const coarse = boxMean(map, Math.floor(y / 2), Math.floor(x / 2), 2 * side);
          const expected = (1 - fade) * fine + fade * coarse;
          expect(got[(map * size + y) * size + x]).toBeCloseTo(expected, 5);
        }
      }
    }
  });

  it('at full detail are left as they are', () => {
    expect(imagesAtLod(images, r, 0)).toBe(images);
  });
});
