// Presets of the published systems (`--cfg`), and one made for CPUs.

import type { NetworkConfig } from '../models/registry.ts';
import type { LossName } from './losses.ts';
import type { PenaltyName } from './phases.ts';

/** D's regularizers by name: the penalties, and spectral normalization. */
export type RegularizerName = PenaltyName | 'sn';

/** What a preset decides. Every value but the model can be overridden by its flag. */
export interface Preset {
  readonly model: NetworkConfig['model'];
  readonly kimg: number;
  readonly batch: number;
  /** Images that share one minibatch deviation. */
  readonly mbstdGroup: number;
  /** Feature maps at resolution R: min(cbase / R, cmax). */
  readonly cbase: number;
  readonly cmax: number;
  readonly zDim: number;
  readonly wDim: number;
  readonly mapDepth: number;
  readonly loss: LossName;
  readonly reg: readonly RegularizerName[];
  /** Weight γ of R1 and R2. */
  readonly gamma: number;
  /** Weight λ of the gradient penalty, the norm it asks for, and the weight of the drift term. */
  readonly gpWeight: number;
  readonly gpTarget: number;
  readonly drift: number;
  /** Steps between two runs of the regularizers; 1 is eager. */
  readonly gRegInterval: number;
  readonly dRegInterval: number;
  readonly glr: number;
  readonly dlr: number;
  readonly beta1: number;
  readonly beta2: number;
  /** Half-life of the generator's moving average, in thousands of images. */
  readonly emaKimg: number;
  /** Half-life at most this share of the images seen so far; null: no ramp. */
  readonly emaRampup: number | null;
  /** Path-length weight; 0 turns the phase off. */
  readonly plWeight: number;
  readonly styleMixing: number;
  readonly generator: 'resnet' | 'skip' | 'orig';
  readonly discriminator: 'resnet' | 'skip' | 'orig';
  /** The steps from ProGAN to StyleGAN (StyleGAN, table 1). */
  readonly bilinear: boolean;
  readonly styles: boolean;
  readonly constInput: boolean;
  readonly noise: boolean;
  /** Progressive growing: the first resolution, null for none, and its phases (see growth.ts). */
  readonly startRes: number | null;
  readonly stableKimg: number;
  readonly fadeKimg: number;
  /** Batch and learning rate at single resolutions; others have the ones above. */
  readonly resBatch: Readonly<Record<string, number>>;
  readonly resLr: Readonly<Record<string, number>>;
  /** Augmentation of what D sees. */
  readonly aug: 'noaug' | 'ada';
}

export const PRESET_NAMES = [
  'cpu',
  'auto',
  'stylegan2',
  'paper256',
  'paper512',
  'paper1024',
  'cifar',
  'gan',
  'dcgan',
  'progan',
  'stylegan',
  'stylegan-a',
  'stylegan-b',
  'stylegan-c',
  'stylegan-d',
  'stylegan-e',
  'stylegan-f',
] as const;
export type PresetName = (typeof PRESET_NAMES)[number];

const FULL = { cbase: 32768, cmax: 512, zDim: 512, wDim: 512 } as const;
const HALF = { ...FULL, cbase: 16384 } as const;
const rate = (lr: number) => ({ glr: lr, dlr: lr });

/** What the generations share where they do not say otherwise; weights count for regularizers that are asked for. */
const BASE = {
  mbstdGroup: 1,
  mapDepth: 8,
  loss: 'logistic',
  reg: [],
  gamma: 10,
  gpWeight: 10,
  gpTarget: 1,
  drift: 0,
  gRegInterval: 4,
  dRegInterval: 1,
  beta1: 0,
  beta2: 0.99,
  emaKimg: 10,
  emaRampup: null,
  plWeight: 0,
  styleMixing: 0,
  generator: 'skip',
  discriminator: 'resnet',
  bilinear: true,
  styles: true,
  constInput: true,
  noise: true,
  startRes: null,
  stableKimg: 600,
  fadeKimg: 600,
  resBatch: {},
  resLr: {},
  aug: 'noaug',
} as const;

/** StyleGAN2: lazy R1 and path length; adaptive augmentation, as StyleGAN2-ADA has it. */
const COMMON = {
  ...BASE,
  model: 'stylegan2',
  reg: ['r1'],
  dRegInterval: 16,
  plWeight: 2,
  styleMixing: 0.9,
  aug: 'ada',
} as const;

/** Largest group of at most four images that divides the batch. */
const groupOf = (batch: number): number => [4, 3, 2, 1].find((group) => batch % group === 0)!;

/** `auto`: settings that follow the resolution and the batch, for one device. */
function auto(resolution: number, asked?: number): Preset {
  const batch = asked ?? Math.max(Math.min(Math.min(Math.floor(4096 / resolution), 32), 64), 1);
  return {
    ...COMMON,
    ...(resolution >= 512 ? FULL : HALF),
    ...rate(resolution >= 1024 ? 0.002 : 0.0025),
    kimg: 25000,
    batch,
    mbstdGroup: groupOf(batch),
    gamma: (0.0002 * resolution ** 2) / batch,
    emaKimg: (batch * 10) / 32,
    emaRampup: 0.05,
    mapDepth: 2,
  };
}

