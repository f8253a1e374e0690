// ProGAN, StyleGAN and the steps between, at every level of detail: what is built, read and learned, and how growing
// leads from one resolution to the next.

import { afterAll, describe, expect, it } from 'vitest';
import { totalSize } from '../../src/checkpoints/network-file.ts';
import { FileError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { add, constant, fill, input, mean, mul, sliceAxis, square, sum } from '../../src/graph/build.ts';
import type { Node } from '../../src/graph/node.ts';
import { evaluate } from '../../src/graph/reference.ts';
import { verify } from '../../src/graph/verify.ts';
import { FULL_DETAIL, type Model } from '../../src/models/contract.ts';
import { createModel, parseConfig } from '../../src/models/registry.ts';
import { initialValue, type ParameterSpec } from '../../src/nn/parameters.ts';
import { downsampleBox, upsampleNearest } from '../../src/nn/resample.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';
import { expectGradients } from '../graph/finite-difference.ts';
import {
  ABLATION,
  drawFeeds,
  growingConfig,
  inputsOf,
  lodAt,
  networks,
  type Size,
} from './growing-networks.ts';

const engine = await openEngine({ device: 'cpu', threads: 1 });
afterAll(() => engine.close());

const create = (letter: (typeof ABLATION)[number], size: Size): Model => {
  const config = growingConfig(letter, size);
  expect(parseConfig(config, 'config')).toEqual(config);
  return createModel(config);
};

const scalar = (scores: { logits: Node; classes: Node | null }): Node[] =>
  scores.classes === null ? [scores.logits] : [scores.logits, scores.classes];

/** A random projection of everything that G and D say: its gradient reaches whatever they read. */
const everything = (nodes: readonly Node[]): Node =>
  nodes
    .map((node, i) => {
      const random = new Random(6, String(i));
      const weights = random.fillNormal(new Float32Array(node.shape.reduce((a, b) => a * b, 1)));
      return sum(mul(node, constant(weights, node.shape)));
    })
    .reduce((a, b) => add(a, b));

/** Whether a network of resolution R reads a parameter at a level, fading or not. */
function isReached(name: string, model: Model, level: number, fading: boolean): boolean {
  if (/(w_avg|noise_const)$/.test(name)) return false;
  const rgb = /(?:ToRGB|FromRGB)_lod(\d+)/.exec(name);
  if (rgb !== null) return Number(rgb[1]) === level || (fading && Number(rgb[1]) === level + 1);
  const block = /(\d+)x\d+\./.exec(name);
  return block === null || Number(block[1]) <= model.config.imgResolution / 2 ** level;
}

const specsOf = (model: Model): ParameterSpec[] => [
  ...model.generator.map((spec) => ({ ...spec, name: `G.${spec.name}` })),
  ...model.discriminator.map((spec) => ({ ...spec, name: `D.${spec.name}` })),
];

const LODS = [0, 0.25, 1, 1.5, 2] as const;

describe.each(ABLATION)('configuration %s', (letter) => {
  it.each(LODS)('at lod %d reads, and learns, what its resolution has and nothing else', async (lod) => {
    const model = create(letter, { resolution: 16, labels: 3 });
    expect(model.maxLod).toBe(2);
    const at = lodAt(lod);
    const { g, d, image, scores } = networks(model, 2, at);
    const r = 16 / 2 ** at.level;
    expect([image.shape, scores.logits.shape]).toEqual([
      [2, 3, r, r],
      [2, 1],
    ]);
    expect(scores.classes?.shape ?? null).toEqual(letter === 'A' ? [2, 3] : null);
    const outputs = [image, ...scalar(scores)];
    const reached = specsOf(model).filter(({ name }) => isReached(name, model, at.level, at.fade !== null));
    const read = inputsOf(outputs);
    expect([...read.keys()].filter((name) => /^[GD]\./.test(name)).sort()).toEqual(
      reached.map(({ name }) => name).sort(),
    );
    const noises = model.noiseLayers.filter(({ resolution }) => resolution <= r);
    expect([...read.keys()].filter((name) => name.startsWith('noise.')).sort()).toEqual(
      noises.map(({ name }) => `noise.${name}`).sort(),
    );

    const parameters = reached.map(({ name }) => (name.startsWith('G.') ? g : d)(name.slice(2)));
    const loss = everything(outputs);
    const graph = {
      outputs: Object.fromEntries(
        gradients(loss, parameters).map((node, i) => [`grad.${reached[i].name}`, node]),
      ),
    };
    verify(graph);
    const session = await engine.compile(graph);
    const feeds = drawFeeds(read);
    const results = await session.run(
      Object.fromEntries(Object.keys(session.inputs).map((name) => [name, Float32Array.from(feeds[name])])),
    );
    for (const { name, shape } of reached) {
      const gradient = results[`grad.${name}`];
      expect(gradient.length, name).toBe(shape.reduce((a, b) => a * b, 1));
      expect(gradient.every(Number.isFinite), name).toBe(true);
      expect(
        gradient.some((value) => value !== 0),
        name,
      ).toBe(true);
    }
    await engine.release(session);
  });

  it.each([4, 8, 64])('builds at %i² with one, three and four channels', (resolution) => {
    for (const channels of [1, 3, 4] as const) {
      const model = create(letter, { resolution, channels });
      const { image, scores } = networks(model, 4, FULL_DETAIL);
      verify({ outputs: { image, logits: scores.logits } });
      expect(image.shape).toEqual([4, channels, resolution, resolution]);
    }
  });

  it('starts with images of about unit size', async () => {
    const model = create(letter, { resolution: 16, labels: 3, base: 128, max: 16, latent: 16 });
    const { image, scores } = networks(model, 4, FULL_DETAIL);
    const session = await engine.compile({ outputs: { image, logits: scores.logits } });
    const random = new Random(2, 'initial');
    const feeds = drawFeeds(inputsOf([image, scores.logits]));
    for (const spec of specsOf(model)) feeds[spec.name] = Float64Array.from(initialValue(spec, random));
    const { image: pixels, logits } = await session.run(
      Object.fromEntries(Object.keys(session.inputs).map((name) => [name, Float32Array.from(feeds[name])])),
    );
    const rms = Math.sqrt(pixels.reduce((total, x) => total + x * x, 0) / pixels.length);
    expect(rms).toBeGreaterThan(0.05);
    expect(rms).toBeLessThan(5);
    expect(logits.every(Number.isFinite)).toBe(true);
    expect(pixels.subarray(0, pixels.length / 4)).not.toEqual(pixels.subarray((3 * pixels.length) / 4));
    await engine.release(session);
  });

  // Odd channel counts show every mistake of layout; fused layers and labels take their own paths.
  it.each([
    [8, 0.25, false, 0],
    [16, 1.5, true, 2],
    [8, 0, true, 0],
  ])(
    'has the gradients of finite differences at %i², lod %d (fused %s, %i classes)',
    (resolution, lod, fused, labels) => {
      const size = {
        resolution,
        labels,
        channels: 1,
        base: 40,
        max: 5,
        latent: 3,
        depth: 1,
        fused,
        group: 2,
      } as const;
      const model = create(letter, size);
      const fade = input('fade', []);
      const at = lodAt(lod);
      const { g, d, image, scores } = networks(model, 2, at.fade === null ? at : { ...at, fade });
      const outputs = [image, ...scalar(scores)];
      const read = inputsOf(outputs);
      const feeds = { ...drawFeeds(read), fade: Float64Array.of(lod - at.level) };
      const reached = specsOf(model).filter(({ name }) => read.has(name));
      const inputs = reached.map(({ name }) => (name.startsWith('G.') ? g : d)(name.slice(2)));
      if (at.fade !== null) inputs.push(fade);
      const lengths = expectGradients(everything(outputs), inputs, feeds);
      expect(Math.min(...lengths)).toBeGreaterThan(0);
    },
  );
});

describe('growing', () => {
  const [letters, labels] = [ABLATION, 2];
  const values = (nodes: readonly Node[]): Float64Array[] => evaluate(nodes, drawFeeds(inputsOf(nodes)));

  it.each(letters)('%s: a level is the network of that resolution', (letter) => {
    const size = { labels, base: 40, max: 5 };
    const level = networks(create(letter, { ...size, resolution: 16 }), 2, lodAt(1));
    const whole = networks(create(letter, { ...size, resolution: 8 }), 2, FULL_DETAIL);
    const feeds = drawFeeds(inputsOf([level.image, level.scores.logits]));
    const renamed = Object.fromEntries(
      Object.entries(feeds).map(([name, data]) => [
        name.replace(/lod(\d)/, (_, lod) => `lod${Number(lod) - 1}`),
        data,
      ]),
    );
    const expected = evaluate([level.image, ...scalar(level.scores)], feeds);
    const got = evaluate([whole.image, ...scalar(whole.scores)], renamed);
    expect(got).toEqual(expected);
  });

  it.each(letters)('%s: a fade leads from the coarser level to the finer', (letter) => {
    const model = create(letter, { resolution: 16, labels });
    const at = (level: number, fade: number | null) =>
      networks(model, 2, { level, fade: fade === null ? null : fill(fade) });
    const [fine, coarse, start, end] = [at(0, null), at(1, null), at(0, 1), at(0, 0)];
    const images = values([fine.image, end.image, upsampleNearest(coarse.image, 2), start.image]);
    expectClose(images[1], images[0]);
    expectClose(images[3], images[2]);

    const real = input('real', [2, 3, 16, 16]);
    const c = input('c', [2, labels]);
    const d = (image: Node, level: number, fade: number | null) =>
      model.discriminate(fine.d, image, c, { level, fade: fade === null ? null : fill(fade) }).logits;
    const [whole, ended, small, started] = values([
      d(real, 0, null),
      d(real, 0, 0),
      d(downsampleBox(real, 2), 1, null),
      d(real, 0, 1),
    ]);
    expectClose(ended, whole);
    expectClose(started, small);
  });

  it('has nothing to fade to at 4²', () => {
    const model = create('E', { resolution: 8 });
    expect(() => networks(model, 2, { level: 1, fade: fill(0.5) })).toThrow(RangeError);
    const logits = () =>
      model.discriminate(networks(model, 2, FULL_DETAIL).d, input('x', [2, 3, 4, 4]), null, {
        level: 1,
        fade: fill(0.5),
      });
    expect(logits).toThrow(RangeError);
  });
});

describe('labels', () => {
  it('choose one of the scores that StyleGAN gives for all classes', () => {
    const model = create('E', { resolution: 8, labels: 3 });
    const { d } = networks(model, 3, FULL_DETAIL);
    const image = input('image', [3, 3, 8, 8]);
    const score = (label: number) => {
      const c = Float32Array.from({ length: 9 }, (_, i) => (i % 3 === label ? 1 : 0));
      return model.discriminate(d, image, constant(c, [3, 3])).logits;
    };
    const nodes = [0, 1, 2].map(score);
    const feeds = drawFeeds(inputsOf(nodes));
    const before = evaluate(nodes, feeds);
    feeds['D.4x4.Dense1.bias'][1] += 2;
    const after = evaluate(nodes, feeds);
    [0, 1, 2].forEach((label) => {
      const change = after[label].map((x, i) => x - before[label][i]);
      for (const x of change) expect(x).toBeCloseTo(label === 1 ? 2 : 0, 12);
    });
    expect(() => model.discriminate(d, image, null)).toThrow(RangeError);
  });

  it('are for ProGAN to tell, not to be told', () => {
    const model = create('A', { resolution: 8, labels: 3 });
    const { d } = networks(model, 2, FULL_DETAIL);
    const { logits, classes } = model.discriminate(d, input('image', [2, 3, 8, 8]), null);
    const feeds = drawFeeds(inputsOf([logits, classes!]));
    const before = evaluate([logits, classes!], feeds);
    feeds['D.4x4.Dense1.bias'][0] += 1;
    feeds['D.4x4.Dense1.bias'][2] += 2;
    const after = evaluate([logits, classes!], feeds);
    after[0].forEach((x, i) => {
      expect(x - before[0][i]).toBeCloseTo(1, 12);
    });
    after[1].forEach((x, i) => {
      expect(x - before[1][i]).toBeCloseTo(i % 3 === 1 ? 2 : 0, 12);
    });
  });
});

it('without a mapping network, latent and label have unit mean square together', () => {
  for (const letter of ['A', 'B'] as const) {
    const model = create(letter, { resolution: 8, labels: 3 });
    expect([model.wAvg, model.config.numWs, model.config.wDim]).toEqual([null, 1, 9]);
    const w = model.mapping(
      () => {
        throw new Error('got a look-up, expected no parameters');
      },
      input('z', [2, 6]),
      input('c', [2, 3]),
    );
    const [squares, labels, ratio] = evaluate(
      [mean(square(w), [1]), sliceAxis(w, 1, 6, 3), sliceAxis(w, 1, 0, 6)],
      drawFeeds(inputsOf([w])),
    );
    for (const x of squares) expect(x).toBeCloseTo(1, 7);
    expect(labels[0]).toBeGreaterThan(0);
    expect([labels[1], labels[2]]).toEqual([0, 0]);
    const { z } = drawFeeds(inputsOf([w]));
    expect(ratio[0] / labels[0]).toBeCloseTo(z[0], 10);
  }
});

it('the average of w follows what the mapping network gives', () => {
  const model = create('E', { resolution: 8 });
  const seen: [string, Node][] = [];
  const { g } = networks(model, 2, FULL_DETAIL);
  const p = Object.assign((name: string) => g(name), {
    observe: (name: string, value: Node) => {
      seen.push([name, value]);
    },
  });
  const w = model.mapping(p, input('z', [2, 6]), null);
  expect(seen.map(([name]) => name)).toEqual([model.wAvg]);
  const [average, all] = evaluate([seen[0][1], w], drawFeeds(inputsOf([w])));
  average.forEach((x, i) => {
    expect(x).toBeCloseTo((all[i] + all[7 + i]) / 2, 12);
  });
  expect(model.generator.find(({ name }) => name === model.wAvg)?.follow).toBe(0.995);
});

describe('at 1024²', () => {
  const size = { resolution: 1024, base: 16384, max: 512, latent: 512, depth: 8 };
  const count = (specs: readonly ParameterSpec[]) => totalSize(specs.filter((spec) => spec.trainable));
  const stylegan = createModel({ ...growingConfig('E', size), wDim: 512 });
  const progan = createModel(growingConfig('A', { ...size, fused: true }));
  const CHANNELS = [512, 512, 512, 512, 256, 128, 64, 32, 16];
  const conv = (i: number, o: number, k: number) => k * k * i * o + o;

  it('StyleGAN has a generator of 26,219,627 parameters, as published', () => {
    const epilogue = (o: number) => o + (512 * 2 * o + 2 * o); // noise weights, style
    let expected = 8 * (512 * 512 + 512) + 512 * 16 + 512 + epilogue(512); // mapping, constant
    CHANNELS.forEach((o, block) => {
      if (block > 0) expected += conv(CHANNELS[block - 1], o, 3) + epilogue(o);
      expected += conv(o, o, 3) + epilogue(o) + conv(o, 3, 1);
    });
    expect(expected).toBe(26_219_627);
    expect(count(stylegan.generator)).toBe(expected);
    expect(stylegan.noiseLayers.map(({ resolution }) => resolution)).toEqual(
      CHANNELS.flatMap((_, block) => [4 * 2 ** block, 4 * 2 ** block]),
    );
  });

  it('both have a discriminator of 23.09 million, as published', () => {
    let expected = conv(513, 512, 3) + (512 * 16 * 512 + 512) + (512 + 1);
    CHANNELS.forEach((o, block) => {
      expected += conv(3, o, 1);
      if (block > 0) expected += conv(o, o, 3) + conv(o, CHANNELS[block - 1], 3);
    });
    expect(expected).toBe(23_087_249);
    expect(count(stylegan.discriminator)).toBe(expected);
    expect(count(progan.discriminator)).toBe(expected);
  });

  it('ProGAN has a generator of 23.08 million', () => {
    let expected = 512 * 512 * 16 + 512;
    CHANNELS.forEach((o, block) => {
      if (block > 0) expected += conv(CHANNELS[block - 1], o, 3);
      expected += conv(o, o, 3) + conv(o, 3, 1);
    });
    expect(expected).toBe(23_079_115);
    expect(count(progan.generator)).toBe(expected);
  });

  it.each([stylegan, progan])('builds, whole and fading', (model) => {
    for (const lod of [0, 0.5, 8]) {
      const { image, scores } = networks(model, 1, lodAt(lod));
      verify({ outputs: { image, logits: scores.logits } });
      const r = 1024 / 2 ** Math.floor(lod);
      expect([image.shape, scores.logits.shape]).toEqual([
        [1, 3, r, r],
        [1, 1],
      ]);
    }
  });
});

describe('a configuration from outside', () => {
  const valid = { A: growingConfig('A', { resolution: 8 }), E: growingConfig('E', { resolution: 8 }) };

  it.each<['A' | 'E', object, string]>([
    ['A', { numWs: 2 }, 'numWs: got 2, expected 1'],
    ['A', { wDim: 7 }, 'wDim: got 7, expected zDim + cDim'],
    ['A', { fusedScale: 'auto' }, 'fusedScale: got auto, expected true or false'],
    ['A', { channelMax: 1e9 }, 'channelMax: got 1000000000, expected at most 8192'],
    ['A', { discriminator: {} }, 'discriminator.mbstdGroup: got nothing, expected a number'],
    ['E', { numWs: 1 }, 'numWs: got 1, expected 2·log2(imgResolution) - 2'],
    ['E', { styles: false, numWs: 1 }, 'constInput: got true, expected false without styles'],
    ['E', { styles: false, constInput: false, numWs: 1 }, 'wDim: got 7, expected zDim + cDim'],
    ['E', { fusedScale: 'always' }, 'fusedScale: got always, expected auto or true or false'],
    ['E', { mappingLayers: 0 }, 'mappingLayers: got 0, expected at least 1'],
    ['E', { imgResolution: 24 }, 'imgResolution: got 24, expected a power of two'],
  ])('of %s with %o is refused by name', (letter, change, message) => {
    const parse = () => parseConfig({ ...valid[letter], ...change }, 'some.file');
    expect(parse).toThrow(FileError);
    expect(parse).toThrow(`some.file: network configuration: ${message}`);
  });
});

function expectClose(got: Float64Array, expected: Float64Array): void {
  const largest = expected.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  expect(largest).toBeGreaterThan(0);
  const distance = got.reduce((max, x, i) => Math.max(max, Math.abs(x - expected[i])), 0);
  expect(distance / largest).toBeLessThan(1e-12);
}
