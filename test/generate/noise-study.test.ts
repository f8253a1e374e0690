// The noise study: which layers are fine, the deviation over draws, and draws that share noise between settings.

import { afterAll, describe, expect, it } from 'vitest';
import { decodeNetworkFile } from '../../src/checkpoints/network-file.ts';
import { OptionError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { type FloatTensor, floatTensor } from '../../src/core/tensor.ts';
import type { Network } from '../../src/generate/network.ts';
import {
  NOISE_SETTINGS,
  noiseRanges,
  PixelDeviation,
  strongestCrop,
  studyNoise,
} from '../../src/generate/noise-study.ts';
import { openNetwork } from '../../src/generate/open-network.ts';
import { latentsOf } from '../../src/generate/seeds.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';
import { tinyNetwork, tinyStyleGAN } from './tiny-network.ts';

const opened: Network[] = [];
afterAll(() => Promise.all(opened.map((network) => network.close())));

/** The tiny network, with the noise of layers that are not `loud` turned off in its weights. */
async function open(loud: (resolution: number) => boolean = () => true): Promise<Network> {
  const file = decodeNetworkFile(tinyNetwork(), 'tiny');
  for (const [name, { data }] of file.G_ema) {
    const [, resolution] = /\.b(\d+)\..*noise_strength$/.exec(name) ?? [];
    if (resolution !== undefined && !loud(Number(resolution))) data.fill(0);
  }
  const network = openNetwork(file, await openEngine({ device: 'cpu', threads: 1 }));
  opened.push(network);
  return network;
}

const network = await open();
const ws = await network.mapping(latentsOf([3], network.config.zDim), null);

function largestDifference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((max, x, i) => Math.max(max, Math.abs(x - b[i])), 0);
}

/** The image under one draw, computed alone. */
const drawn = async (
  seed: number,
  range?: readonly [number, number],
  of: Network = network,
): Promise<Float32Array> =>
  (await of.synthesis(ws, { noiseMode: 'random', noiseSeed: seed, noiseRange: range })).data;

describe('random noise', () => {
  it('of image n in a batch is that of the seed n later', async () => {
    const three = floatTensor(Float32Array.of(...ws.data, ...ws.data, ...ws.data), [3, ...ws.shape.slice(1)]);
    const { data } = await network.synthesis(three, { noiseMode: 'random', noiseSeed: 40 });
    const size = data.length / 3;
    for (let n = 0; n < 3; n++) {
      const image = data.slice(n * size, (n + 1) * size);
      expect(largestDifference(image, await drawn(40 + n))).toBeLessThan(1e-5);
    }
  });

  it('of a layer is the same whichever other layers have noise', async () => {
    const [fineOnly, coarseOnly] = await Promise.all([open((r) => r > 8), open((r) => r <= 8)]);
    expect(largestDifference(await drawn(5, [16, 16]), await drawn(5, undefined, fineOnly))).toBeLessThan(
      1e-5,
    );
    expect(largestDifference(await drawn(5, [4, 8]), await drawn(5, undefined, coarseOnly))).toBeLessThan(
      1e-5,
    );
    expect(largestDifference(await drawn(5, [16, 16]), await drawn(5, [4, 8]))).toBeGreaterThan(0.01);
    const none = (await network.synthesis(ws, { noiseMode: 'none' })).data;
    expect(largestDifference(await drawn(5, [0, 0]), none)).toBeLessThan(1e-6);
  });

  it('alone has a range', async () => {
    const constant = network.synthesis(ws, { noiseRange: [4, 8] });
    await expect(constant).rejects.toThrow(OptionError);
    await expect(constant).rejects.toThrow(
      'got a noiseRange with noiseMode const, expected noiseMode random',
    );
  });
});

describe('noiseRanges', () => {
  /** What it looks at: two noise layers for each resolution. */
  const layers = (...resolutions: number[]) => ({
    config: network.config,
    noiseLayers: resolutions.flatMap((resolution) =>
      ['conv0', 'conv1'].map((name) => ({ name: `b${resolution}.${name}`, resolution })),
    ),
  });
  const upTo1024 = layers(4, 8, 16, 32, 64, 128, 256, 512, 1024);

  it('splits as the paper at 1024², and in the middle below', () => {
    expect(noiseRanges(upTo1024)).toEqual({
      all: [4, 1024],
      none: null,
      fine: [64, 1024],
      coarse: [4, 32],
    });
    expect(noiseRanges(layers(4, 8, 16, 32))).toMatchObject({ fine: [16, 32], coarse: [4, 8] });
    expect(noiseRanges(layers(4, 8, 16, 32, 64))).toMatchObject({ fine: [16, 64], coarse: [4, 8] });
    expect(noiseRanges(layers(4, 8))).toMatchObject({ fine: [8, 8], coarse: [4, 4] });
    expect(noiseRanges(network)).toMatchObject({ all: [4, 16], fine: [8, 16], coarse: [4, 4] });
  });

  it('splits where it is told, if there is something on both sides', () => {
    expect(noiseRanges(upTo1024, 256)).toMatchObject({ fine: [256, 1024], coarse: [4, 128] });
    for (const wrong of [4, 12, 32]) {
      expect(() => noiseRanges(layers(4, 8, 16), wrong)).toThrow(
        `got --fine-from ${wrong}, expected one of 8, 16`,
      );
    }
  });

  it('refuses networks without noise at several resolutions', () => {
    const message = (part: string) =>
      `got a network of model stylegan2, whose noise layers are ${part}; expected noise at several resolutions`;
    expect(() => noiseRanges(layers())).toThrow(message('none'));
    expect(() => noiseRanges(layers(4))).toThrow(message('of one resolution'));
  });
});

