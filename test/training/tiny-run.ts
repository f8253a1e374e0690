// A training run of seconds: 8x8 faces with labels, tiny networks, and what a run folder holds.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineOptions } from '../../src/runtime/engine.ts';
import type { TrainingRequest } from '../../src/training/options.ts';
import { runHere } from '../cli/run-program.ts';

/** Prepares 24 faces into `folder`; the label says which glasses they wear. */
export async function tinyData(folder: string): Promise<string> {
  const path = join(folder, 'faces.zip');
  const args = ['--resolution', '8', '--max-images', '24', '--labels', 'glasses'];
  await runHere('dataset', 'faces', path, ...args);
  return path;
}

/**
 * Labels, mirroring, style mixing, both regularizers and gradient accumulation; four ticks of a fraction of a second.
 * Without augmentation, which would make the graphs several times as large.
 */
export const TINY: TrainingRequest = {
  cfg: 'cpu',
  kimg: 0.12,
  tick: 0.03,
  snap: 2,
  batch: 4,
  batchGpu: 2,
  mbstdGroup: 2,
  cbase: 64,
  cmax: 8,
  zDim: 8,
  wDim: 8,
  cond: true,
  mirror: true,
  aug: 'noaug',
  seed: 3,
};

/** So small networks are no work for two threads, which only wait for each other on a busy machine. */
export const TINY_ENGINE: EngineOptions = { device: 'cpu', threads: 1 };

/** {@link TINY} and {@link TINY_ENGINE} as a user types them. */
export const TINY_FLAGS = (
  '--cfg cpu --kimg 0.12 --tick 0.03 --snap 2 --batch 4 --batch-gpu 2 --mbstd-group 2 --cbase 64 --cmax 8 ' +
  '--z-dim 8 --w-dim 8 --cond --mirror --aug noaug --seed 3 --device cpu --threads 1'
).split(' ');

/** Lines of `stats.jsonl`; what a kill left of a line is left out. */
export function readStats(run: string): Record<string, number>[] {
  const lines = readFileSync(join(run, 'stats.jsonl'), 'utf8').split('\n');
  return lines.slice(0, -1).map((line) => JSON.parse(line));
}

/** The statistics without what depends on the machine's speed. */
export function lossesOf(run: string): Record<string, number>[] {
  return readStats(run).map((line) =>
    Object.fromEntries(Object.entries(line).filter(([name]) => !/^(Timing|Resources)/.test(name))),
  );
}

/** Bytes of the networks and pictures of a run, by name. */
export function resultsOf(run: string): Record<string, string> {
  const names = readdirSync(run).filter((name) => /^(network|fakes|reals)/.test(name));
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(run, name), 'base64')]));
}
