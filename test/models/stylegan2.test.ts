// StyleGAN2 at every size and architecture: shapes, finite values, parameter counts, mixing and truncation.

import { afterAll, describe, expect, it } from 'vitest';
import { totalSize } from '../../src/checkpoints/network-file.ts';
import { FileError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { sizeOf } from '../../src/core/tensor.ts';
import { constant, input } from '../../src/graph/build.ts';
import { type Node, topologicalOrder } from '../../src/graph/node.ts';
import { evaluate } from '../../src/graph/reference.ts';
import { verify } from '../../src/graph/verify.ts';
import type { Model } from '../../src/models/contract.ts';
import { broadcastW, mixStyles, parameterInputs, truncate } from '../../src/models/network-graph.ts';
import { createModel, parseConfig } from '../../src/models/registry.ts';
import { type StyleGAN2Config, stylegan2NumWs } from '../../src/models/stylegan2-config.ts';
import { initialValue, type ParameterSpec } from '../../src/nn/parameters.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';

type Architecture = StyleGAN2Config['architecture'];
const ARCHITECTURES: readonly Architecture[] = ['skip', 'resnet', 'orig'];
const BATCH = 2;

const engine = await openEngine({ device: 'cpu', threads: 1 });
afterAll(() => engine.close());

interface Shape {
  readonly resolution: number;
  readonly g?: Architecture;
  readonly d?: Architecture;
  readonly labels?: number;
  readonly channels?: 1 | 3 | 4;
  readonly base?: number;
  readonly max?: number;
  readonly latent?: number;
  readonly depth?: number;
}

function configOf(shape: Shape): StyleGAN2Config {
  const { resolution, g = 'skip', d = 'resnet', labels = 0, channels = 3, latent = 8, depth = 2 } = shape;
  const widths = { channelBase: shape.base ?? 64, channelMax: shape.max ?? 8 };
  return {
    model: 'stylegan2',
    zDim: latent,
    cDim: labels,
    wDim: latent,
    numWs: stylegan2NumWs(resolution),
    imgResolution: resolution,
    imgChannels: channels,
    ...widths,
    mappingLayers: depth,
    architecture: g,
    discriminator: { architecture: d, mbstdGroup: 4, ...widths, mappingLayers: 8 },
  };
}

/** Image and logits for inputs z, c and the noise. */
function networks(model: Model, batch: number): { image: Node; logits: Node } {
  const { zDim, cDim } = model.config;
  const [g, d] = [parameterInputs(model.generator, 'G.'), parameterInputs(model.discriminator, 'D.')];
  const c = cDim > 0 ? input('c', [batch, cDim]) : null;
  const ws = broadcastW(model.mapping(g, input('z', [batch, zDim]), c), model.config.numWs);
  const image = model.synthesis(g, ws, ({ name, resolution: r }) => input(`noise.${name}`, [batch, 1, r, r]));
  return { image, logits: model.discriminate(d, image, c).logits };
}

/** Initial weights, with noise that is seen, and normal values for the rest. */
function draw(model: Model, nodes: readonly Node[]): Record<string, Float32Array> {
  const random = new Random(2, 'values');
  const feeds: Record<string, Float32Array> = {};
  for (const { op } of topologicalOrder(nodes))
    if (op.kind === 'input') feeds[op.name] = random.fillNormal(new Float32Array(sizeOf(op.shape)));
  const set = (prefix: string, specs: readonly ParameterSpec[]) => {
    for (const spec of specs)
      if (!spec.name.endsWith('noise_strength')) feeds[prefix + spec.name] = initialValue(spec, random);
  };
  set('G.', model.generator);
  set('D.', model.discriminator);
  return feeds;
}

async function expectRuns(shape: Shape): Promise<void> {
  const config = configOf(shape);
  expect(parseConfig(config, 'config')).toEqual(config);
  const model = createModel(config);
  const outputs = networks(model, BATCH);
  verify({ outputs: { ...outputs } });
  const r = config.imgResolution;
  expect(outputs.image.shape).toEqual([BATCH, config.imgChannels, r, r]);
  expect(outputs.logits.shape).toEqual([BATCH, 1]);
  const session = await engine.compile({ outputs: { ...outputs } });
  // Every parameter and every noise is of use, except w_avg and the stored filters and noise.
  const read = new Set(Object.keys(session.inputs));
  const unread = [
    ...model.generator.map((s) => `G.${s.name}`),
    ...model.discriminator.map((s) => `D.${s.name}`),
  ]
    .filter((name) => !read.has(name))
    .filter((name) => !/(w_avg|resample_filter|noise_const)$/.test(name));
  expect(unread).toEqual([]);
  const { image, logits } = await session.run(draw(model, Object.values(outputs)));
  expect(image.every(Number.isFinite) && logits.every(Number.isFinite)).toBe(true);
  // An untrained network gives images of about unit size that differ.
  const rms = Math.sqrt(image.reduce((sum, x) => sum + x * x, 0) / image.length);
  expect(rms).toBeGreaterThan(0.05);
  expect(rms).toBeLessThan(20);
  expect(image.subarray(0, image.length / 2)).not.toEqual(image.subarray(image.length / 2));
  await engine.release(session);
}

describe.each([4, 8, 16, 32, 64])('at %i', (resolution) => {
  it.each(ARCHITECTURES.flatMap((g) => ARCHITECTURES.map((d) => [g, d] as const)))(
    'G %s and D %s build',
    (g, d) => {
      const { image, logits } = networks(createModel(configOf({ resolution, g, d })), BATCH);
      verify({ outputs: { image, logits } });
    },
  );

  it.each([
    ['skip', 'resnet', 0, 3],
    ['resnet', 'orig', 3, 1],
    ['orig', 'skip', 2, 4],
  ] as const)('G %s and D %s run with %i labels and %i channels', (g, d, labels, channels) =>
    expectRuns({ resolution, g, d, labels, channels }),
  );
});

describe('at 1024', () => {
  const full = createModel(configOf({ resolution: 1024, base: 32768, max: 512, latent: 512, depth: 8 }));
  const count = (specs: readonly ParameterSpec[]) => totalSize(specs.filter((spec) => spec.trainable));
  const RESOLUTIONS = [4, 8, 16, 32, 64, 128, 256, 512, 1024];
  const CHANNELS = [512, 512, 512, 512, 512, 256, 128, 64, 32];

  it('builds', () => {
    const { image, logits } = networks(full, 1);
    expect([image.shape, logits.shape, full.config.numWs]).toEqual([[1, 3, 1024, 1024], [1, 1], 18]);
    expect(full.noiseLayers.map(({ resolution }) => resolution)).toEqual(
      RESOLUTIONS.flatMap((r) => (r === 4 ? [r] : [r, r])),
    );
  });

  it('has a generator of 30,370,060 parameters', () => {
    const affine = (inChannels: number) => 512 * inChannels + inChannels;
    const layer = (i: number, o: number) => 9 * i * o + o + 1 + affine(i); // kernel, bias, noise strength, style
    const toRgb = (i: number) => 3 * i + 3 + affine(i);
    let expected = 8 * (512 * 512 + 512) + 512 * 4 * 4;
    CHANNELS.forEach((o, block) => {
      if (block > 0) expected += layer(CHANNELS[block - 1], o);
      expected += layer(o, o) + toRgb(o);
    });
    expect(expected).toBe(30_370_060);
    expect(count(full.generator)).toBe(expected);
  });

  it('has a discriminator of 29,012,513 parameters', () => {
    const conv = (i: number, o: number, k: number) => k * k * i * o + o;
    let expected = conv(3, 32, 1); // from RGB
    for (let block = CHANNELS.length - 1; block > 0; block--) {
      const [i, o] = [CHANNELS[block], CHANNELS[block - 1]];
      expected += conv(i, i, 3) + conv(i, o, 3) + i * o; // the skip has no bias
    }
    expected += conv(513, 512, 3) + (512 * 16 * 512 + 512) + (512 + 1);
    expect(expected).toBe(29_012_513);
    expect(count(full.discriminator)).toBe(expected);
  });
});

describe('minibatch deviation', () => {
  it('adds one input channel, and none when it is off', () => {
    const config = configOf({ resolution: 8 });
    const weight = (mbstdGroup: number) =>
      createModel({ ...config, discriminator: { ...config.discriminator, mbstdGroup } }).discriminator.find(
        ({ name }) => name === 'b4.conv.weight',
      )!.shape;
    expect(weight(4)).toEqual([8, 9, 3, 3]);
    expect(weight(1)).toEqual([8, 8, 3, 3]);
  });
});

describe('styles', () => {
  const random = new Random(3, 'styles');
  const rows = (...shape: number[]) => constant(random.fillNormal(new Float32Array(sizeOf(shape))), shape);
  const dataOf = (node: Node) => evaluate([node])[0];
  const [w1, w2] = [rows(2, 4), rows(2, 4)];

  it('are mixed by layers', () => {
    const mask = constant(Float32Array.of(0, 0, 1, 0, 1), [5]);
    const mixed = dataOf(mixStyles(w1, w2, mask, 5));
    mixed.forEach((value, i) => {
      const [n, layer, k] = [Math.floor(i / 20), Math.floor(i / 4) % 5, i % 4];
      const source = layer === 2 || layer === 4 ? w2 : w1;
      expect(value).toBeCloseTo(dataOf(source)[4 * n + k], 6);
    });
  });

  it('are truncated by layers', () => {
    const [wAvg, psi] = [rows(4), constant(Float32Array.of(0, 0.5, 1), [3])];
    const truncated = dataOf(truncate(w1, wAvg, psi, 3));
    truncated.forEach((value, i) => {
      const [n, layer, k] = [Math.floor(i / 12), Math.floor(i / 4) % 3, i % 4];
      const center = dataOf(wAvg)[k];
      expect(value).toBeCloseTo(center + [0, 0.5, 1][layer] * (dataOf(w1)[4 * n + k] - center), 6);
    });
  });
});

describe('a configuration from outside', () => {
  it.each<[string, object, string]>([
    ['resolution', { imgResolution: 48 }, 'imgResolution: got 48, expected a power of two from 4 to 1024'],
    ['resolution too large', { imgResolution: 2048 }, 'imgResolution: '],
    ['channels', { imgChannels: 2 }, 'imgChannels: '],
    ['width', { channelMax: 1e9 }, 'channelMax: '],
    ['architecture', { architecture: 'u-net' }, 'architecture: '],
    ['model', { model: 'stylegan9' }, 'model: '],
    ['discriminator', { discriminator: {} }, 'discriminator.architecture: '],
  ])('of another %s is refused by name', (_name, change, message) => {
    const parse = () => parseConfig({ ...configOf({ resolution: 8 }), ...change }, 'some.file');
    expect(parse).toThrow(FileError);
    expect(parse).toThrow(`some.file: network configuration: ${message}`);
  });

  it('may not have another number of styles than its resolution', () => {
    expect(() => parseConfig({ ...configOf({ resolution: 8 }), numWs: 3 }, 'some.file')).toThrow(FileError);
  });
});
