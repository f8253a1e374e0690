// What is taken from another network: layers of the same place and shape, whatever the two networks differ in.

import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  encodeNetworkFile,
  type NetworkFile,
  type NetworkPart,
  type OpenedNetwork,
} from '../../src/checkpoints/network-file.ts';
import { openNetworkBytes } from '../../src/checkpoints/open-bytes.ts';
import { openNetworkFile } from '../../src/checkpoints/open-file.node.ts';
import { FileError } from '../../src/core/errors.ts';
import { createModel, type NetworkConfig } from '../../src/models/registry.ts';
import { configOf, type NetworkSettings } from '../../src/models/settings.ts';
import { TrainingState } from '../../src/training/state.ts';
import { planTransfer, type Transfer, takeOver } from '../../src/training/transfer.ts';
import { reportOf, summaryOf } from '../../src/training/transfer-report.ts';

/** Narrow networks whose layers all have equal widths, so that shapes alone tell nothing of resolutions. */
const SETTINGS: NetworkSettings = {
  model: 'stylegan2',
  imgResolution: 16,
  imgChannels: 3,
  zDim: 6,
  cDim: 0,
  wDim: 6,
  cbase: 1024,
  cmax: 4,
  mapDepth: 2,
  mbstdGroup: 2,
  generator: 'skip',
  discriminator: 'resnet',
  bilinear: true,
  styles: true,
  constInput: true,
  noise: true,
  spectralNorm: false,
};
const MODELS = ['gan', 'dcgan', 'progan', 'stylegan', 'stylegan2'] as const;

const isFilter = (name: string): boolean => name.endsWith('resample_filter');

const stateOf = (settings: Partial<NetworkSettings>, seed = 1): TrainingState =>
  new TrainingState(createModel(configOf({ ...SETTINGS, ...settings })), seed);

/** A network as from a file; no two of its numbers are alike. */
function sourceOf(settings: Partial<NetworkSettings>): { file: NetworkFile; opened: OpenedNetwork } {
  const state = stateOf(settings, 2);
  let value = 0;
  const file = state.networkFile();
  for (const tensors of [file.G_ema, file.G!, file.D!])
    for (const [name, { data }] of tensors)
      if (!isFilter(name)) for (let i = 0; i < data.length; i++) data[i] = ++value / 1024;
  return { file, opened: opened(file) };
}

const opened = (file: NetworkFile): OpenedNetwork =>
  openNetworkBytes(Buffer.concat(encodeNetworkFile(file)), 'source');

/** Takes over what fits into a fresh state. */
async function transferred(source: OpenedNetwork, settings: Partial<NetworkSettings>) {
  const state = stateOf(settings);
  const transfer = await planTransfer(state.model, source, 'source.safetensors');
  takeOver(state, transfer);
  return { state, transfer, file: state.networkFile(), fresh: stateOf(settings).networkFile() };
}

const partOf = ({ parts }: Transfer, name: NetworkPart) => parts.find(({ part }) => part === name)!;
const newIn = (transfer: Transfer, name: NetworkPart): string[] =>
  partOf(transfer, name).initialised.map((spec) => spec.name);
const skippedIn = (transfer: Transfer, name: NetworkPart): string[] =>
  partOf(transfer, name).skipped.map((tensor) => tensor.name);

type Data = Float32Array | undefined;
const isSame = (a: Data, b: Data): boolean =>
  a !== undefined && a.length === b?.length && a.every((value, i) => value === b[i]);

describe('a larger network', () => {
  it('takes all smaller blocks, their noise and w_avg; its own block is new', async () => {
    const { file: source, opened } = sourceOf({});
    const { transfer, file, fresh } = await transferred(opened, { imgResolution: 32 });
    expect(newIn(transfer, 'G').every((name) => name.startsWith('synthesis.b32.'))).toBe(true);
    expect(skippedIn(transfer, 'G')).toEqual([]);
    expect(newIn(transfer, 'D').every((name) => name.startsWith('b32.'))).toBe(true);
    expect(skippedIn(transfer, 'D')).toEqual(['b16.fromrgb.weight', 'b16.fromrgb.bias']);
    for (const part of ['G', 'G_ema', 'D'] as const) {
      for (const [name, { data }] of file[part]!) {
        const isTaken = partOf(transfer, part).taken.has(name);
        // G_ema's buffers are G's.
        const expected = (isTaken ? source : fresh)[part]!.get(name)?.data;
        expect(isSame(data, expected), name).toBe(true);
      }
    }
    const names = [...partOf(transfer, 'G').taken.keys()];
    for (const name of ['mapping.w_avg', 'synthesis.b16.conv1.noise_const', 'synthesis.b16.torgb.weight'])
      expect(names).toContain(name);
  });
});

