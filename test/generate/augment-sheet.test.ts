// Sheets of augmentations: which rows there are, and that each is what its transforms make of the pictures.

import { afterAll, describe, expect, it } from 'vitest';
import { PIPELINES, TRANSFORMS } from '../../src/augment/pipeline.ts';
import { Random } from '../../src/core/random.ts';
import { type FloatTensor, floatTensor } from '../../src/core/tensor.ts';
import { type AugmentRow, augmentRows, augmentSheet } from '../../src/generate/augment-sheet.ts';
import type { Picture } from '../../src/generate/image-grid.ts';
import type { SheetRow } from '../../src/generate/sheet.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';
import { TINY_ENGINE } from '../training/tiny-run.ts';

const engine = await openEngine(TINY_ENGINE);
afterAll(() => engine.close());

/** Three images of noise, well within [-1, 1]. */
function imagesOf(channels: number, side = 8): FloatTensor {
  const random = new Random(1, 'images');
  const data = new Float32Array(3 * channels * side * side).map(() => random.uniform() - 0.5);
  return floatTensor(data, [3, channels, side, side]);
}

const draw = (rows: readonly AugmentRow[], p: number, { channels = 3, seed = 0 } = {}) =>
  augmentSheet(engine, imagesOf(channels), { rows, p, seed });

const picturesIn = (row: SheetRow): Picture[] => row.slice(1) as Picture[];
const captionOf = ([caption]: SheetRow) => caption;

function largestDifference(a: SheetRow, b: SheetRow): number {
  const [left, right] = [a, b].map((row) => picturesIn(row).flatMap(({ data }) => [...data]));
  expect(left.length).toBe(right.length);
  return Math.max(...left.map((value, i) => Math.abs(value - right[i])));
}

describe('the rows', () => {
  it('are all transforms and the pipelines of several', () => {
    const names = augmentRows().map(({ name }) => name);
    const pipelines = ['blit', 'geom', 'color', 'bg', 'bgc', 'bgcf', 'bgcfn', 'bgcfnc'];
    expect(names).toEqual([...TRANSFORMS, ...pipelines]);
  });

  it('are those of one pipeline, when it is named', () => {
    expect(augmentRows('blit')).toEqual([
      { name: 'xflip', transforms: ['xflip'] },
      { name: 'rotate90', transforms: ['rotate90'] },
      { name: 'xint', transforms: ['xint'] },
      { name: 'blit', transforms: PIPELINES.blit },
    ]);
    expect(augmentRows('noise')).toEqual([{ name: 'noise', transforms: ['noise'] }]);
  });
});

describe('the sheet', () => {
  it.each([1, 3, 4])('has the pictures as they are, and unchanged at p 0; %d channels', async (channels) => {
    const rows = augmentRows('bgcfnc');
    const sheet = await draw(rows, 0, { channels });
    expect(sheet.map(captionOf)).toEqual(['original', ...TRANSFORMS, 'bgcfnc']);
    for (const row of sheet) {
      expect(picturesIn(row).map((picture) => picture.channels)).toEqual([channels, channels, channels]);
      // Enlarging and reducing are no exact identity, least of all of noise.
      expect(largestDifference(row, sheet[0]), String(captionOf(row))).toBeLessThanOrEqual(2);
    }
  });

  it('is changed by every transform at p 1', async () => {
    const sheet = await draw(augmentRows(), 1);
    for (const row of sheet.slice(1)) {
      const isSingle = TRANSFORMS.slice(0, 2).includes(captionOf(row) as never);
      // Flips and quarter turns may leave a picture as it was.
      if (!isSingle) expect(largestDifference(row, sheet[0]), String(captionOf(row))).toBeGreaterThan(2);
    }
  });

  it('depends on the seed, and of a row on nothing else', async () => {
    const [, cutout] = await draw(augmentRows('cutout'), 1);
    const all = await draw(augmentRows('bgcfnc'), 1);
    expect(all.find((row) => captionOf(row) === 'cutout')).toEqual(cutout);
    expect((await draw(augmentRows('cutout'), 1, { seed: 1 }))[1]).not.toEqual(cutout);
  });

  it('flips whole pictures', async () => {
    const rows = [{ name: 'xflip', transforms: ['xflip'] as const }];
    const [originals, flipped] = await draw(rows, 1, { channels: 1 });
    const mirrored = ({ data, width }: Picture) =>
      Array.from(data, (_, i) => data[i - (i % width) + width - 1 - (i % width)]);
    picturesIn(flipped).forEach((picture, n) => {
      const original = picturesIn(originals)[n];
      const distance = (to: ArrayLike<number>) =>
        Math.max(...picture.data.map((value, i) => Math.abs(value - to[i])));
      // The wavelet is not quite symmetric, so that a mirrored picture is not quite exact.
      expect(Math.min(distance(original.data), distance(mirrored(original)))).toBeLessThanOrEqual(16);
    });
  });

  it('tells its progress, and stops when it is asked to', async () => {
    const done: number[] = [];
    const rows = augmentRows('blit');
    const options = { rows, p: 1, seed: 0, onProgress: (count: number) => done.push(count) };
    await augmentSheet(engine, imagesOf(1), options);
    expect(done).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    const reason = new Error('enough');
    const stopped = augmentSheet(engine, imagesOf(1), { ...options, signal: AbortSignal.abort(reason) });
    await expect(stopped).rejects.toBe(reason);
  });
});