/**
 * `cpu`: narrow networks and small batches, so that a CPU gets somewhere in minutes to hours. Its γ is 40 times the
 * published heuristic's at 32², under which faces were still blobs after 10 kimg; see docs/presets.md.
 */
function cpu(resolution: number, batch = 16): Preset {
  const latent = resolution <= 32 ? 64 : 128;
  return {
    ...auto(resolution, batch),
    cbase: 64 * resolution,
    cmax: resolution <= 64 ? 64 : 128,
    zDim: latent,
    wDim: latent,
    kimg: 1000,
    gamma: 0.0005 * resolution ** 2,
  };
}

const PAPER = { ...COMMON, kimg: 25000 } as const;

/** Adam as DCGAN has it (section 4), which the first GAN did not know. */
const EARLY = { ...BASE, ...rate(0.0002), beta1: 0.5, beta2: 0.999, kimg: 5000, batch: 64 } as const;

/** ProGAN and StyleGAN: growing, with smaller batches and larger rates at larger resolutions (for one device). */
const GROWING = {
  ...BASE,
  ...FULL,
  ...rate(0.001),
  cbase: 16384,
  batch: 4,
  mbstdGroup: 4,
  resBatch: { 4: 128, 8: 128, 16: 128, 32: 64, 64: 32, 128: 16, 256: 8, 512: 4 },
  resLr: { 128: 0.0015, 256: 0.002, 512: 0.003, 1024: 0.003 },
} as const;

/** StyleGAN, table 1, configuration A: WGAN-GP with drift, 4² first, nearest-neighbour sampling. */
const PROGAN = {
  ...GROWING,
  model: 'progan',
  kimg: 12000,
  loss: 'wgan',
  reg: ['gp'],
  drift: 0.001,
  resLr: { 128: 0.0015, 256: 0.002, 512: 0.002, 1024: 0.002 },
  startRes: 4,
  bilinear: false,
  styles: false,
  constInput: false,
  noise: false,
} as const;

/** Configuration F, with everything; B to E leave out the later steps. */
const STYLEGAN = {
  ...GROWING,
  model: 'stylegan',
  kimg: 25000,
  reg: ['r1'],
  startRes: 8,
  styleMixing: 0.9,
} as const;

const PRESETS: Record<PresetName, (resolution: number, batch?: number) => Preset> = {
  cpu,
  auto,
  stylegan2: () => ({ ...PAPER, ...FULL, ...rate(0.002), batch: 32, mbstdGroup: 4, gamma: 10, emaKimg: 10 }),
  paper256: () => ({ ...PAPER, ...HALF, ...rate(0.0025), batch: 64, mbstdGroup: 8, gamma: 1, emaKimg: 20 }),
  paper512: () => ({ ...PAPER, ...FULL, ...rate(0.0025), batch: 64, mbstdGroup: 8, gamma: 0.5, emaKimg: 20 }),
  paper1024: () => ({ ...PAPER, ...FULL, ...rate(0.002), batch: 32, mbstdGroup: 4, gamma: 2, emaKimg: 10 }),
  cifar: () => ({
    ...PAPER,
    ...FULL,
    ...rate(0.0025),
    kimg: 100000,
    batch: 64,
    mbstdGroup: 32,
    gamma: 0.01,
    emaKimg: 500,
    emaRampup: 0.05,
    mapDepth: 2,
    plWeight: 0,
    styleMixing: 0,
    discriminator: 'orig',
  }),
  gan: () => ({ ...EARLY, model: 'gan', cbase: 1200, cmax: 1200, zDim: 100, wDim: 100 }),
  dcgan: () => ({ ...EARLY, model: 'dcgan', cbase: 4096, cmax: 1024, zDim: 100, wDim: 100 }),
  progan: () => PROGAN,
  stylegan: () => STYLEGAN,
  'stylegan-a': () => PROGAN,
  'stylegan-b': () => ({ ...STYLEGAN, styles: false, constInput: false, noise: false, styleMixing: 0 }),
  'stylegan-c': () => ({ ...STYLEGAN, constInput: false, noise: false, styleMixing: 0 }),
  'stylegan-d': () => ({ ...STYLEGAN, noise: false, styleMixing: 0 }),
  'stylegan-e': () => ({ ...STYLEGAN, styleMixing: 0 }),
  'stylegan-f': () => STYLEGAN,
};

/** The preset's values for a resolution. What `auto` and `cpu` derive from the batch follows one of the user's own. */
export const presetFor = (name: PresetName, resolution: number, batch?: number): Preset =>
  PRESETS[name](resolution, batch);
