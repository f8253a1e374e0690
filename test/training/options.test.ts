// Presets as published, values of one's own over them, and what cannot be used told by its flag.

import { describe, expect, it } from 'vitest';
import { OptionError } from '../../src/core/errors.ts';
import { createModel, parseConfig } from '../../src/models/registry.ts';
import { FLAGS, networkConfigOf, resolveOptions, type TrainingRequest } from '../../src/training/options.ts';
import { PRESET_NAMES, type PresetName } from '../../src/training/presets.ts';

const dataOf = (resolution: number) => ({ resolution, channels: 3, labelDim: 0 });
const resolve = (request: TrainingRequest, resolution = 32) => resolveOptions(request, dataOf(resolution));

/** [kimg, batch, mbstd, cbase, lr, γ, EMA kimg, ramp, mapping depth, path length, mixing, D] */
type Row = [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number | null,
  number,
  number,
  number,
  string,
];

const PUBLISHED: [cfg: PresetName, resolution: number, row: Row][] = [
  ['stylegan2', 1024, [25000, 32, 4, 32768, 0.002, 10, 10, null, 8, 2, 0.9, 'resnet']],
  ['paper256', 256, [25000, 64, 8, 16384, 0.0025, 1, 20, null, 8, 2, 0.9, 'resnet']],
  ['paper512', 512, [25000, 64, 8, 32768, 0.0025, 0.5, 20, null, 8, 2, 0.9, 'resnet']],
  ['paper1024', 1024, [25000, 32, 4, 32768, 0.002, 2, 10, null, 8, 2, 0.9, 'resnet']],
  ['cifar', 32, [100000, 64, 32, 32768, 0.0025, 0.01, 500, 0.05, 2, 0, 0, 'orig']],
  ['auto', 32, [25000, 32, 4, 16384, 0.0025, 0.0064, 10, 0.05, 2, 2, 0.9, 'resnet']],
  ['auto', 128, [25000, 32, 4, 16384, 0.0025, 0.1024, 10, 0.05, 2, 2, 0.9, 'resnet']],
  ['auto', 256, [25000, 16, 4, 16384, 0.0025, 0.8192, 5, 0.05, 2, 2, 0.9, 'resnet']],
  ['auto', 512, [25000, 8, 4, 32768, 0.0025, 6.5536, 2.5, 0.05, 2, 2, 0.9, 'resnet']],
  ['auto', 1024, [25000, 4, 4, 32768, 0.002, 52.4288, 1.25, 0.05, 2, 2, 0.9, 'resnet']],
];

describe('presets', () => {
  it.each(PUBLISHED)('%s at %i', (cfg, resolution, row) => {
    const o = resolve({ cfg }, resolution);
    const got = [o.kimg, o.batch, o.mbstdGroup, o.cbase, o.glr, o.gamma, o.emaKimg, o.emaRampup, o.mapDepth];
    expect([...got, o.plWeight, o.styleMixing, o.discriminator]).toEqual([
      ...row.slice(0, 5),
      expect.closeTo(row[5], 10),
      ...row.slice(6),
    ]);
    expect(o).toMatchObject({
      dlr: o.glr,
      cmax: 512,
      zDim: 512,
      wDim: 512,
      batchGpu: o.batch,
      generator: 'skip',
    });
  });

  it('are small for CPUs, and the default', () => {
    expect(resolve({})).toEqual(resolve({ cfg: 'cpu' }));
    expect(resolve({})).toMatchObject({
      batch: 16,
      mbstdGroup: 4,
      cbase: 2048,
      cmax: 64,
      zDim: 64,
      wDim: 64,
    });
    expect(resolve({}, 64)).toMatchObject({ cbase: 4096, cmax: 64, zDim: 128, wDim: 128 });
    expect(resolve({}, 64).gamma).toBeCloseTo(0.0005 * 64 ** 2, 12);
  });

  it.each(PRESET_NAMES)('%s makes networks at every resolution, with every architecture', (cfg) => {
    for (let resolution = 4; resolution <= 1024; resolution *= 2) {
      for (const channels of [1, 3, 4]) {
        const data = { ...dataOf(resolution), channels };
        const config = networkConfigOf(resolveOptions({ cfg }, data), data);
        expect(parseConfig(config, 'config')).toEqual(config);
        expect(createModel(config).config.numWs).toBe(config.numWs);
      }
    }
  });
});

