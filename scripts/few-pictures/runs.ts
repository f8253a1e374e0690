// The runs that are compared: few faces with and without adaptive augmentation, another style afresh and by transfer.

import type { TrainingRequest } from '../../src/training/options.ts';
import type { SetName } from './data.ts';

export interface FewRun {
  /** Folder of the run, and name of its picture. */
  readonly name: string;
  readonly title: string;
  readonly data: SetName;
  readonly kimg: number;
  readonly request: TrainingRequest;
  /** Whether it starts from the end of the run `base`. */
  readonly resumesBase?: boolean;
}

/** Ticks of 2 kimg; pictures and networks every 10 kimg, and every 4 where runs are short. */
const LONG = { cfg: 'cpu', tick: 2, snap: 5 } as const;
/** More steps for the same number of images: what is known as the fastest start on these faces (docs/lineage.md). */
const FAST = { cfg: 'cpu', batch: 8, gamma: 2, glr: 0.003, dlr: 0.003 } as const;
const SHORT = { ...FAST, tick: 1, snap: 4 } as const;
/** Runs of some tens of kimg need a strength that moves faster than the published 500 kimg from 0 to 1. */
export const TARGET = 0.6;
const ADAPTIVE = { aug: 'ada', adaKimg: 30, target: TARGET } as const;

/** Nothing but the pictures keeps this D from learning them by heart: no penalty, and 0.7 million parameters. */
const DCGAN = {
  cfg: 'dcgan',
  cbase: 1024,
  cmax: 256,
  batch: 8,
  emaKimg: 5,
  tick: 2,
  snap: 5,
} as const;

export const DCGAN_NOAUG: FewRun = {
  name: 'dcgan-noaug',
  title: 'No augmentation',
  data: 'faces',
  kimg: 150,
  request: { ...DCGAN, aug: 'noaug' },
};
export const DCGAN_ADA: FewRun = {
  name: 'dcgan-ada',
  title: 'Adaptive augmentation',
  data: 'faces',
  kimg: 150,
  request: { ...DCGAN, ...ADAPTIVE },
};
/** What many pictures would give. */
export const DCGAN_MANY: FewRun = {
  name: 'dcgan-many',
  title: '8,000 pictures',
  data: 'faces-many',
  kimg: 50,
  request: { ...DCGAN, aug: 'noaug' },
};
export const NOAUG: FewRun = {
  name: 'noaug',
  title: 'No augmentation',
  data: 'faces',
  kimg: 200,
  request: { ...LONG, aug: 'noaug' },
};
export const ADA: FewRun = {
  name: 'ada',
  title: 'Adaptive augmentation',
  data: 'faces',
  kimg: 200,
  request: { ...LONG, ...ADAPTIVE },
};
export const BASE: FewRun = {
  name: 'base',
  title: 'Base',
  data: 'faces-many',
  kimg: 30,
  request: { ...FAST, emaKimg: 5, tick: 2, snap: 5, aug: 'noaug' },
};
export const AFRESH: FewRun = {
  name: 'afresh',
  title: 'Afresh',
  data: 'personas',
  kimg: 16,
  request: { ...SHORT, ...ADAPTIVE },
};
export const TRANSFER: FewRun = {
  name: 'transfer',
  title: 'Transfer',
  data: 'personas',
  kimg: 16,
  request: { ...SHORT, ...ADAPTIVE },
  resumesBase: true,
};

export const PLAIN_TRANSFER: FewRun = {
  name: 'transfer-noaug',
  title: 'Transfer without ADA',
  data: 'personas',
  kimg: 16,
  request: { ...SHORT, aug: 'noaug' },
  resumesBase: true,
};

/** In an order in which each has what it needs. */
export const RUNS: readonly FewRun[] = [
  DCGAN_NOAUG,
  DCGAN_ADA,
  DCGAN_MANY,
  NOAUG,
  ADA,
  BASE,
  AFRESH,
  TRANSFER,
  PLAIN_TRANSFER,
];
