import { describe, expect, it } from 'vitest';
import { type Batch, EndlessBatches } from '../../src/data/batches.ts';
import type { Dataset } from '../../src/data/dataset.ts';

/** Image i of 2×2 has pixels [10i, 10i+1; 10i+2, 10i+3] and its number as label. */
function numbered(length: number): Dataset {
  return {
    name: 'numbered',
    path: 'memory',
    length,
    channels: 1,
    resolution: 2,
    labelDim: 1,
    readImage: async (i) => Uint8Array.of(10 * i, 10 * i + 1, 10 * i + 2, 10 * i + 3),
    label: (i) => Float32Array.of(i),
    close: async () => {},
  };
}

const pixelsOf = (batch: Batch) => Array.from(batch.images, (x) => Math.round((x + 1) * 127.5));

async function take(batches: EndlessBatches, count: number): Promise<number[][]> {
  const out: number[][] = [];
  for (let i = 0; i < count; i++) out.push(pixelsOf(await batches.next()));
  return out;
}

describe('EndlessBatches', () => {
  it('scales to [-1, 1] and keeps labels with their images', async () => {
    const { images, labels } = await new EndlessBatches(numbered(20), { batch: 4, seed: 1 }).next();
    expect(images.length).toBe(16);
    expect(labels.length).toBe(4);
    for (let n = 0; n < 4; n++) expect(images[4 * n]).toBe(Math.fround((10 * labels[n]) / 127.5 - 1));
  });

  it('shows every image once per epoch, in another order each time, over the end of epochs', async () => {
    const batches = new EndlessBatches(numbered(5), { batch: 3, seed: 7 });
    const firsts = (await take(batches, 10)).flatMap((pixels) => [pixels[0], pixels[4], pixels[8]]);
    const epochs = Array.from({ length: 6 }, (_, e) => firsts.slice(5 * e, 5 * e + 5));
    for (const epoch of epochs) expect(epoch.toSorted((a, b) => a - b)).toEqual([0, 10, 20, 30, 40]);
    expect(new Set(epochs.map(String)).size).toBeGreaterThan(3);
  });

  it('adds flipped copies when mirrored', async () => {
    const batches = new EndlessBatches(numbered(3), { batch: 6, seed: 0, mirror: true });
    const [pixels] = await take(batches, 1);
    const images = Array.from({ length: 6 }, (_, n) => pixels.slice(4 * n, 4 * n + 4).join());
    const expected = [0, 10, 20].flatMap((p) => [
      [p, p + 1, p + 2, p + 3].join(),
      [p + 1, p, p + 3, p + 2].join(),
    ]);
    expect(images.toSorted()).toEqual(expected.toSorted());
  });

  it('continues exactly from a snapshot, wherever it was taken', async () => {
    for (const mirror of [false, true]) {
      for (let before = 0; before < 12; before++) {
        const whole = new EndlessBatches(numbered(7), { batch: 4, seed: 3, mirror });
        await take(whole, before);
        const snapshot = JSON.parse(JSON.stringify(whole.snapshot()));
        const expected = await take(whole, 6);
        const resumed = new EndlessBatches(numbered(7), { batch: 4, seed: 3, mirror });
        await resumed.next(); // a prefetched batch of the old position must not leak
        resumed.restore(snapshot);
        expect(await take(resumed, 6)).toEqual(expected);
      }
    }
  });

  it('gives as many images as are asked for, in the order of one stream', async () => {
    const counts = [3, 3, 5, 1, 20, 7, 4];
    const single = new EndlessBatches(numbered(7), { batch: 1, seed: 3 });
    const batches = new EndlessBatches(numbered(7), { batch: 4, seed: 3 });
    for (const count of counts) {
      const { images, labels } = await batches.next(count);
      expect([images.length, labels.length]).toEqual([4 * count, count]);
      const expected = (await take(single, count)).flat();
      expect(pixelsOf({ images, labels })).toEqual(expected);
      expect(batches.snapshot()).toEqual(single.snapshot());
    }
    const resumed = new EndlessBatches(numbered(7), { batch: 4, seed: 3 });
    resumed.restore(batches.snapshot());
    expect(pixelsOf(await resumed.next(9))).toEqual((await take(single, 9)).flat());
  });

  it('depends on the seed', async () => {
    const take3 = (seed: number) => take(new EndlessBatches(numbered(20), { batch: 5, seed }), 3);
    expect(await take3(1)).toEqual(await take3(1));
    expect(await take3(1)).not.toEqual(await take3(2));
  });

  it('stays where it was when an image cannot be read', async () => {
    let broken = true;
    const dataset = numbered(6);
    const flaky: Dataset = {
      ...dataset,
      readImage: (i) => (broken && i === 2 ? Promise.reject(new Error('unreadable')) : dataset.readImage(i)),
    };
    const batches = new EndlessBatches(flaky, { batch: 6, seed: 0 });
    await expect(batches.next()).rejects.toThrow('unreadable');
    broken = false;
    expect(await take(batches, 2)).toEqual(await take(new EndlessBatches(dataset, { batch: 6, seed: 0 }), 2));
  });

  it('refuses a snapshot of another data set', () => {
    const snapshot = new EndlessBatches(numbered(5), { batch: 2, seed: 0 }).snapshot();
    const other = new EndlessBatches(numbered(6), { batch: 2, seed: 0 });
    expect(() => other.restore(snapshot)).toThrow('got 6 images from memory, expected 5');
  });
});
