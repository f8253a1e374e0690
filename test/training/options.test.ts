// Presets as published, values of one's own over them, and what cannot be used told by its flag.

import { describe, expect, it } from 'vitest';
import { OptionError } from '../../src/core/errors.ts';
import { createModel, parseConfig } from '../../src/models/registry.ts';
import {
  FLAGS,
  growthOf,
  networkConfigOf,
  ratesAt,
  resolutionsOf,
  resolveOptions,
  type TrainingOptions,
  type TrainingRequest,
} from '../../src/training/options.ts';
import { PRESET_NAMES, type PresetName } from '../../src/training/presets.ts';

const dataOf = (resolution: number) => ({ resolution, channels: 3, labelDim: 0 });
const resolve = (request: TrainingRequest, resolution = 32) => resolveOptions(request, dataOf(resolution));

/** [kimg, batch, mbstd, cbase, lr, γ, EMA kimg, ramp, mapping depth, path length, mixing, D] */
type Row = readonly unknown[];

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
      expect.closeTo(row[5] as number, 10),
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

  it('of StyleGAN2 have lazy R1 alone, at one resolution', () => {
    for (const [cfg, resolution] of PUBLISHED) {
      const o = resolve({ cfg }, resolution);
      expect(o).toMatchObject({ model: 'stylegan2', loss: 'logistic', reg: ['r1'], dRegInterval: 16 });
      expect(o).toMatchObject({ gRegInterval: 4, beta1: 0, beta2: 0.99, startRes: null, resBatch: {} });
    }
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

  it('of the first GANs have Adam as DCGAN says, and no regularizer', () => {
    const early = {
      loss: 'logistic',
      reg: [],
      batch: 64,
      glr: 0.0002,
      dlr: 0.0002,
      beta1: 0.5,
      beta2: 0.999,
    };
    for (const model of ['gan', 'dcgan'] as const) {
      const o = resolve({ cfg: model });
      expect(o).toMatchObject({ ...early, model, zDim: 100, startRes: null, styleMixing: 0, plWeight: 0 });
    }
    expect(networkConfigOf(resolve({ cfg: 'gan' }), dataOf(32))).toMatchObject({ hiddenWidth: 1200 });
  });

  /** Batch and learning rate at each resolution, for one device (see docs/presets.md). */
  const RATES: [resolution: number, batch: number, lr: number][] = [
    [4, 128, 0.001],
    [8, 128, 0.001],
    [16, 128, 0.001],
    [32, 64, 0.001],
    [64, 32, 0.001],
    [128, 16, 0.0015],
    [256, 8, 0.002],
    [512, 4, 0.003],
    [1024, 4, 0.003],
  ];
  it.each(['progan', 'stylegan'] as const)('%s grows as published', (cfg) => {
    const o = resolve({ cfg }, 1024);
    const isProGAN = cfg === 'progan';
    expect(growthOf(o)).toEqual({ startRes: isProGAN ? 4 : 8, stableKimg: 600, fadeKimg: 600 });
    const rows = RATES.slice(isProGAN ? 0 : 1);
    expect(resolutionsOf(o, 1024)).toEqual(rows.map(([resolution]) => resolution));
    for (const [resolution, batch, lr] of rows) {
      const rate = isProGAN ? Math.min(lr, 0.002) : lr;
      expect(ratesAt(o, resolution)).toEqual({ batch, glr: rate, dlr: rate });
    }
    expect(o).toMatchObject({
      beta1: 0,
      beta2: 0.99,
      emaKimg: 10,
      emaRampup: null,
      plWeight: 0,
      mbstdGroup: 4,
    });
    expect(o).toMatchObject({ dRegInterval: 1, batchGpu: 128, kimg: isProGAN ? 12000 : 25000 });
  });

  /** Table 1 of StyleGAN: each configuration has what the one above has, and one thing more. */
  const TABLE_1: [cfg: PresetName, differences: Partial<TrainingOptions>][] = [
    [
      'stylegan-a',
      {
        model: 'progan',
        loss: 'wgan',
        reg: ['gp'],
        gpWeight: 10,
        gpTarget: 1,
        drift: 0.001,
        kimg: 12000,
        startRes: 4,
      },
    ],
    [
      'stylegan-b',
      {
        model: 'stylegan',
        loss: 'logistic',
        reg: ['r1'],
        drift: 0,
        kimg: 25000,
        resLr: { 128: 0.0015, 256: 0.002, 512: 0.003, 1024: 0.003 },
        startRes: 8,
        bilinear: true,
      },
    ],
    ['stylegan-c', { styles: true }],
    ['stylegan-d', { constInput: true }],
    ['stylegan-e', { noise: true }],
    ['stylegan-f', { styleMixing: 0.9 }],
  ];
  it('A to F turn StyleGAN’s features on one after the other', () => {
    const none = { bilinear: false, styles: false, constInput: false, noise: false, styleMixing: 0 };
    let { cfg: _, ...expected }: Partial<TrainingOptions> = { ...resolve({ cfg: 'progan' }, 256), ...none };
    for (const [cfg, differences] of TABLE_1) {
      const { cfg: name, ...o } = resolve({ cfg }, 256);
      expect(name).toBe(cfg);
      expect(o, cfg).toEqual({ ...expected, ...differences });
      expected = o;
    }
    expect(resolve({ cfg: 'stylegan-f' })).toEqual({ ...resolve({ cfg: 'stylegan' }), cfg: 'stylegan-f' });
    expect(resolve({ cfg: 'stylegan-a' })).toEqual({ ...resolve({ cfg: 'progan' }), cfg: 'stylegan-a' });
  });

  it.each(PRESET_NAMES)('%s makes networks at every resolution, for pictures of every kind', (cfg) => {
    const { startRes } = resolve({ cfg }, 1024);
    for (let resolution = startRes ?? 4; resolution <= 1024; resolution *= 2) {
      for (const channels of [1, 3, 4]) {
        const data = { ...dataOf(resolution), channels };
        const config = networkConfigOf(resolveOptions({ cfg }, data), data);
        expect(parseConfig(config, 'config')).toEqual(config);
        expect(createModel(config).config.numWs).toBe(config.numWs);
      }
    }
  });

  it('augment adaptively from StyleGAN2 on, with the published pipeline, target and speed', () => {
    const adaptive = PRESET_NAMES.filter((cfg) => resolve({ cfg }).aug === 'ada');
    expect(adaptive).toEqual(['cpu', 'auto', 'stylegan2', 'paper256', 'paper512', 'paper1024', 'cifar']);
    for (const cfg of PRESET_NAMES) {
      const o = resolve({ cfg, aug: 'ada' });
      expect(o).toMatchObject({ aug: 'ada', p: null, target: 0.6, augpipe: 'bgc', adaKimg: 500 });
      if (!adaptive.includes(cfg)) expect(resolve({ cfg })).toEqual({ ...o, aug: 'noaug' });
    }
  });

  it.each(PRESET_NAMES)('%s takes labels, and spectral normalization', (cfg) => {
    const data = { resolution: 32, channels: 3, labelDim: 5 };
    const reg = ['r1', 'sn'] as const;
    const config = networkConfigOf(resolveOptions({ cfg, cond: true, reg: [...reg] }, data), data);
    expect(parseConfig(config, 'config')).toEqual(config);
    expect(config).toMatchObject({ cDim: 5, discriminator: { spectralNorm: true } });
  });
});

