// Networks in use: batches, truncation, noise and the discriminator, and wrong sizes told in one line.

import { afterAll, describe, expect, it } from 'vitest';
import { decodeNetworkFile, encodeNetworkFile } from '../../src/checkpoints/network-file.ts';
import { OptionError } from '../../src/core/errors.ts';
import { type FloatTensor, floatTensor, sizeOf } from '../../src/core/tensor.ts';
import type { Network } from '../../src/generate/network.ts';
import { openNetwork } from '../../src/generate/open-network.ts';
import { latentsOf } from '../../src/generate/seeds.ts';
import type { StyleGAN2Config } from '../../src/models/stylegan2-config.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';
import { tinyNetwork } from './tiny-network.ts';

const opened: Network[] = [];
afterAll(() => Promise.all(opened.map((network) => network.close())));

/** The tiny network with an average w that is not zero. */
async function open(changes: Partial<StyleGAN2Config> = {}): Promise<Network> {
  const file = decodeNetworkFile(tinyNetwork(changes), 'tiny');
  file.G_ema.get('mapping.w_avg')!.data.forEach((_, i, wAvg) => {
    wAvg[i] = 0.1 * i - 0.3;
  });
  const network = openNetwork(file, await openEngine({ device: 'cpu', threads: 1 }));
  opened.push(network);
  return network;
}

const network = await open();
const { zDim, wDim, numWs } = network.config;
const z = latentsOf([0, 1, 2, 3, 4], zDim);

/** Row i of a tensor, as a batch of one. */
function row({ data, shape }: FloatTensor, i: number): FloatTensor {
  const one = [1, ...shape.slice(1)];
  return floatTensor(data.slice(i * sizeOf(one), (i + 1) * sizeOf(one)), one);
}

function largestDifference(a: FloatTensor, b: FloatTensor): number {
  expect(a.shape).toEqual(b.shape);
  return a.data.reduce((max, x, i) => Math.max(max, Math.abs(x - b.data[i])), 0);
}

describe('batches', () => {
  it('give what single images give', async () => {
    const together = await network.generate(z, null);
    expect(together.shape).toEqual([5, 3, 16, 16]);
    for (let i = 0; i < 5; i++) {
      const alone = await network.generate(z.slice(i * zDim, (i + 1) * zDim), null);
      expect(largestDifference(alone, row(together, i))).toBeLessThan(1e-5);
    }
  });

  it('larger than one run give what two smaller ones give', async () => {
    const seeds = Array.from({ length: 19 }, (_, i) => i);
    const all = await network.generate(latentsOf(seeds, zDim), null);
    const last = await network.generate(latentsOf(seeds.slice(14), zDim), null);
    for (let i = 0; i < 5; i++) expect(largestDifference(row(all, 14 + i), row(last, i))).toBeLessThan(1e-5);
  });

  it('keep labels with their latents', async () => {
    const conditional = await open({ cDim: 3 });
    const same = latentsOf([7, 7, 7], zDim);
    const together = await conditional.generate(same, Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1));
    expect(largestDifference(row(together, 0), row(together, 1))).toBeGreaterThan(0.01);
    const second = await conditional.generate(same.slice(0, zDim), Float32Array.of(0, 1, 0));
    expect(largestDifference(row(together, 1), second)).toBeLessThan(1e-5);
  });
});

describe('truncation', () => {
  const wAvg = Float32Array.from({ length: wDim }, (_, i) => 0.1 * i - 0.3);

  it('moves w towards the average by psi, in the layers below the cutoff', async () => {
    const full = await network.mapping(z, null);
    const half = await network.mapping(z, null, { psi: 0.25, cutoff: 2 });
    expect(half.shape).toEqual([5, numWs, wDim]);
    half.data.forEach((value, index) => {
      const layer = Math.floor(index / wDim) % numWs;
      const center = wAvg[index % wDim];
      const expected = layer < 2 ? center + 0.25 * (full.data[index] - center) : full.data[index];
      expect(value).toBeCloseTo(expected, 5);
    });
  });

  it('gives every layer the same w without it, the average at 0, and the other side below', async () => {
    const full = await network.mapping(z, null);
    full.data.forEach((value, i) => {
      const image = Math.floor(i / (numWs * wDim));
      expect(value).toBe(full.data[image * numWs * wDim + (i % wDim)]);
    });
    const none = await network.mapping(z, null, { psi: 0 });
    none.data.forEach((value, i) => {
      expect(value).toBe(wAvg[i % wDim]);
    });
    const opposite = await network.mapping(z, null, { psi: -1 });
    opposite.data.forEach((value, i) => {
      expect(value).toBeCloseTo(2 * wAvg[i % wDim] - full.data[i], 5);
    });
    expect((await network.mapping(z, null, { psi: 0, cutoff: 0 })).data).toEqual(full.data);
  });

  it('reaches generate', async () => {
    const average = await network.generate(z, null, { psi: 0 });
    for (let i = 1; i < 5; i++)
      expect(largestDifference(row(average, 0), row(average, i))).toBeLessThan(1e-6);
  });
});

