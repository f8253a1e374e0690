// Checkpoints of other tools: the published files' images, and networks of ours written as theirs and read again.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { checkPickle } from '../../scripts/parity/pickle.ts';
import type { OpenedNetwork } from '../../src/checkpoints/network-file.ts';
import { openNetworkBytes } from '../../src/checkpoints/open-bytes.ts';
import { readForeign } from '../../src/checkpoints/read-foreign.ts';
import { readSafetensors } from '../../src/checkpoints/safetensors.ts';
import { FileError } from '../../src/core/errors.ts';
import { floatTensor } from '../../src/core/tensor.ts';
import { loadNetwork } from '../../src/generate/load-network.node.ts';
import { latentsOf } from '../../src/generate/seeds.ts';
import type { NetworkConfig } from '../../src/models/registry.ts';
import type { StyleGAN2Config } from '../../src/models/stylegan2-config.ts';
import { dict, type Item, pickle } from '../core/pickle/assemble.ts';
import { growingConfig } from '../models/growing-networks.ts';
import {
  pytorchModule,
  randomTensors,
  rosinalityDiscriminator,
  rosinalityGenerator,
  stateDictFile,
  type Tensors,
  tensorflowNames,
  tensorflowNetwork,
} from './published.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'stylegan-foreign-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const CONFIG: StyleGAN2Config = {
  model: 'stylegan2',
  zDim: 6,
  cDim: 0,
  wDim: 7,
  numWs: 6,
  imgResolution: 16,
  imgChannels: 3,
  channelBase: 64,
  channelMax: 8,
  mappingLayers: 2,
  architecture: 'skip',
  discriminator: { architecture: 'resnet', mbstdGroup: 4, channelBase: 64, channelMax: 8, mappingLayers: 8 },
};

const networks = (config: NetworkConfig) => ({
  G_ema: randomTensors(config, 'generator', 1),
  G: randomTensors(config, 'generator', 2),
  D: randomTensors(config, 'discriminator'),
});

async function expectSame(opened: OpenedNetwork, parts: Partial<ReturnType<typeof networks>>) {
  for (const [name, tensors] of Object.entries(parts) as ['G' | 'D' | 'G_ema', Tensors][]) {
    const read = await opened.part(name);
    expect([...read!.keys()]).toEqual([...tensors.keys()]);
    for (const [key, { shape, data }] of tensors) {
      expect(read!.get(key)!.shape, key).toEqual(shape);
      const furthest = read!
        .get(key)!
        .data.reduce((far, value, i) => Math.max(far, Math.abs(value - data[i])), 0);
      expect(furthest, `${name}.${key}`).toBeLessThan(1e-6);
    }
  }
}

describe.each(['nvidia-stylegan2-32', 'tf-stylegan1-32', 'tf-stylegan2-32'])('%s.pkl', (name) => {
  it('gives the published images and logits', async () => {
    const path = fixture(`${name}.safetensors`);
    const file = readSafetensors(await readFile(path), path);
    const errors: number[] = [];
    for await (const { error } of checkPickle(file, path)) errors.push(error);
    expect(errors).toHaveLength(3);
    expect(Math.max(...errors)).toBeLessThan(1e-5);
  });
});