describe('a value of one’s own', () => {
  /** Another valid value for each option. */
  const OTHER: Required<Omit<TrainingRequest, 'cfg' | 'model' | 'batch'>> = {
    kimg: 7,
    batchGpu: 4,
    loss: 'hinge',
    reg: ['r2', 'gp', 'sn'],
    gamma: 3,
    gpWeight: 11,
    gpTarget: 750,
    drift: 0.01,
    gRegInterval: 3,
    dRegInterval: 5,
    beta1: 0.25,
    beta2: 0.75,
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
    bilinear: false,
    styles: false,
    constInput: false,
    noise: false,
    startRes: 16,
    stableKimg: 1,
    fadeKimg: 0,
    resBatch: { 16: 8 },
    resLr: { 16: 0.5 },
    cond: true,
    mirror: true,
    aug: 'fixed',
    p: 0.25,
    target: 0.5,
    augpipe: 'bg',
    adaKimg: 50,
    resume: 'network.pkl',
    resumeKimg: 2,
    freezed: 1,
    seed: 9,
    tick: 1,
    snap: 2,
  };
  const data = { resolution: 32, channels: 3, labelDim: 5 };

  const isTransfer = (key: string) => ['resume', 'resumeKimg', 'freezed'].includes(key);
  /** What follows from a value besides. */
  const alsoOf = (key: string): Partial<TrainingOptions> => {
    if (key === 'glr' || key === 'dlr') return { resLr: {} };
    if (key === 'resBatch') return { batchGpu: 8 };
    return isTransfer(key) ? { emaRampup: null, adaKimg: 100 } : {};
  };
  /** What must be asked for besides. */
  const withOf = (key: string): TrainingRequest => {
    if (key === 'aug') return { p: 0.25 };
    if (key === 'p') return { aug: 'fixed' };
    if (isTransfer(key)) return { resume: 'network.pkl' };
    return key === 'target' || key === 'adaKimg' || key === 'augpipe' ? { aug: 'ada' } : {};
  };
  /** Presets in which a value stands for something: networks grow and have styles, or not. */
  const presetsFor = (key: string): readonly PresetName[] => {
    const growing = (cfg: PresetName) => resolve({ cfg }).startRes !== null;
    const styled = (cfg: PresetName) => networkConfigOf(resolve({ cfg }), data).numWs > 1;
    if (key === 'startRes') return PRESET_NAMES.filter(growing);
    const of = (...models: string[]) => PRESET_NAMES.filter((cfg) => models.includes(resolve({ cfg }).model));
    if (key === 'styleMixing') return PRESET_NAMES.filter(styled);
    if (key === 'styles') return of('stylegan').filter((cfg) => !resolve({ cfg }).constInput);
    if (key === 'mapDepth') return of('stylegan', 'stylegan2');
    if (key === 'generator' || key === 'discriminator') return of('stylegan2');
    if (key === 'bilinear' || key === 'constInput' || key === 'noise') return of('stylegan');
    return PRESET_NAMES;
  };

  it.each(Object.entries(OTHER))('of %s replaces the preset’s and no other', (key, value) => {
    for (const cfg of presetsFor(key)) {
      const plain = resolveOptions({ cfg }, data);
      const expected = { ...plain, ...alsoOf(key), ...withOf(key), [key]: value };
      if (key === 'resBatch') expected.batchGpu = Math.max(plain.batch, expected.batchGpu);
      expect(resolveOptions({ cfg, ...withOf(key), [key]: value }, data), cfg).toEqual(expected);
    }
  });

  it('is refused where the networks have nothing of the kind', () => {
    expect(() => resolve({ cfg: 'gan', mapDepth: 3 })).toThrow(
      '--map-depth: got 3, expected none with a gan: only stylegan and stylegan2 have it',
    );
    expect(() => resolve({ cfg: 'cpu', noise: false })).toThrow(
      '--noise: got false, expected none with a stylegan2',
    );
    expect(() => resolve({ cfg: 'stylegan', generator: 'skip' })).toThrow('--g-arch: got skip');
  });

  it('of every option has a flag', () => {
    expect(Object.keys(FLAGS).sort()).toEqual(['cfg', 'model', 'batch', ...Object.keys(OTHER)].sort());
    const { model: _, ...flags } = FLAGS;
    expect(new Set(Object.values(flags)).size).toBe(Object.keys(flags).length);
  });

  it('may be none, for the ramp of the average', () => {
    expect(resolve({ cfg: 'auto', emaRampup: null }).emaRampup).toBeNull();
    expect(resolve({ cfg: 'auto', emaRampup: undefined }).emaRampup).toBe(0.05);
  });

  it('of the ramp and of the speed of ADA holds in a transfer too', () => {
    const asked = { resume: 'network.pkl', emaRampup: 0.1, aug: 'ada', adaKimg: 300 } as const;
    expect(resolve({ cfg: 'auto', ...asked })).toMatchObject(asked);
    const none = resolve({ cfg: 'auto', resume: null });
    expect(none).toEqual(resolve({ cfg: 'auto' }));
    expect(none).toMatchObject({ resume: null, emaRampup: 0.05, adaKimg: 500, resumeKimg: 0, freezed: 0 });
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

  it('of the batch holds at every resolution, and changes nothing else in presets with fixed values', () => {
    for (const cfg of PRESET_NAMES.filter((name) => name !== 'cpu' && name !== 'auto')) {
      const { batch: _b, batchGpu: _g, resBatch: _r, ...rest } = resolve({ cfg });
      const o = resolve({ cfg, batch: 160 });
      expect(o).toEqual({ ...rest, batch: 160, batchGpu: 160, resBatch: {} });
      for (const resolution of resolutionsOf(o, 32)) expect(ratesAt(o, resolution).batch).toBe(160);
      const both = resolve({ cfg, batch: 160, resBatch: { 32: 320 } });
      expect(both).toEqual({ ...o, batchGpu: 320, resBatch: { 32: 320 } });
    }
  });

  it('of one learning rate holds at every resolution, for both networks', () => {
    const o = resolve({ cfg: 'stylegan', dlr: 0.004 }, 256);
    for (const resolution of resolutionsOf(o, 256))
      expect(ratesAt(o, resolution)).toMatchObject({ glr: 0.001, dlr: 0.004 });
  });

  it('turns style mixing off with the styles', () => {
    const o = resolve({ cfg: 'stylegan', styles: false, constInput: false });
    expect(o.styleMixing).toBe(0);
  });
});

describe('what cannot be used', () => {
  it.each<[string, TrainingRequest, string | RegExp]>([
    [
      'a preset',
      { cfg: 'stylegan9' as never },
      '--cfg: got stylegan9, expected one of cpu, auto, stylegan2,',
    ],
    ['a length', { kimg: 0 }, '--kimg: got 0, expected above 0'],
    ['no number', { kimg: Number.NaN }, '--kimg: got NaN, expected a number'],
    ['half a picture', { batch: 2.5 }, /^--batch: got 2.5/],
    ['a part of the batch', { batch: 8, batchGpu: 3 }, '--batch-gpu: got 3, expected a divisor of --batch 8'],
    [
      'a group',
      { batch: 6, mbstdGroup: 4 },
      '--mbstd-group: got 4, expected a divisor of the 6 images that run together',
    ],
    ['a weight', { gamma: -1 }, '--gamma: got -1, expected at least 0'],
    ['a probability', { styleMixing: 1.5 }, '--style-mixing: got 1.5, expected at most 1'],
    [
      'an architecture',
      { generator: 'u-net' as never },
      '--g-arch: got u-net, expected one of skip, resnet, orig',
    ],
    ['labels', { cond: true }, '--cond: got a data set without labels, expected one prepared with --labels'],
    ['an option', { gama: 1 } as never, 'options: got gama, expected no such key'],
    ['a depth that no network file can say', { mapDepth: 33 }, '--map-depth: got 33, expected at most 32'],
    ['a loss', { loss: 'l1' as never }, '--loss: got l1, expected one of saturating, logistic,'],
    ['a regularizer', { reg: ['dropout' as never] }, '--reg: got dropout, expected one of r1, r2, gp, sn'],
    ['a norm to ask for', { gpTarget: 0 }, '--gp-target: got 0, expected above 0'],
    ['momentum', { beta1: 1 }, '--beta1: got 1, expected at most 0.999'],
    [
      'a table of unknown resolutions',
      { resBatch: { 12: 8 } },
      '--res-batch: got 12:8, expected values of powers of two from 4 to 1024',
    ],
    ['a table of no rates', { resLr: { 8: 0, 16: 1 } }, '--res-lr: got 8:0,16:1, expected above 0'],
    [
      'a part of the batch of one resolution',
      { cfg: 'stylegan', batch: 8, batchGpu: 8, resBatch: { 16: 12 } },
      '--batch-gpu: got 8, expected a divisor of --res-batch 16:12',
    ],
    ['growing', { cfg: 'dcgan', startRes: 4 }, '--start-res: got 4, expected none: dcgan does not grow'],
    [
      'a start above the end',
      { cfg: 'progan', startRes: 64 },
      '--start-res: got 64, expected none or a power of two from 4 to the 32 of the images',
    ],
    ['a start below all', { cfg: 'progan', startRes: 2 }, '--start-res: got 2, expected at least 4'],
    ['no stable phase', { cfg: 'progan', stableKimg: 0 }, '--stable-kimg: got 0, expected above 0'],
    [
      'a constant without styles',
      { cfg: 'stylegan', styles: false },
      '--const-input: got 1 with --styles 0, expected styles, which then alone tell images apart',
    ],
    [
      'mixing without styles',
      { cfg: 'stylegan-b', styleMixing: 0.9 },
      '--style-mixing: got 0.9, expected 0: this stylegan has no styles to mix',
    ],
    ['mixing', { cfg: 'dcgan', styleMixing: 0.5 }, 'got 0.5, expected 0: this dcgan has no styles to mix'],
    ['a strength that adapts', { p: 0.5 }, '--p: got 0.5 with --aug ada, expected none: only --aug fixed'],
    ['a strength of nothing', { aug: 'noaug', p: 0.5 }, '--p: got 0.5 with --aug noaug, expected none'],
    ['no strength', { aug: 'fixed' }, '--p: got nothing with --aug fixed, expected a strength from 0 to 1'],
    ['a strength above 1', { aug: 'fixed', p: 1.5 }, '--p: got 1.5, expected at most 1'],
    [
      'a target of nothing',
      { aug: 'noaug', target: 0.6 },
      '--target: got 0.6 with --aug noaug, expected none: only --aug ada adapts',
    ],
    [
      'a speed of what stands still',
      { aug: 'fixed', p: 0.5, adaKimg: 100 },
      '--ada-kimg: got 100 with --aug fixed, expected none: only --aug ada adapts',
    ],
    [
      'a pipeline of nothing',
      { cfg: 'dcgan', augpipe: 'bg' },
      '--augpipe: got bg with --aug noaug, expected none: nothing is augmented',
    ],
    ['a pipeline', { augpipe: 'bgcx' as never }, '--augpipe: got bgcx, expected one of blit, geom,'],
    ['a source without a name', { resume: '' }, '--resume: got nothing, expected at least 1 character'],
    [
      'layers to freeze of nothing',
      { freezed: 2 },
      '--freezed: got 2 without --resume, expected a network to start from',
    ],
    [
      'a count that goes on from nothing',
      { resumeKimg: 5 },
      '--resume-kimg: got 5 without --resume, expected',
    ],
    [
      'an end before the start',
      { resume: 'network.pkl', resumeKimg: 5, kimg: 5 },
      '--kimg: got 5, expected more than --resume-kimg 5: both count from the first image',
    ],
    [
      'more layers to freeze than there are',
      { cfg: 'auto', resume: 'network.pkl', freezed: 11 },
      '--freezed: got 11, expected at most 10: so many layers has the discriminator of this stylegan2 before its last',
    ],
    ['a width that no network file can say', { cmax: 8193 }, '--cmax: got 8193, expected at most 8192'],
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