describe('PixelDeviation', () => {
  it("is the root of the channels' mean variance", () => {
    const random = new Random(1);
    const images = Array.from({ length: 7 }, () =>
      random.fillNormal(new Float32Array(3 * 4)).map((x) => x / 8 + 1000),
    );
    const statistic = new PixelDeviation();
    for (const image of images) statistic.add(image);
    const result = statistic.result(4);
    for (let pixel = 0; pixel < 4; pixel++) {
      const variances = [0, 4, 8].map((channel) => {
        const values = images.map((image) => image[channel + pixel]);
        const mean = values.reduce((a, b) => a + b) / 7;
        return values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 7;
      });
      expect(result[pixel]).toBeCloseTo(Math.sqrt((variances[0] + variances[1] + variances[2]) / 3), 6);
    }
  });
});

describe('strongestCrop', () => {
  it('is where the sum is largest, and the first corner where all is equal', () => {
    const map = new Float32Array(64).fill(0.1);
    map[2 * 8 + 5] = 1;
    map[4 * 8 + 7] = 1;
    expect(strongestCrop(map, 3)).toEqual({ x: 5, y: 2, size: 3 });
    expect(strongestCrop(map, 8)).toEqual({ x: 0, y: 0, size: 8 });
    expect(strongestCrop(new Float32Array(64).fill(0.1), 2)).toEqual({ x: 0, y: 0, size: 2 });
  });
});

describe('studyNoise', () => {
  // More than one run of 16.
  const draws = 18;
  const ranges = noiseRanges(network);
  const progress: number[] = [];
  const studied = studyNoise(network, ws, { ranges, draws, keep: 3, onProgress: (n) => progress.push(n) });

  it.each(NOISE_SETTINGS)('measures %s as the images one by one say', async (setting) => {
    const { images, deviation } = (await studied)[setting];
    const count = setting === 'none' ? 1 : draws;
    const statistic = new PixelDeviation();
    for (let k = 0; k < count; k++) {
      const image = await drawn(k, ranges[setting] ?? [0, 0]);
      statistic.add(image);
      if (k < images.shape[0]) expect(largestDifference(rowOf(images, k), image)).toBeLessThan(1e-5);
    }
    expect(images.shape).toEqual([Math.min(count, 3), 3, 16, 16]);
    expect(largestDifference(deviation, statistic.result(256))).toBeLessThan(1e-5);
    if (setting === 'none') expect(Math.max(...deviation)).toBe(0);
    else expect(Math.min(...deviation)).toBeGreaterThan(0);
  });

  it('tells how far it is', async () => {
    await studied;
    expect(progress).toEqual([16, 18, 34, 36, 52, 54]);
  });

  it('stops when asked', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(studyNoise(network, ws, { ranges, signal })).rejects.toThrow('enough');
  });

  it('sees as much of a StyleGAN as has grown', async () => {
    const file = decodeNetworkFile(tinyStyleGAN(), 'tiny');
    for (const [lod, resolutions] of [
      [0, [4, 8, 16]],
      [0.5, [4, 8, 16]],
      [1, [4, 8]],
    ] as const) {
      const grown = openNetwork({ ...file, lod }, await openEngine({ device: 'cpu', threads: 1 }));
      opened.push(grown);
      const ranges = noiseRanges(grown);
      expect(grown.noiseLayers.map(({ resolution }) => resolution)).toEqual(
        resolutions.flatMap((r) => [r, r]),
      );
      expect(ranges.all).toEqual([4, resolutions.at(-1)]);
      const { none, fine, coarse } = await studyNoise(grown, ws, { ranges, draws: 2 });
      expect(none.images.shape).toEqual([1, 3, 16, 16]);
      expect(Math.max(...none.deviation)).toBe(0);
      for (const { deviation } of [fine, coarse]) expect(Math.max(...deviation)).toBeGreaterThan(0.01);
    }
  });

  it('refuses several images, and one draw', async () => {
    const two = floatTensor(new Float32Array(2 * ws.data.length), [2, ...ws.shape.slice(1)]);
    await expect(studyNoise(network, two, { ranges })).rejects.toThrow('ws: got 2 images, expected 1');
    await expect(studyNoise(network, ws, { ranges, draws: 1 })).rejects.toThrow(
      'got 1 draws, expected at least 2',
    );
  });
});

function rowOf({ data, shape }: FloatTensor, n: number): Float32Array {
  const size = data.length / shape[0];
  return data.slice(n * size, (n + 1) * size);
}