describe.each(MODELS)('a %s', (model) => {
  const CHANGES: [string, Partial<NetworkSettings>][] = [
    ['larger', { imgResolution: 32 }],
    ['smaller', { imgResolution: 8 }],
    ['of grey images', { imgChannels: 1 }],
    ['with labels', { cDim: 5 }],
    ['with spectral normalization', { spectralNorm: true }],
    ['of other widths', { cmax: 6, zDim: 7 }],
  ];
  it.each(CHANGES)('%s accounts for every tensor, and takes those of its shapes', async (_name, change) => {
    const { opened, file: source } = sourceOf({ model });
    const plan = transferred(opened, { model, ...change });
    if (model !== 'stylegan' && model !== 'stylegan2' && 'cmax' in change) {
      await expect(plan).rejects.toThrow(`a weight in common with this ${model} of 16x16`);
      return;
    }
    const { transfer, file, fresh } = await plan;
    for (const { part, from, taken, skipped, initialised } of transfer.parts) {
      expect(from).toBe(part);
      const names = (network: NetworkFile) => [...network[part]!.keys()].filter((name) => !isFilter(name));
      const own = [...taken.keys(), ...initialised.map(({ name }) => name)];
      expect(own.sort()).toEqual(names(file).sort());
      expect(taken.size + skipped.length).toBe(names(source).length);
      for (const [name, { shape, data }] of taken) {
        expect(shape).toEqual(file[part]!.get(name)!.shape);
        if (part !== 'G_ema' || !/noise_const|w_avg|running/.test(name))
          expect(isSame(file[part]!.get(name)?.data, data), name).toBe(true);
      }
      for (const { name } of initialised)
        expect(isSame(file[part]!.get(name)?.data, fresh[part]!.get(name)?.data), name).toBe(true);
    }
  });

  it('of the same kind takes all', async () => {
    const { opened, file: source } = sourceOf({ model });
    const { transfer, file } = await transferred(opened, { model });
    for (const { part, skipped, initialised } of transfer.parts) {
      expect([...skipped, ...initialised]).toEqual([]);
      for (const [name, { data }] of source[part]!)
        expect(isSame(file[part]!.get(name)?.data, data), name).toBe(true);
    }
  });
});

describe('layers that are not those of the run', () => {
  const WEIGHTS = /torgb\.(weight|bias)$/;
  it('are the ones at the image, for other colours', async () => {
    const { transfer } = await transferred(sourceOf({}).opened, { imgChannels: 1 });
    expect(newIn(transfer, 'G')).toHaveLength(6);
    for (const name of newIn(transfer, 'G')) expect(name).toMatch(WEIGHTS);
    expect(skippedIn(transfer, 'G')).toEqual(newIn(transfer, 'G'));
    expect(newIn(transfer, 'D')).toEqual(['b16.fromrgb.weight']);
    expect(partOf(transfer, 'D').skipped).toEqual([
      { name: 'b16.fromrgb.weight', shape: [4, 3, 1, 1], expected: [4, 1, 1, 1] },
    ]);
  });

  it('are the ones that see labels, for other labels', async () => {
    const { transfer } = await transferred(sourceOf({ cDim: 3 }).opened, { cDim: 0 });
    expect(newIn(transfer, 'G')).toEqual(['mapping.fc0.weight']);
    expect(skippedIn(transfer, 'G')).toEqual([
      'mapping.embed.weight',
      'mapping.embed.bias',
      'mapping.fc0.weight',
    ]);
    expect(newIn(transfer, 'D')).toEqual(['b4.out.weight', 'b4.out.bias']);
    expect(skippedIn(transfer, 'D').filter((name) => !name.startsWith('mapping.'))).toEqual(
      newIn(transfer, 'D'),
    );
  });
});

