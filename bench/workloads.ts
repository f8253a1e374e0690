// The named workloads.

import type { NetworkConfig } from '../src/models/registry.ts';
import { stylegan2NumWs } from '../src/models/stylegan2-config.ts';
import { benchGeneration } from './generation.ts';
import type { BenchResult } from './result.ts';
import { benchTraining, type TrainingWorkload } from './training.ts';

interface Width {
  readonly resolution: number;
  readonly base: number;
  readonly max: number;
  readonly latent: number;
}

const training = (width: Width, rounds: number, cfg: TrainingWorkload['cfg'] = 'cpu'): TrainingWorkload => ({
  resolution: width.resolution,
  rounds,
  cfg,
  batch: 16,
  cbase: width.base,
  cmax: width.max,
  zDim: width.latent,
  wDim: width.latent,
  mapDepth: 2,
  // The last and longest phase of networks that grow.
  startRes: null,
  aug: 'noaug',
});

const generation = (imgResolution: number, channelBase: number): NetworkConfig => ({
  model: 'stylegan2',
  zDim: 512,
  cDim: 0,
  wDim: 512,
  numWs: stylegan2NumWs(imgResolution),
  imgResolution,
  imgChannels: 3,
  channelBase,
  channelMax: 512,
  mappingLayers: 8,
  architecture: 'skip',
  discriminator: { architecture: 'resnet', mbstdGroup: 4, channelBase, channelMax: 512, mappingLayers: 8 },
});

const NARROW_32: Width = { resolution: 32, base: 2048, max: 64, latent: 64 };

const NARROW_64: Width = { resolution: 64, base: 4096, max: 64, latent: 128 };

const TRAINING: Record<string, TrainingWorkload> = {
  'train-32': training(NARROW_32, 9),
  'train-stylegan-32': training(NARROW_32, 5, 'stylegan'),
  'train-64': training(NARROW_64, 5),
  // Every transform on half of the images.
  'train-64-ada': { ...training(NARROW_64, 5), aug: 'fixed', p: 0.5, augpipe: 'bgcfnc' },
  'train-64-wide': training({ resolution: 64, base: 16384, max: 256, latent: 256 }, 3),
};

const GENERATION: Record<string, { config: NetworkConfig; rounds: number }> = {
  'generate-256': { config: generation(256, 16384), rounds: 15 },
  'generate-1024': { config: generation(1024, 32768), rounds: 7 },
};

export const WORKLOADS: Record<string, () => Promise<BenchResult>> = {
  ...Object.fromEntries(Object.entries(TRAINING).map(([name, w]) => [name, () => benchTraining(name, w)])),
  ...Object.fromEntries(
    Object.entries(GENERATION).map(([name, w]) => [name, () => benchGeneration(name, w)]),
  ),
};
