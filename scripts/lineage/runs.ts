// The runs that are compared: the line from the first GAN to StyleGAN2, and the six steps from ProGAN to StyleGAN.

import type { TrainingRequest } from '../../src/training/options.ts';

export interface LineageRun {
  /** Folder of the run, and name of its picture. */
  readonly name: string;
  readonly title: string;
  /** What it adds to the one before, in a few words. */
  readonly adds: string;
  readonly request: TrainingRequest;
}

/** Same data, number of images, batch, widths and averaging for all. */
const SHARED = {
  batch: 8,
  mbstdGroup: 4,
  cbase: 2048,
  cmax: 64,
  zDim: 64,
  wDim: 64,
  emaKimg: 5,
  emaRampup: 0.05,
  aug: 'noaug',
  tick: 2,
  snap: 5,
} as const;

/** Short phases, so that most of a short run is at full resolution. */
const GROWING = { ...SHARED, stableKimg: 2, fadeKimg: 2 } as const;
/** One rate and one R1 for all that have them. 1e-3 and γ 10 are for 1024² and thousands of kimg. */
const RATES = { glr: 0.003, dlr: 0.003 } as const;
const R1 = { gamma: 2 } as const;

const STYLEGAN = { ...GROWING, ...RATES, ...R1 } as const;

export const LINEAGE: readonly LineageRun[] = [
  {
    name: 'gan',
    title: 'GAN (2014)',
    adds: 'two fully connected networks that play against each other',
    request: { ...SHARED, cfg: 'gan', cmax: 512 },
  },
  {
    name: 'dcgan',
    title: 'DCGAN (2015)',
    adds: 'strided convolutions and batch normalization',
    request: { ...SHARED, cfg: 'dcgan', cbase: 1024, cmax: 256 },
  },
  {
    name: 'stylegan-a',
    title: 'A: ProGAN (2017)',
    adds: 'WGAN-GP, growing from 4², pixel norm, minibatch deviation, equalized learning rate, averaged weights',
    request: { ...GROWING, ...RATES, cfg: 'stylegan-a', stableKimg: 1.5, fadeKimg: 1.5 },
  },
  {
    name: 'stylegan-b',
    title: 'B: + bilinear sampling',
    adds: '[1, 2, 1] filters around resampling; growing from 8²; logistic loss with R1',
    request: { ...STYLEGAN, cfg: 'stylegan-b' },
  },
  {
    name: 'stylegan-c',
    title: 'C: + mapping and styles',
    adds: 'mapping network, AdaIN in every layer',
    request: { ...STYLEGAN, cfg: 'stylegan-c' },
  },
  {
    name: 'stylegan-d',
    title: 'D: - traditional input',
    adds: 'a learned constant instead of the latent as input',
    request: { ...STYLEGAN, cfg: 'stylegan-d' },
  },
  {
    name: 'stylegan-e',
    title: 'E: + noise',
    adds: 'noise in every layer',
    request: { ...STYLEGAN, cfg: 'stylegan-e' },
  },
  {
    name: 'stylegan-f',
    title: 'F: StyleGAN (2018)',
    adds: 'mixing regularization',
    request: { ...STYLEGAN, cfg: 'stylegan-f' },
  },
  {
    name: 'stylegan2',
    title: 'StyleGAN2 (2019)',
    adds: 'demodulation, skip and residual connections, lazy regularization, path length; no growing',
    request: { ...SHARED, ...RATES, ...R1, cfg: 'cpu' },
  },
];