describe('names that count from the image', () => {
  it.each(['progan', 'stylegan'] as const)('are those of one resolution in a %s', async (model) => {
    const { opened, file: source } = sourceOf({ model });
    const { transfer, file } = await transferred(opened, { model, imgResolution: 32 });
    // lod 0 of the source, 16x16, is lod 1 of the run.
    const weight = ({ G, D }: NetworkFile, level: number) => [
      G!.get(`synthesis.ToRGB_lod${level}.weight`)!.data,
      D!.get(`FromRGB_lod${level}.weight`)!.data,
    ];
    for (const level of [0, 1, 2]) expect(weight(file, level + 1)).toEqual(weight(source, level));
    expect(newIn(transfer, 'D').filter((name) => name.startsWith('From'))).toEqual([
      'FromRGB_lod0.weight',
      'FromRGB_lod0.bias',
    ]);
    expect(newIn(transfer, 'G').every((name) => /ToRGB_lod0|\.32x32\./.test(name))).toBe(true);
  });

  it('are those of one resolution in the discriminator of a DCGAN', async () => {
    const { opened, file: source } = sourceOf({ model: 'dcgan', imgResolution: 32 });
    const { transfer, file } = await transferred(opened, { model: 'dcgan' });
    // 32: main.0, 16: main.2 and .3, 8: main.5 and .6, 4: main.8; one step less in the run.
    const data = ({ D }: NetworkFile, name: string) => D!.get(name)!.data;
    expect(data(file, 'main.2.weight')).toEqual(data(source, 'main.5.weight'));
    expect(data(file, 'main.3.bias')).toEqual(data(source, 'main.6.bias'));
    expect(data(file, 'main.5.weight')).toEqual(data(source, 'main.8.weight'));
    expect(newIn(transfer, 'D')).toEqual(['main.0.weight']);
    expect(skippedIn(transfer, 'D').filter((name) => /main\.[35]\./.test(name))).toEqual(
      ['weight', 'bias', 'running_mean', 'running_var'].map((name) => `main.3.${name}`),
    );
  });

  it('do not bring kernels together that are applied the other way round', async () => {
    const { opened } = sourceOf({ model: 'progan' });
    const { transfer } = await transferred(opened, { model: 'stylegan', styles: false, constInput: false });
    expect(skippedIn(transfer, 'G').filter((name) => name.endsWith('weight'))).toEqual([
      'synthesis.8x8.Conv0_up.weight',
      'synthesis.16x16.Conv0_up.weight',
    ]);
    expect(skippedIn(transfer, 'D')).toEqual([]);
    expect(summaryOf(transfer, 0)[1]).toBe('  it is a progan, this run a stylegan');
  });
});

describe('a file', () => {
  it('without G and D gives both generators what it has', async () => {
    const { file: source } = sourceOf({});
    const { transfer, file, fresh } = await transferred(opened({ ...source, G: null, D: null }), {});
    expect(transfer.parts.map(({ from }) => from)).toEqual(['G_ema', 'G_ema', null]);
    const weight = 'synthesis.b8.conv0.weight';
    expect(file.G!.get(weight)!.data).toEqual(source.G_ema.get(weight)!.data);
    expect(file.D!.get('b8.conv0.weight')!.data).toEqual(fresh.D!.get('b8.conv0.weight')!.data);
    expect(summaryOf(transfer, 0).slice(1)).toEqual([
      '  G_ema: 48 tensors taken, 0 new, 0 skipped',
      '  G (from G_ema): 48 tensors taken, 0 new, 0 skipped',
      '  D (none in the source): 0 tensors taken, 18 new, 0 skipped',
    ]);
  });

  it('without an average of w leaves that as it begins', async () => {
    const { opened } = sourceOf({});
    const { transfer, file } = await transferred({ ...opened, hasAverageW: false }, {});
    expect(newIn(transfer, 'G')).toEqual(['mapping.w_avg']);
    expect(file.G!.get('mapping.w_avg')!.data.every((value) => value === 0)).toBe(true);
  });

  it('of another generation is refused, and so is one that has only biases in common', async () => {
    const refused = (settings: Partial<NetworkSettings>) =>
      planTransfer(stateOf(settings).model, sourceOf({ model: 'stylegan' }).opened, 'a.pkl');
    await expect(refused({})).rejects.toThrow(FileError);
    await expect(refused({})).rejects.toThrow(
      /^--resume a\.pkl: got a stylegan of 16x16 images with 3 channels and 0 classes, expected a network that has a weight in common with this stylegan2 of 16x16 images with 3 channels and 0 classes$/,
    );
    await expect(refused({ model: 'stylegan', cmax: 8, zDim: 9, wDim: 10 })).rejects.toThrow(
      /; the source has --z-dim 6 --w-dim 6 --cmax 4$/,
    );
  });

  it('with NaN is refused', async () => {
    const { file } = sourceOf({});
    file.D!.get('b8.conv0.weight')!.data[3] = Number.NaN;
    await expect(transferred(opened(file), {})).rejects.toThrow(
      /^--resume source\.safetensors: D\.b8\.conv0\.weight: got NaN or Inf, expected numbers$/,
    );
  });
});

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

