// What a finished run says of itself, read from its folder.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { benchTraining } from '../../bench/training.ts';
import { totalSize } from '../../src/checkpoints/network-file.ts';
import { createModel } from '../../src/models/registry.ts';
import type { DataShape } from '../../src/training/options.ts';
import { networkConfigOf, resolveOptions } from '../../src/training/options.ts';
import { trainable } from '../../src/training/phases.ts';
import { readLines } from '../experiment.ts';
import type { LineageRun } from './runs.ts';

export interface LineageResult {
  readonly run: LineageRun;
  readonly parametersG: number;
  readonly parametersD: number;
  /** At full resolution, measured apart from the run. */
  readonly secPerKimg: number;
  /** Deviation across generated images, relative to that across real ones. */
  readonly deviation: number;
  /** Sliced Wasserstein distances × 1000 by level, the last one their average, half way and at the end. */
  readonly swd: readonly { readonly kimg: number; readonly results: Readonly<Record<string, number>> }[];
  readonly lastFakes: string;
}

/** Rounds of the speed measurement, each all kinds of steps; their median counts. */
const TIMED_ROUNDS = 5;

export async function readResult(run: LineageRun, folder: string, data: DataShape): Promise<LineageResult> {
  const model = createModel(networkConfigOf(resolveOptions(run.request, data), data));
  const timed = { ...run.request, startRes: null, resolution: data.resolution, rounds: TIMED_ROUNDS };
  const speed = await benchTraining(run.name, timed);
  const stats = await readLines<Record<string, number>>(join(folder, 'stats.jsonl'));
  const swd = await readLines<LineageResult['swd'][number]>(join(folder, 'metric-swd.jsonl'));
  const last = stats.at(-1)!;
  const fakes = (await readdir(folder)).filter((name) => /^fakes\d+\.png$/.test(name)).sort();
  return {
    run,
    parametersG: totalSize(trainable(model.generator)),
    parametersD: totalSize(trainable(model.discriminator)),
    secPerKimg: speed.value,
    deviation: last['Monitor/deviation'],
    swd,
    lastFakes: join(folder, fakes.at(-1)!),
  };
}
