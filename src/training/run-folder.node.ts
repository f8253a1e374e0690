// The run folder: options, log, statistics, pictures, snapshots and the checkpoint, under the names users know.

import { appendFile, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeNetworkFile, type NetworkFile } from '../checkpoints/network-file.ts';
import { FileError, OptionError } from '../core/errors.ts';
import { asFileError, makeFolder, readFileBounded, writeFileAtomic } from '../core/files.node.ts';
import type { FloatTensor } from '../core/tensor.ts';
import { writePng } from '../generate/image-files.node.ts';
import { imageGrid } from '../generate/image-grid.ts';
import type { MetricRecord } from '../metrics/measure.ts';
import { FLAGS, type TrainingOptions, trainingOptions } from './options.ts';

/** What `training_options.json` holds. */
export interface RunDescription {
  readonly options: TrainingOptions;
  readonly data: {
    readonly path: string;
    readonly images: number;
    readonly resolution: number;
    readonly channels: number;
    readonly labelDim: number;
  };
}

const OPTIONS_FILE = 'training_options.json';
const CHECKPOINT_FILE = 'checkpoint.safetensors';
const STATS_FILE = 'stats.jsonl';

const snapshotName = (kimg: number): string => String(Math.floor(kimg)).padStart(6, '0');

async function readTextIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw asFileError(error, 'read', path);
  }
}

export class RunFolder {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * Makes the folder, or opens the run that it holds when that has the same description. Only `--kimg` may grow.
   * Throws {@link OptionError} naming the first difference.
   */
  static async open(path: string, description: RunDescription): Promise<RunFolder> {
    const folder = new RunFolder(path);
    const file = join(path, OPTIONS_FILE);
    const text = await readTextIfThere(file);
    if (text === null) await makeFolder(path);
    else checkSame(parseDescription(text, file), description, path);
    await removeLeftovers(path);
    await writeFileAtomic(file, Buffer.from(`${JSON.stringify(description, null, 2)}\n`));
    return folder;
  }

  /** Identifies the run in its checkpoint. `--kimg` may change, the rest may not. */
  static contextOf({ options, data }: RunDescription): string {
    return JSON.stringify({ ...options, kimg: 0, tick: 0, snap: 0, data: data.images });
  }

  /** Whether a folder, which need not be there, holds a run that goes on. */
  static async hasCheckpoint(path: string): Promise<boolean> {
    return stat(join(path, CHECKPOINT_FILE)).then(
      () => true,
      () => false,
    );
  }

  async readCheckpoint(): Promise<{ bytes: Uint8Array; name: string } | null> {
    const name = join(this.path, CHECKPOINT_FILE);
    try {
      return { bytes: await readFileBounded(name), name };
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  async writeCheckpoint(chunks: readonly Uint8Array[]): Promise<void> {
    await writeFileAtomic(join(this.path, CHECKPOINT_FILE), chunks);
  }

  /** What became of each tensor of `--resume`. Returns the file's path. */
  async writeReport(text: string): Promise<string> {
    const path = join(this.path, 'resume.txt');
    await writeFileAtomic(path, Buffer.from(text));
    return path;
  }

  /** Returns the file's path. */
  async writeNetwork(file: NetworkFile): Promise<string> {
    const path = join(this.path, `network-snapshot-${snapshotName(file.kimg ?? 0)}.safetensors`);
    await writeFileAtomic(path, encodeNetworkFile(file));
    return path;
  }

  async writeImages(name: string, images: FloatTensor, columns: number): Promise<void> {
    await writePng(join(this.path, `${name}.png`), imageGrid(images, columns));
  }

  async writeFakes(kimg: number, images: FloatTensor, columns: number): Promise<void> {
    await this.writeImages(`fakes${snapshotName(kimg)}`, images, columns);
  }

  async log(line: string): Promise<void> {
    await this.append('log.txt', `${line}\n`);
  }

  async writeStats(stats: Record<string, number>): Promise<void> {
    await this.append(STATS_FILE, `${JSON.stringify(stats)}\n`);
  }

  /** Drops statistics of ticks after the checkpoint, which the resumed run will report again. */
  async truncateStats(tick: number): Promise<void> {
    const path = join(this.path, STATS_FILE);
    const text = await readTextIfThere(path);
    if (text === null) return;
    const kept = text.split('\n').filter((line) => line !== '' && tickOf(line) <= tick);
    await writeFileAtomic(path, Buffer.from(kept.map((line) => `${line}\n`).join('')));
  }

  /** Appends to `metric-NAME.jsonl`, in place of what a killed session measured of the same or later snapshots. */
  async writeMetric(record: MetricRecord): Promise<void> {
    const path = join(this.path, `metric-${record.metric}.jsonl`);
    const lines = ((await readTextIfThere(path)) ?? '')
      .split('\n')
      .filter((line) => kimgOf(line) < record.kimg!);
    await writeFileAtomic(path, Buffer.from([...lines, JSON.stringify(record), ''].join('\n')));
  }

  private async append(name: string, text: string): Promise<void> {
    const path = join(this.path, name);
    try {
      await appendFile(path, text);
    } catch (error) {
      throw asFileError(error, 'write', path);
    }
  }
}

/** Files aside that a killed process never renamed. */
async function removeLeftovers(path: string): Promise<void> {
  for (const name of await readdir(path)) {
    if (/\.tmp-\d+$/.test(name)) await rm(join(path, name), { force: true });
  }
}

function isMissing(error: unknown): boolean {
  return (error as { cause?: NodeJS.ErrnoException }).cause?.code === 'ENOENT';
}

function tickOf(line: string): number {
  try {
    return (JSON.parse(line) as Record<string, number>)['Progress/tick'] ?? Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY; // the part of a line that a kill left behind
  }
}

function kimgOf(line: string): number {
  try {
    return (JSON.parse(line) as { kimg?: number }).kimg ?? Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function parseDescription(text: string, file: string): RunDescription {
  try {
    const value = JSON.parse(text) as RunDescription;
    if (trainingOptions.safeParse(value.options).success && typeof value.data === 'object') return value;
  } catch {
    // Falls through.
  }
  throw new FileError(
    `${file}: got options that this version does not know, expected a run of its own; its networks can be used as they ` +
      'are; train in another --outdir',
  );
}

function checkSame(old: RunDescription, now: RunDescription, path: string): void {
  const refuse = (flag: string, got: unknown, expected: unknown): never => {
    throw new OptionError(
      `${flag}: got ${JSON.stringify(got)}, but the run in ${path} has ${JSON.stringify(expected)}; ` +
        'give the same options to resume it, or another --outdir',
    );
  };
  for (const key of Object.keys(FLAGS) as (keyof TrainingOptions)[]) {
    if (key === 'kimg') continue;
    if (JSON.stringify(old.options[key]) !== JSON.stringify(now.options[key])) {
      refuse(FLAGS[key], now.options[key], old.options[key]);
    }
  }
  if (now.options.kimg < old.options.kimg) refuse(FLAGS.kimg, now.options.kimg, old.options.kimg);
  for (const key of ['path', 'images', 'resolution', 'channels', 'labelDim'] as const) {
    if (old.data[key] !== now.data[key]) {
      refuse(key === 'path' ? '--data' : `--data (${key})`, now.data[key], old.data[key]);
    }
  }
}