describe('a published pickle', () => {
  it.each<[string, string]>([
    ['nvidia-stylegan2-32.pkl', 'synthesis.b32.conv0.weight'],
    ['tf-stylegan2-32.pkl', 'synthesis.b32.conv0.weight'],
    ['tf-stylegan1-32.pkl', 'synthesis.32x32.Conv0_up.weight'],
  ])('%s is taken whole, or by a larger network in part', async (name, weight) => {
    const open = () => openNetworkFile(fixture(name));
    const source = await open();
    const same = new TrainingState(createModel(source.config), 1);
    const whole = await planTransfer(same.model, source, name);
    takeOver(same, whole);
    const again = await open();
    for (const part of ['G', 'G_ema', 'D'] as const) {
      expect([...skippedIn(whole, part), ...newIn(whole, part)]).toEqual([]);
      const tensors = (await again.part(part))!;
      for (const [key, { data }] of same.networkFile()[part]!) {
        if (part !== 'G_ema' || !/noise_const|w_avg/.test(key))
          expect(isSame(data, tensors.get(key)?.data), key).toBe(true);
      }
    }
    const larger: NetworkConfig = { ...source.config, imgResolution: 64, numWs: 10 };
    const part = await planTransfer(createModel(larger), await open(), name);
    expect([...partOf(part, 'G').taken.keys()]).toContain(weight);
    expect(newIn(part, 'G').every((key) => /(b64|64x64|lod0)\./.test(key))).toBe(true);
  });
});

describe('the report', () => {
  it('is short where layers can be told together, and whole in the file', async () => {
    // Of another cbase too, which changes no width that both have.
    const settings = { imgResolution: 32, imgChannels: 1, mapDepth: 1, cbase: 512 } as const;
    const { transfer } = await transferred(opened({ ...sourceOf({}).file, kimg: 12.5 }), settings);
    expect(summaryOf(transfer, 3)).toEqual([
      'starting from source.safetensors: stylegan2 of 16x16 images with 3 channels and 0 classes, 12.5 kimg',
      '  G_ema, G: 40 tensors taken, 22 new (synthesis.b4.torgb.weight, synthesis.b4.torgb.bias, ' +
        'synthesis.b8.torgb.weight, synthesis.b8.torgb.bias, synthesis.b16.torgb.weight, synthesis.b16.torgb.bias, ' +
        '1 more), 8 skipped (synthesis.b4.torgb.weight, synthesis.b4.torgb.bias, synthesis.b8.torgb.weight, ' +
        'synthesis.b8.torgb.bias, synthesis.b16.torgb.weight, synthesis.b16.torgb.bias, 1 more)',
      '  D: 16 tensors taken, 7 new (b32), 2 skipped (b16.fromrgb)',
      "  more can be taken with the source's --map-depth 2",
      '  warning: --freezed 3 keeps layers that are not trained: b32.fromrgb.weight, b32.fromrgb.bias, ' +
        'b32.conv0.weight, b32.conv0.bias, b32.conv1.weight, b32.conv1.bias',
    ]);
    expect(summaryOf(transfer, 0, 99)[1]).toContain('synthesis.b32), 8 skipped');
    const lines = reportOf(transfer).split('\n');
    expect(lines).toContain('this run: stylegan2 of 32x32 images with 1 channels and 0 classes');
    expect(lines).toContain('  taken    synthesis.b4.conv1.weight [4,4,3,3]');
    expect(lines).toContain('  new      synthesis.b32.conv0.weight [4,4,3,3]');
    expect(lines).toContain('  skipped  synthesis.b4.torgb.weight [3,4,1,1]: [1,4,1,1] in this run');
    expect(lines).toContain('  skipped  mapping.fc1.weight [6,6]: not in this run');
    expect(lines).toHaveLength(2 + 3 * 2 + 2 * (40 + 22 + 8) + 16 + 7 + 2 + 1);
  });

  it('says how far a growing source has come', async () => {
    const { file } = sourceOf({ model: 'stylegan' });
    const { transfer } = await transferred(opened({ ...file, lod: 1.5 }), { model: 'stylegan' });
    expect(summaryOf(transfer, 0)[0]).toMatch(/, grown to 8x8$/);
  });

  it('warns of frozen layers that a growing source has not come to train', async () => {
    const { file } = sourceOf({ model: 'stylegan' });
    const warning = async (lod: number, freezed: number) => {
      const { transfer } = await transferred(opened({ ...file, lod }), { model: 'stylegan' });
      return summaryOf(transfer, freezed).find((line) => line.includes('warning'));
    };
    // 16x16 still fades in at 0.5. At 1 there is 8x8 alone, whose FromRGB is the fourth layer.
    expect(await warning(0.5, 4)).toBeUndefined();
    expect(await warning(1, 0)).toBeUndefined();
    const names = ['FromRGB_lod0', '16x16.Conv0', '16x16.Conv1_down'];
    expect(await warning(1, 4)).toBe(
      `  warning: --freezed 4 keeps layers that are not trained: ${names.map((name) => `${name}.weight, ${name}.bias`).join(', ')}`,
    );
  });
});
