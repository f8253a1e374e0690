// What a finished run says of itself, read from its folder.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { totalSize } from '../../src/checkpoints/network-file.ts';
import { createModel } from '../../src/models/registry.ts';
import type { DataShape } from '../../src/training/options.ts';
import { networkConfigOf, resolveOptions } from '../../src/training/options.ts';
import { trainable } from '../../src/training/phases.ts';
import type { LineageRun } from './runs.ts';

export interface LineageResult {
  readonly run: LineageRun;
  readonly parametersG: number;
  readonly parametersD: number;
  /** Mean over the run, growing included, and of its last tick. */
  readonly secPerKimg: number;
  readonly lastSecPerKimg: number;
  /** Deviation across generated images, relative to that across real ones. */
  readonly deviation: number;
  /** Sliced Wasserstein distances × 1000 by level, the last one their average, half way and at the end. */
  readonly swd: readonly { readonly kimg: number; readonly results: Readonly<Record<string, number>> }[];
  readonly lastFakes: string;
}

async function readLines<T>(path: string): Promise<T[]> {
  const text = await readFile(path, 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

export async function readResult(run: LineageRun, folder: string, data: DataShape): Promise<LineageResult> {
  const model = createModel(networkConfigOf(resolveOptions(run.request, data), data));
  const stats = await readLines<Record<string, number>>(join(folder, 'stats.jsonl'));
  const swd = await readLines<LineageResult['swd'][number]>(join(folder, 'metric-swd.jsonl'));
  const last = stats.at(-1)!;
  const kimg = stats.map((line) => line['Progress/kimg']);
  const seconds = stats.reduce(
    (sum, line, i) => sum + line['Timing/sec_per_kimg'] * (kimg[i] - (kimg[i - 1] ?? 0)),
    0,
  );
  const fakes = (await readdir(folder)).filter((name) => /^fakes\d+\.png$/.test(name)).sort();
  return {
    run,
    parametersG: totalSize(trainable(model.generator)),
    parametersD: totalSize(trainable(model.discriminator)),
    secPerKimg: seconds / last['Progress/kimg'],
    lastSecPerKimg: last['Timing/sec_per_kimg'],
    deviation: last['Monitor/deviation'],
    swd,
    lastFakes: join(folder, fakes.at(-1)!),
  };
}