describe('a value of one’s own', () => {
  /** Another valid value for each option. */
  const OTHER: Required<Omit<TrainingRequest, 'cfg' | 'batch'>> = {
    kimg: 7,
    batchGpu: 4,
    gamma: 3,
    glr: 0.1,
    dlr: 0.2,
    cbase: 999,
    cmax: 17,
    zDim: 5,
    wDim: 6,
    mapDepth: 3,
    mbstdGroup: 2,
    emaKimg: 1.5,
    emaRampup: 0.5,
    plWeight: 0,
    styleMixing: 0.25,
    generator: 'resnet',
    discriminator: 'skip',
    cond: true,
    mirror: true,
    seed: 9,
    tick: 1,
    snap: 2,
  };
  const data = { resolution: 32, channels: 3, labelDim: 5 };

  it.each(Object.entries(OTHER))('of %s replaces the preset’s and no other', (key, value) => {
    for (const cfg of PRESET_NAMES) {
      const plain = resolveOptions({ cfg }, data);
      expect(resolveOptions({ cfg, [key]: value }, data)).toEqual({ ...plain, [key]: value });
    }
  });

  it('of every option has a flag', () => {
    expect(Object.keys(FLAGS).sort()).toEqual(['cfg', 'batch', ...Object.keys(OTHER)].sort());
    expect(new Set(Object.values(FLAGS)).size).toBe(Object.keys(FLAGS).length);
  });

  it('may be none, for the ramp of the average', () => {
    expect(resolve({ cfg: 'auto', emaRampup: null }).emaRampup).toBeNull();
    expect(resolve({ cfg: 'auto', emaRampup: undefined }).emaRampup).toBe(0.05);
  });

  it('of the batch takes γ and the average along where they follow from it', () => {
    for (const cfg of ['cpu', 'auto'] as const) {
      const o = resolve({ cfg, batch: 8 }, 64);
      expect(o).toMatchObject({ batch: 8, batchGpu: 8, emaKimg: 2.5, mbstdGroup: 4 });
      expect(o.gamma).toBeCloseTo(cfg === 'auto' ? (0.0002 * 64 ** 2) / 8 : 0.0005 * 64 ** 2, 12);
      expect(resolve({ cfg, batch: 2 }, 64).mbstdGroup).toBe(2);
      expect(resolve({ cfg, batch: 6 }, 64).mbstdGroup).toBe(3);
      expect(resolve({ cfg, batch: 8, gamma: 1, emaKimg: 3, mbstdGroup: 8 }, 64)).toMatchObject({
        gamma: 1,
        emaKimg: 3,
        mbstdGroup: 8,
      });
    }
  });

  it('of the batch changes nothing else in presets with fixed values', () => {
    for (const cfg of PRESET_NAMES.filter((name) => name !== 'cpu' && name !== 'auto')) {
      const { batch: _b, batchGpu: _g, ...rest } = resolve({ cfg });
      expect(resolve({ cfg, batch: 128 })).toEqual({ ...rest, batch: 128, batchGpu: 128 });
    }
  });
});

describe('what cannot be used', () => {
  it.each<[string, TrainingRequest, string | RegExp]>([
    [
      'a preset',
      { cfg: 'stylegan9' as never },
      '--cfg: got stylegan9, expected one of cpu, auto, stylegan2,',
    ],
    ['a length', { kimg: 0 }, /^--kimg: got 0: .*>0$/],
    ['no number', { kimg: Number.NaN }, /^--kimg: got NaN: /],
    ['half a picture', { batch: 2.5 }, /^--batch: got 2.5/],
    ['a part of the batch', { batch: 8, batchGpu: 3 }, '--batch-gpu: got 3, expected a divisor of --batch 8'],
    [
      'a group',
      { batch: 6, mbstdGroup: 4 },
      '--mbstd-group: got 4, expected a divisor of the 6 images that run together',
    ],
    ['a weight', { gamma: -1 }, /^--gamma: got -1: /],
    ['a probability', { styleMixing: 1.5 }, /^--style-mixing: got 1.5: /],
    ['an architecture', { generator: 'u-net' as never }, /^--g-arch: got u-net: .*"skip"\|"resnet"\|"orig"$/],
    ['labels', { cond: true }, '--cond: got a data set without labels, expected one prepared with --labels'],
    ['an option', { gama: 1 } as never, /^options: .*"gama"$/],
    ['a depth that no network file can say', { mapDepth: 33 }, /^--map-depth: got 33: .*<=32$/],
    ['a width that no network file can say', { cmax: 8193 }, /^--cmax: got 8193: .*<=8192$/],
  ])('%s', (_name, request, message) => {
    const attempt = () => resolve(request);
    expect(attempt).toThrow(OptionError);
    expect(attempt).toThrow(message);
  });

  it.each([2, 48, 2048])('pictures of %i pixels', (resolution) => {
    expect(() => resolve({}, resolution)).toThrow(
      `--data: got images of ${resolution}x${resolution}, expected a power of two from 4 to 1024`,
    );
  });
});
