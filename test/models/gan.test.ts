// The fully connected GAN: its formula, parameters, labels, gradients, engine and use.

import { describe, expect, it } from 'vitest';
import { FileError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { evaluate } from '../../src/graph/reference.ts';
import type { GANConfig } from '../../src/models/gan.ts';
import { gan } from '../../src/models/gan.ts';
import { parseConfig } from '../../src/models/registry.ts';
import { initialValue } from '../../src/nn/parameters.ts';
import {
  build,
  draw,
  expectEngineAgrees,
  expectTrainingGradients,
  expectUseWithoutW,
} from './network-checks.ts';

const configOf = (imgResolution: number, imgChannels: 1 | 3 | 4, cDim = 0): GANConfig => ({
  model: 'gan',
  zDim: 5,
  cDim,
  wDim: 5 + cDim,
  numWs: 1,
  imgResolution,
  imgChannels,
  hiddenWidth: 7,
  hiddenLayers: 2,
  discriminator: { hiddenWidth: 6, hiddenLayers: 3 },
});

const SHAPES = [configOf(4, 1), configOf(8, 3, 2), configOf(16, 4)];
const titled = SHAPES.map(
  (config) => [`${config.imgResolution}²×${config.imgChannels}, ${config.cDim} labels`, config] as const,
);

/** act(W·x + b) for one row. */
function layer(feeds: Record<string, Float64Array>, name: string, x: ArrayLike<number>, slope: number) {
  const bias = feeds[`${name}.bias`];
  return Array.from(bias, (b, o) => {
    let sum = b;
    for (let i = 0; i < x.length; i++) sum += feeds[`${name}.weight`][o * x.length + i] * x[i];
    return Math.max(sum, slope * sum);
  });
}

describe.each(titled)('%s', (_title, config) => {
  it('is the formula', () => {
    const { image, logits } = build(config, 'use', 2);
    expect([image.shape, logits.shape]).toEqual([
      [2, config.imgChannels, config.imgResolution, config.imgResolution],
      [2, 1],
    ]);
    const feeds = draw([image, logits]);
    const [pixels, scores] = evaluate([image, logits], feeds);
    const size = pixels.length / 2;
    for (const n of [0, 1]) {
      const row = (name: string, width: number) => [
        ...(feeds[name]?.subarray(n * width, (n + 1) * width) ?? []),
      ];
      const c = row('c', config.cDim);
      let x = [...row('z', 5), ...c];
      for (const i of [0, 1]) x = layer(feeds, `G.layers.${i}`, x, 0);
      x = layer(feeds, 'G.layers.2', x, 1).map(Math.tanh);
      x.forEach((pixel, i) => {
        expect(pixels[n * size + i]).toBeCloseTo(pixel, 10);
      });
      x = [...x, ...c];
      for (const i of [0, 1, 2]) x = layer(feeds, `D.layers.${i}`, x, 0.2);
      expect(scores[n]).toBeCloseTo(layer(feeds, 'D.layers.3', x, 1)[0], 10);
    }
  });

  it('has gradients', () => expectTrainingGradients(config));
  it('runs on the engine', () => expectEngineAgrees(config));
  it('can be used', () => expectUseWithoutW(config));
});

it('starts with images near grey at any depth', () => {
  const config = { ...configOf(16, 3), zDim: 64, wDim: 64, hiddenWidth: 128, hiddenLayers: 8 };
  const random = new Random(1, 'init');
  const { image } = build(config, 'use', 8);
  const feeds: Record<string, Float32Array> = { z: random.fillNormal(new Float32Array(8 * 64)) };
  for (const spec of gan(config).generator) feeds[`G.${spec.name}`] = initialValue(spec, random);
  const before = evaluate([image], feeds)[0].map(Math.atanh);
  const rms = Math.sqrt(before.reduce((sum, x) => sum + x * x, 0) / before.length);
  expect(rms).toBeGreaterThan(0.05);
  expect(rms).toBeLessThan(0.2);
});

it('observes nothing', () => {
  expect([...build(configOf(8, 3, 2), 'training').observed.keys()]).toEqual([]);
});

describe('a configuration from outside', () => {
  it.each<[string, object, string]>([
    ['depth', { hiddenLayers: 0 }, 'hiddenLayers: '],
    ['width', { hiddenWidth: 1e9 }, 'hiddenWidth: '],
    ['size of w', { wDim: 6 }, 'wDim: got 6, expected zDim + cDim, and numWs 1, without styles'],
    ['number of ws', { numWs: 2 }, 'wDim: got 5, expected zDim + cDim, and numWs 1, without styles'],
    ['discriminator', { discriminator: {} }, 'discriminator.hiddenWidth: '],
  ])('of another %s is refused by name', (_name, change, message) => {
    expect(parseConfig(configOf(8, 3, 2), 'some.file')).toEqual(configOf(8, 3, 2));
    const parse = () => parseConfig({ ...configOf(8, 3), ...change }, 'some.file');
    expect(parse).toThrow(FileError);
    expect(parse).toThrow(`some.file: network configuration: ${message}`);
  });
});
