// DCGAN: PyTorch's example at 64x64 by name and size, its formula, labels, gradients, batch statistics, engine and use.

import { describe, expect, it } from 'vitest';
import { totalSize } from '../../src/checkpoints/network-file.ts';
import { Random } from '../../src/core/random.ts';
import { evaluate } from '../../src/graph/reference.ts';
import { type DCGANConfig, dcgan } from '../../src/models/dcgan.ts';
import { parseConfig } from '../../src/models/registry.ts';
import { initialValue, type ParameterSpec, unobserved } from '../../src/nn/parameters.ts';
import {
  build,
  draw,
  expectEngineAgrees,
  expectTrainingGradients,
  expectUseWithoutW,
} from './network-checks.ts';

const configOf = (imgResolution: number, imgChannels: 1 | 3 | 4, cDim = 0): DCGANConfig => {
  const widths = { channelBase: 24, channelMax: 4 };
  return {
    model: 'dcgan',
    zDim: 5,
    cDim,
    wDim: 5 + cDim,
    numWs: 1,
    imgResolution,
    imgChannels,
    ...widths,
    discriminator: { ...widths },
  };
};

const titled = [configOf(4, 3), configOf(8, 1, 2), configOf(16, 4), configOf(16, 3, 2)].map(
  (config) => [`${config.imgResolution}²×${config.imgChannels}, ${config.cDim} labels`, config] as const,
);

describe("PyTorch's example at 64x64", () => {
  const config = { ...configOf(64, 3), zDim: 100, wDim: 100, channelBase: 2048, channelMax: 512 };
  const { generator, discriminator } = dcgan({
    ...config,
    discriminator: { channelBase: 2048, channelMax: 512 },
  });
  const shapes = (specs: readonly ParameterSpec[]) =>
    Object.fromEntries(
      specs.filter(({ shape }) => shape.length === 4).map(({ name, shape }) => [name, shape]),
    );
  const count = (specs: readonly ParameterSpec[]) => totalSize(specs.filter((spec) => spec.trainable));

  it('has a generator of 3,576,704 parameters', () => {
    expect(shapes(generator)).toEqual({
      'main.0.weight': [100, 512, 4, 4],
      'main.3.weight': [512, 256, 4, 4],
      'main.6.weight': [256, 128, 4, 4],
      'main.9.weight': [128, 64, 4, 4],
      'main.12.weight': [64, 3, 4, 4],
    });
    expect(generator.filter(({ name }) => name.endsWith('running_var')).map(({ name }) => name)).toEqual(
      [1, 4, 7, 10].map((i) => `main.${i}.running_var`),
    );
    expect(count(generator)).toBe(3_576_704);
  });

  it('has a discriminator of 2,765,568 parameters', () => {
    expect(shapes(discriminator)).toEqual({
      'main.0.weight': [64, 3, 4, 4],
      'main.2.weight': [128, 64, 4, 4],
      'main.5.weight': [256, 128, 4, 4],
      'main.8.weight': [512, 256, 4, 4],
      'main.11.weight': [1, 512, 4, 4],
    });
    expect(discriminator.filter(({ name }) => name.endsWith('running_var')).map(({ name }) => name)).toEqual(
      [3, 6, 9].map((i) => `main.${i}.running_var`),
    );
    expect(count(discriminator)).toBe(2_765_568);
  });

  it('starts with weights of N(0, 0.02²) and scales of N(1, 0.02²)', () => {
    const moments = (name: string) => {
      const data = initialValue(generator.find((spec) => spec.name === name)!, new Random(1));
      const mean = data.reduce((sum, x) => sum + x, 0) / data.length;
      return [mean, Math.sqrt(data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / data.length)];
    };
    const [mean, std] = moments('main.9.weight');
    expect(Math.abs(mean)).toBeLessThan(5e-4);
    expect(std).toBeCloseTo(0.02, 3);
    const [scaleMean, scaleStd] = moments('main.1.weight');
    expect(scaleMean).toBeCloseTo(1, 2);
    expect(scaleStd).toBeGreaterThan(0.018);
    expect(scaleStd).toBeLessThan(0.022);
  });
});

/** One image as [channel][y][x]. */
type Maps = number[][][];
type Feeds = Readonly<Record<string, Float64Array>>;

const zeros = (channels: number, size: number): Maps =>
  Array.from({ length: channels }, () => Array.from({ length: size }, () => new Array<number>(size).fill(0)));
const mapMaps = (x: Maps, f: (value: number, channel: number) => number): Maps =>
  x.map((map, channel) => map.map((row) => row.map((value) => f(value, channel))));

/**
 * Visits every pair of a large pixel [size] and a small one [size/2] that a 4x4 kernel with stride 2 and padding 1
 * connects, and the kernel's tap between them.
 */
function eachTap(size: number, visit: (big: [number, number], small: [number, number], tap: number) => void) {
  for (let y = 0; y < size / 2; y++)
    for (let x = 0; x < size / 2; x++)
      for (let tap = 0; tap < 16; tap++) {
        const [top, left] = [2 * y + Math.floor(tap / 4) - 1, 2 * x + (tap % 4) - 1];
        if (top >= 0 && top < size && left >= 0 && left < size) visit([top, left], [y, x], tap);
      }
}