describe('PyTorch pickles', () => {
  const file = (
    parts: Partial<ReturnType<typeof networks>>,
    kwargs: Record<string, Record<string, Item>> = {},
  ) =>
    pickle(
      dict(
        Object.fromEntries(
          Object.entries(parts).map(([name, tensors]) => [name, pytorchModule(name, tensors, kwargs[name])]),
        ),
      ),
    );

  it('are read with labels, other architectures, and a group that is the whole batch', async () => {
    const config: StyleGAN2Config = {
      ...CONFIG,
      cDim: 3,
      architecture: 'resnet',
      discriminator: { ...CONFIG.discriminator, architecture: 'orig', mbstdGroup: 1024, mappingLayers: 0 },
    };
    const parts = networks(config);
    const D = {
      num_fp16_res: 4,
      conv_clamp: 256,
      mapping_kwargs: dict({ lr_multiplier: 0.1 }),
      epilogue_kwargs: dict({ mbstd_group_size: null }),
    };
    const opened = openNetworkBytes(file(parts, { D }), '/a/network-snapshot-004032.pkl');
    expect(opened.config).toEqual(config);
    expect(opened.kimg).toBe(4032);
    await expectSame(opened, parts);
  });

  it('may leave out noise and the discriminator', async () => {
    const { G_ema } = networks(CONFIG);
    const silent = new Map([...G_ema].filter(([name]) => !/noise_(const|strength)$/.test(name)));
    const kwargs = { synthesis_kwargs: dict({ use_noise: false }) };
    const opened = openNetworkBytes(file({ G_ema: silent }, { G_ema: kwargs }), 'x.pkl');
    expect((await opened.part('G_ema'))!.get('synthesis.b8.conv0.noise_strength')!.data).toEqual(
      Float32Array.of(0),
    );
    expect(await opened.part('D')).toBeNull();
    expect(await opened.part('G')).toBeNull();
  });

  const ACTIVATION = { synthesis_kwargs: dict({ activation: 'relu' }) };
  it.each<[string, Record<string, Record<string, Item>>, RegExp]>([
    ['activations', { G_ema: ACTIVATION }, /^x\.pkl: G_ema: got activation "relu", expected "lrelu"/],
    ['learning rates', { G_ema: { mapping_kwargs: dict({ lr_multiplier: 0.1 }) } }, /got lr_multiplier 0\.1/],
    ['groups', { D: { epilogue_kwargs: dict({ mbstd_group_size: 0.5 }) } }, /D: got mbstd_group_size 0\.5/],
  ])('with other %s are refused', (_, kwargs, message) => {
    const { G_ema, D } = networks(CONFIG);
    expect(() => openNetworkBytes(file({ G_ema, D }, kwargs), 'x.pkl')).toThrow(message);
  });

  it.each<[string, (G: Tensors) => void, RegExp]>([
    ['a missing tensor', (G) => G.delete('synthesis.b8.conv1.bias'), /no tensor synthesis\.b8\.conv1\.bias/],
    [
      'one too many',
      (G) => G.set('synthesis.extra', floatTensor(Float32Array.of(1), [1])),
      /tensor synthesis\.extra/,
    ],
    [
      'another filter',
      (G) => G.set('synthesis.b8.resample_filter', floatTensor(new Float32Array(16).fill(1 / 16), [4, 4])),
      /b8\.resample_filter: got another filter, expected \[1, 3, 3, 1\]/,
    ],
    [
      'widths of no rule',
      (G) => G.set('synthesis.b4.conv1.bias', floatTensor(new Float32Array(3), [3])),
      /feature maps/,
    ],
  ])('with %s are refused', async (_, change, message) => {
    const { G_ema } = networks(CONFIG);
    change(G_ema);
    const open = async () => openNetworkBytes(file({ G_ema }), 'x.pkl').part('G_ema');
    await expect(open()).rejects.toThrow(message);
    await expect(open()).rejects.toThrow(FileError);
  });

  it('of StyleGAN3 are read down to tensors and settings, and not used', async () => {
    const bytes = new Uint8Array(await readFile(fixture('nvidia-stylegan3-t-32.pkl')));
    const foreign = readForeign(bytes, 'x.pkl');
    expect(foreign.networks.map(({ name }) => name)).toEqual(['G', 'G_ema', 'augment_pipe']);
    expect(foreign.networks[1].settings).toMatchObject({
      class_name: 'Generator',
      img_resolution: 32,
      channel_base: 512,
    });
    expect(foreign.networks[1].tensors.get('synthesis.input.freqs')!.shape).toEqual([16, 2]);
    expect(() => foreign.open()).toThrow(
      /^x\.pkl: got StyleGAN3, expected StyleGAN2: there is no model of it here yet/,
    );
  });
});

describe('TensorFlow pickles', () => {
  const file = (
    config: NetworkConfig,
    functions: [g: string, d: string],
    kwargs: Record<string, Item> = {},
  ) => {
    const { G_ema, G, D } = networks(config);
    const g = (tensors: Tensors) => tensorflowNetwork(functions[0], tensorflowNames(tensors), kwargs);
    const theirD = new Map(
      [...tensorflowNames(D)].map(([name, of]) => [name.replace(/^Dense(?=\d+\/)/, 'Mapping'), of]),
    );
    return pickle([g(G), tensorflowNetwork(functions[1], theirD), g(G_ema)]);
  };

  it.each<[string, [string, string], StyleGAN2Config]>([
    ['StyleGAN2', ['G_main', 'D_stylegan2'], CONFIG],
    [
      'StyleGAN2, residual G',
      ['G_main', 'D_stylegan2'],
      { ...CONFIG, architecture: 'resnet', discriminator: { ...CONFIG.discriminator, architecture: 'skip' } },
    ],
    [
      'StyleGAN2-ADA with labels',
      ['G_main', 'D_main'],
      {
        ...CONFIG,
        zDim: 7,
        cDim: 4,
        architecture: 'orig',
        discriminator: { ...CONFIG.discriminator, mbstdGroup: 1024, mappingLayers: 1 },
      },
    ],
  ])('of %s are read', async (_, functions, config) => {
    const opened = openNetworkBytes(file(config, functions), 'network-final.pkl');
    expect(opened.config).toEqual(config);
    expect(opened.kimg).toBeNull();
    await expectSame(opened, networks(config));
  });

  it('of ProGAN are read, also half grown', async () => {
    const config = growingConfig('A', { resolution: 16, fused: true });
    const { G_ema, G, D } = networks(config);
    const names = (tensors: Tensors): Tensors =>
      new Map(
        [...tensors].map(([name, of]) => {
          const there = name.replace('synthesis.', '').replaceAll('.', '/');
          const perm = of.shape.length === 2 ? [1, 0] : /Conv0_up/.test(name) ? [2, 3, 0, 1] : [2, 3, 1, 0];
          return [there, of.shape.length < 2 ? of : permutation(of, perm)];
        }),
      );
    const g = (tensors: Tensors) =>
      tensorflowNetwork('G_paper', names(tensors).set('lod', floatTensor(Float32Array.of(1.5), [])));
    const bytes = pickle([g(G), tensorflowNetwork('D_paper', names(D)), g(G_ema)]);
    const opened = openNetworkBytes(bytes, 'network-snapshot-004000.pkl');
    expect(opened).toMatchObject({ config, kimg: 4000, lod: 1.5 });
    await expectSame(opened, { G_ema, G, D });
  });

  it('with settings that cannot be expressed are refused', () => {
    const open = (kwargs: Record<string, Item>) => () =>
      openNetworkBytes(file(CONFIG, ['G_main', 'D_stylegan2'], kwargs), 'x.pkl');
    expect(open({ nonlinearity: 'relu' })).toThrow(/got nonlinearity "relu"/);
    expect(open({ resample_kernel: [1, 2, 1] })).toThrow(/got resample_kernel \[1,2,1\]/);
  });
});