describe('noise', () => {
  it('is constant by default, absent, or drawn from a seed', async () => {
    const ws = await network.mapping(z, null);
    const images = await Promise.all([
      network.synthesis(ws),
      network.synthesis(ws, { noiseMode: 'none' }),
      network.synthesis(ws, { noiseMode: 'random' }),
      network.synthesis(ws, { noiseMode: 'random', noiseSeed: 1 }),
    ]);
    for (let a = 0; a < images.length; a++)
      for (let b = 0; b < a; b++) expect(largestDifference(images[a], images[b])).toBeGreaterThan(0.01);
    expect((await network.synthesis(ws, { noiseMode: 'const' })).data).toEqual(images[0].data);
    expect((await network.synthesis(ws, { noiseMode: 'random', noiseSeed: 0 })).data).toEqual(images[2].data);
  });

  it('differs between the images of a batch when random, and only then', async () => {
    const same = latentsOf([7, 7], zDim);
    const random = await network.generate(same, null, { noiseMode: 'random' });
    expect(largestDifference(row(random, 0), row(random, 1))).toBeGreaterThan(0.01);
    const constant = await network.generate(same, null);
    expect(largestDifference(row(constant, 0), row(constant, 1))).toBeLessThan(1e-6);
  });
});

describe('the discriminator', () => {
  it('looks at the deviation of groups', async () => {
    const images = await network.generate(z.slice(0, 4 * zDim), null);
    const { data, shape } = await network.discriminate(images, null);
    expect(shape).toEqual([4, 1]);
    const alone = await network.discriminate(row(images, 0), null);
    expect(alone.data[0]).not.toBeCloseTo(data[0], 5);
  });

  it('looks at labels', async () => {
    const conditional = await open({ cDim: 2 });
    const image = await network.generate(z.slice(0, zDim), null);
    const logit = async (...c: number[]) =>
      (await conditional.discriminate(image, Float32Array.from(c))).data[0];
    expect(await logit(1, 0)).not.toBeCloseTo(await logit(0, 1), 5);
  });

  it('may be missing from a file', async () => {
    const { D: _D, ...rest } = decodeNetworkFile(tinyNetwork(), 'tiny');
    const bytes = Buffer.concat(encodeNetworkFile({ ...rest, D: null }));
    const without = openNetwork(
      decodeNetworkFile(bytes, 'tiny'),
      await openEngine({ device: 'cpu', threads: 1 }),
    );
    opened.push(without);
    const image = await without.generate(z.slice(0, zDim), null);
    await expect(without.discriminate(image, null)).rejects.toThrow(OptionError);
  });
});

const tensor = (...shape: number[]) => floatTensor(new Float32Array(sizeOf(shape)), shape);

describe('wrong sizes', () => {
  it.each<[string, () => Promise<unknown>, string]>([
    [
      'a part of a latent',
      () => network.mapping(z.slice(1), null),
      'z: got 39 numbers, expected a multiple of 8',
    ],
    [
      'no latent',
      () => network.generate(new Float32Array(), null),
      'z: got 0 numbers, expected a multiple of 8',
    ],
    ['labels where there are none', () => network.mapping(z, new Float32Array(5)), 'c: got 5, expected none'],
    [
      'ws of other layers',
      () => network.synthesis(tensor(2, 5, 8)),
      'ws: got 80 numbers as [2,5,8], expected [N, 6, 8]',
    ],
    ['no ws', () => network.synthesis(tensor(0, 6, 8)), 'ws: got 0 numbers as [0,6,8], expected [N, 6, 8]'],
    [
      'ws with axes exchanged',
      () => network.synthesis(tensor(1, 8, 6)),
      'ws: got 48 numbers as [1,8,6], expected [N, 6, 8]',
    ],
    [
      'images of another resolution',
      () => network.discriminate(tensor(4, 3, 8, 8), null),
      'images: got 768 numbers as [4,3,8,8], expected [N, 3, 16, 16]',
    ],
    [
      'images that do not fill groups',
      () => network.discriminate(tensor(6, 3, 16, 16), null),
      'images: got 6, expected a multiple of the 4 whose deviation the discriminator measures',
    ],
  ])('%s', async (_name, call, message) => {
    await expect(call()).rejects.toThrow(OptionError);
    await expect(call()).rejects.toThrow(message);
  });

  it('labels that are missing', async () => {
    const conditional = await open({ cDim: 3 });
    await expect(conditional.mapping(z, null)).rejects.toThrow('c: got none, expected [5, 3]');
  });
});

it('gives the same bytes each time a file is opened', async () => {
  const again = await open();
  expect((await again.generate(z, null)).data).toEqual((await network.generate(z, null)).data);
});