function normalized(feeds: Feeds, name: string, x: Maps): Maps {
  const [weight, bias, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map(
    (part) => feeds[`${name}.${part}`],
  );
  return mapMaps(x, (v, c) => ((v - mean[c]) / Math.sqrt(variance[c] + 1e-5)) * weight[c] + bias[c]);
}

/** A 16x16 generator in use, by loops. */
function plainGenerator(feeds: Feeds, latent: readonly number[], channels: number): Maps {
  let x: Maps = latent.map((value) => [[value]]);
  [4, 3, channels].forEach((outputs, i) => {
    const size = 4 * 2 ** i;
    const w = feeds[`G.main.${3 * i}.weight`];
    const y = zeros(outputs, size);
    x.forEach((map, c) => {
      y.forEach((out, o) => {
        const tapOf = (tap: number) => w[(c * outputs + o) * 16 + tap];
        if (i === 0)
          for (let tap = 0; tap < 16; tap++) out[Math.floor(tap / 4)][tap % 4] += map[0][0] * tapOf(tap);
        else
          eachTap(size, ([top, left], [sy, sx], tap) => {
            out[top][left] += map[sy][sx] * tapOf(tap);
          });
      });
    });
    x =
      i === 2
        ? mapMaps(y, Math.tanh)
        : mapMaps(normalized(feeds, `G.main.${3 * i + 1}`, y), (v) => Math.max(v, 0));
  });
  return x;
}

/** A 16x16 discriminator in use, by loops. */
function plainDiscriminator(feeds: Feeds, image: Maps): number {
  let x = image;
  [0, 2].forEach((index, i) => {
    const w = feeds[`D.main.${index}.weight`];
    const [size, inputs] = [x[0].length, x.length];
    let y = zeros([3, 4][i], size / 2);
    y.forEach((out, o) => {
      x.forEach((map, c) => {
        eachTap(size, ([top, left], [sy, sx], tap) => {
          out[sy][sx] += map[top][left] * w[(o * inputs + c) * 16 + tap];
        });
      });
    });
    if (i > 0) y = normalized(feeds, `D.main.${index + 1}`, y);
    x = mapMaps(y, (v) => Math.max(v, 0.2 * v));
  });
  return x.flat(2).reduce((sum, value, i) => sum + value * feeds['D.main.5.weight'][i], 0);
}

it('is the formula', () => {
  const { image, logits } = build(configOf(16, 3, 2), 'use', 2);
  const feeds = draw([image, logits]);
  const [pixels, scores] = evaluate([image, logits], feeds);
  for (const n of [0, 1]) {
    const c = [...feeds.c.subarray(2 * n, 2 * n + 2)];
    const x = plainGenerator(feeds, [...feeds.z.subarray(5 * n, 5 * n + 5), ...c], 3);
    x.flat(2).forEach((pixel, i) => {
      expect(pixels[n * 3 * 256 + i]).toBeCloseTo(pixel, 10);
    });
    const labels = c.map((label) => mapMaps(zeros(1, 16), () => label)[0]);
    expect(scores[n]).toBeCloseTo(plainDiscriminator(feeds, [...x, ...labels]), 10);
  }
});

describe.each(titled)('%s', (_title, config) => {
  it('has gradients', () => expectTrainingGradients(config));
  it('runs on the engine', () => expectEngineAgrees(config));
  it('can be used', () => expectUseWithoutW(config));

  it('observes the statistics of every batch norm', () => {
    const { model, observed } = build(config, 'training');
    const buffers = (specs: readonly ParameterSpec[], prefix: string) =>
      specs.filter((spec) => spec.follow === 0.9).map(({ name, shape }) => [prefix + name, shape]);
    expect([...observed].map(([name, node]) => [name, node.shape])).toEqual([
      ...buffers(model.generator, 'G.'),
      ...buffers(model.discriminator, 'D.'),
    ]);
    expect(observed.size).toBe(
      2 * (Math.log2(config.imgResolution) - 2 + Math.max(0, Math.log2(config.imgResolution) - 3)),
    );
  });
});

it("takes part in the other network's step with the batch's statistics, and records none", () => {
  const { model, d, c, image, logits, observed } = build(configOf(16, 3, 2), 'training');
  const before = new Map(observed);
  const silent = model.discriminate(unobserved(d), image, c).logits;
  expect(observed).toEqual(before);
  const used = build(configOf(16, 3, 2), 'use');
  const inUse = used.model.discriminate(used.d, image, used.c).logits;
  const feeds = draw([logits, silent, inUse]);
  const [expected, same, other] = evaluate([logits, silent, inUse], feeds);
  expect(same).toEqual(expected);
  expect(other[0]).not.toBeCloseTo(expected[0], 3);
});

describe.each([4, 8, 32, 256, 1024])('at %i', (resolution) => {
  it('builds', () => {
    const config = configOf(resolution, 3);
    const { image, logits } = build(config, 'training');
    expect([image.shape, logits.shape]).toEqual([
      [3, 3, resolution, resolution],
      [3, 1],
    ]);
    expect(parseConfig(config, 'config')).toEqual(config);
  });
});

it('of another size of w is refused by name', () => {
  expect(() => parseConfig({ ...configOf(8, 3, 2), wDim: 5 }, 'some.file')).toThrow(
    'some.file: network configuration: wDim: got 5, expected zDim + cDim, and numWs 1, without styles',
  );
});