function permutation({ shape, data }: { shape: readonly number[]; data: Float32Array }, perm: number[]) {
  const out = new Float32Array(data.length);
  const to = perm.map((axis) => shape[axis]);
  for (let i = 0; i < data.length; i++) {
    const index = shape.map(
      (dim, axis) => Math.floor(i / shape.slice(axis + 1).reduce((a, b) => a * b, 1)) % dim,
    );
    out[perm.reduce((at, axis, k) => at * to[k] + index[axis], 0)] = data[i];
  }
  return floatTensor(out, to);
}

describe('state dicts', () => {
  const config = { ...CONFIG, zDim: 7 };
  const { G_ema, G, D } = networks(config);
  const wAvg = G_ema.get('mapping.w_avg')!;
  const dicts = {
    g: rosinalityGenerator(G),
    d: rosinalityDiscriminator(D, 16),
    g_ema: rosinalityGenerator(G_ema),
  };

  it('as rosinality writes them are read', async () => {
    const opened = openNetworkBytes(await stateDictFile({ ...dicts, latent_avg: wAvg }), 'x.pt');
    expect(opened.config).toEqual(config);
    expect(opened.hasAverageW).toBe(true);
    const shared = (tensors: Tensors) => new Map([...tensors, ['mapping.w_avg', wAvg]]);
    await expectSame(opened, { G_ema, G: shared(G), D });
  });

  it('of a generator alone, as left by data-parallel training, are read', async () => {
    const named = [...dicts.g_ema].map(([name, of]): [string, typeof of] => [`module.${name}`, of]);
    const withoutNoise = named.filter(([name]) => !name.includes('noises.'));
    const opened = openNetworkBytes(await stateDictFile(Object.fromEntries(withoutNoise)), 'x.pt');
    expect(opened.hasAverageW).toBe(false);
    const read = (await opened.part('G_ema'))!;
    expect(read.get('synthesis.b16.conv1.weight')).toEqual(G_ema.get('synthesis.b16.conv1.weight'));
    expect(read.get('mapping.w_avg')!.data).toEqual(new Float32Array(7));
    expect(new Set(read.get('synthesis.b4.conv1.noise_const')!.data).size).toBe(16);
  });

  it('get their average w from the networks themselves', async () => {
    const path = join(folder, 'a.pt');
    writeFileSync(path, await stateDictFile(dicts));
    const network = await loadNetwork(path, { device: 'cpu' });
    const z = latentsOf(
      Array.from({ length: 2000 }, (_, seed) => seed),
      7,
    );
    const ws = await network.mapping(z, null);
    const average = await network.mapping(z.subarray(0, 7), null, { psi: 0 });
    await network.close();
    for (let i = 0; i < 7; i++) {
      let mean = 0;
      for (let n = 0; n < 2000; n++) mean += ws.data[n * 6 * 7 + i] / 2000;
      expect(Math.abs(average.data[i] - mean)).toBeLessThan(0.1 * (1 + Math.abs(mean)));
    }
    expect(wAvg.data).not.toEqual(average.data.subarray(0, 7));
  });

  it('as lucidrains writes them are told apart, and not used', async () => {
    const one = floatTensor(Float32Array.of(1), [1, 1, 1, 1]);
    const names = ['S.net.0.weight', 'G.initial_conv.weight', 'GE.initial_conv.weight', 'D.blocks.0.weight'];
    const bytes = await stateDictFile(
      { GAN: new Map(names.map((name) => [name, one])) },
      { version: '1.8.9' },
    );
    const foreign = readForeign(bytes, 'model_7.pt');
    expect(foreign.networks.map(({ name, tensors }) => [name, tensors.size])).toEqual([
      ['G_ema', 1],
      ['G', 2],
      ['D', 1],
    ]);
    expect(foreign.settings).toEqual({ version: '1.8.9' });
    expect(() => foreign.open()).toThrow(/^model_7\.pt: got lucidrains' StyleGAN2, .* cannot be expressed/);
  });

  it('of anything else are refused in one line', async () => {
    const bytes = await stateDictFile({ model: new Map([['a', floatTensor(Float32Array.of(1), [1])]]) });
    expect(() => readForeign(bytes, 'x.pt')).toThrow(
      /^x\.pt: got a dict, expected the networks of a published/,
    );
  });
});
