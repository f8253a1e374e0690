// What runs on few pictures come to: each snapshot against held-out pictures, and the curves of training.

import { existsSync } from 'node:fs';
import { appendFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { interruption } from '../../src/cli/interrupt.ts';
import { writeFileAtomic } from '../../src/core/files.node.ts';
import { type FloatTensor, floatTensor } from '../../src/core/tensor.ts';
import { EndlessBatches } from '../../src/data/batches.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { loadNetwork } from '../../src/generate/load-network.node.ts';
import type { Network } from '../../src/generate/network.ts';
import { randomImages } from '../../src/generate/random-images.ts';
import { measure } from '../../src/metrics/measure.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';
import { readLines } from '../experiment.ts';
import { openSet, type Style } from './data.ts';
import { halved, overfitting, shareNearerTo, type Vectors } from './measures.ts';
import type { FewRun } from './runs.ts';

/** Images of each kind. */
export const NUM = 1000;
const RESULTS = 'held-out.jsonl';
/** Images that D sees together: a divisor of the training set's size, and a multiple of its groups of four. */
const D_BATCH = 40;

/** A set of images against pictures that no run saw. */
export interface Quality {
  /** Sliced Wasserstein distance × 1000, the mean over levels. */
  readonly swd: number;
  /** Share of images nearer to a training picture than to any of as many held-out ones. */
  readonly repeated: number;
}

export interface Limits {
  /** What the training set itself reaches, shown over and over. */
  readonly training: Quality;
  /** What as many pictures reach that no run saw. */
  readonly unseen: Quality;
}

/** A snapshot. */
export interface Measured extends Quality {
  readonly kimg: number;
  /** r_v. */
  readonly overfitting: number;
}

/** A tick of training. */
export interface Tick {
  readonly kimg: number;
  /** Mean signs of D's output for real (r_t) and for generated images. */
  readonly real: number;
  readonly fake: number;
  /** Strength of the augmentation. */
  readonly p: number;
}

export interface FewResult {
  readonly run: FewRun;
  readonly snapshots: readonly Measured[];
  readonly ticks: readonly Tick[];
}

/** The pictures that runs of one style are measured with. Close it. */
export class Judge {
  private readonly heldOut: Dataset;
  private readonly known: FloatTensor;
  private readonly unseen: FloatTensor;
  private readonly others: FloatTensor;

  private constructor(heldOut: Dataset, known: FloatTensor, unseen: FloatTensor, others: FloatTensor) {
    this.heldOut = heldOut;
    this.known = known;
    this.unseen = unseen;
    this.others = others;
  }

  static async open(folder: string, style: Style): Promise<Judge> {
    const training = await openSet(folder, style);
    const heldOut = await openSet(folder, `${style}-held-out`);
    const others = await openSet(folder, `${style}-others`);
    const known = await firstOf(training, training.length);
    const unseen = await firstOf(heldOut, training.length);
    const judge = new Judge(heldOut, known, unseen, await firstOf(others, NUM));
    await training.close();
    await others.close();
    return judge;
  }

  /** The limits of this style, from `path` when they were measured before. */
  async limits(path: string): Promise<Limits> {
    if (existsSync(path)) return (await readLines<Limits>(path))[0];
    const { known, others } = this;
    const repeated = new Float32Array((NUM / known.shape[0]) * known.data.length);
    for (let start = 0; start < repeated.length; start += known.data.length) repeated.set(known.data, start);
    const training = floatTensor(repeated, [NUM, ...known.shape.slice(1)]);
    const limits = { training: await this.qualityOf(training), unseen: await this.qualityOf(others) };
    await writeFileAtomic(path, Buffer.from(`${JSON.stringify(limits)}\n`));
    return limits;
  }

  /** Measures the snapshots of a run that are not measured yet, and returns all up to its length. */
  async snapshotsOf(folder: string, kimg: number): Promise<Measured[]> {
    const path = join(folder, RESULTS);
    const done = existsSync(path) ? await readLines<Measured>(path) : [];
    for (const name of (await readdir(folder)).sort()) {
      const match = /^network-snapshot-(\d+)\.safetensors$/.exec(name);
      const at = Number(match?.[1]);
      if (match === null || at > kimg || done.some((measured) => Math.floor(measured.kimg) === at)) continue;
      const measured = await this.measure(join(folder, name));
      console.log(`${join(folder, name)}: SWD ${measured.swd.toFixed(1)}`);
      await appendFile(path, `${JSON.stringify(measured)}\n`);
      done.push(measured);
    }
    return done.filter((measured) => measured.kimg <= kimg).sort((a, b) => a.kimg - b.kimg);
  }

  private async measure(path: string): Promise<Measured> {
    const network = await loadNetwork(path);
    try {
      const fakes = await randomImages(network, this.heldOut, { seed: 0 })(NUM);
      const count = this.known.shape[0];
      const training = await meanOutput(network, this.known, count);
      const heldOut = await meanOutput(network, this.unseen, count);
      const generated = await meanOutput(network, fakes, count);
      const quality = await this.qualityOf(fakes);
      return { kimg: network.kimg!, ...quality, overfitting: overfitting(training, heldOut, generated) };
    } finally {
      await network.close();
    }
  }

  private async qualityOf(images: FloatTensor): Promise<Quality> {
    const { heldOut, known, unseen } = this;
    const engine = await openEngine({ device: 'cpu' });
    const size = images.data.length / images.shape[0];
    let given = 0;
    const generate = async (count: number) => {
      const part = images.data.subarray(given * size, (given + count) * size);
      given += count;
      return floatTensor(part, [count, ...images.shape.slice(1)]);
    };
    try {
      const request = { engine, dataset: heldOut, generate, num: NUM, signal: interruption };
      const { SWDx1e3_avg: swd } = await measure('swd', request);
      const repeated = shareNearerTo(vectorsOf(known), vectorsOf(unseen), vectorsOf(images));
      return { swd, repeated };
    } finally {
      await engine.close();
    }
  }

  async close(): Promise<void> {
    await this.heldOut.close();
  }
}

/** The first images [count, C, R, R] in [-1, 1]. */
async function firstOf(dataset: Dataset, count: number): Promise<FloatTensor> {
  const { images } = await new EndlessBatches(dataset, { batch: 1, seed: 0 }).next(count);
  return floatTensor(images, [count, dataset.channels, dataset.resolution, dataset.resolution]);
}

function vectorsOf({ data, shape: [, channels, side] }: FloatTensor): Vectors {
  return { data: halved(data, side), width: (channels * side * side) / 4 };
}

/** D's mean output for the first `count` images. */
async function meanOutput(network: Network, { data, shape }: FloatTensor, count: number): Promise<number> {
  const size = data.length / shape[0];
  let sum = 0;
  for (let i = 0; i < count; i += D_BATCH) {
    const part = data.subarray(i * size, (i + D_BATCH) * size);
    const logits = await network.discriminate(floatTensor(part, [D_BATCH, ...shape.slice(1)]), null);
    sum += logits.data.reduce((all, logit) => all + logit, 0);
  }
  return sum / count;
}

/** The curves of a run's training, up to `kimg`. */
export async function ticksOf(folder: string, kimg: number): Promise<Tick[]> {
  const stats = await readLines<Record<string, number>>(join(folder, 'stats.jsonl'));
  return stats
    .map((tick) => ({
      kimg: tick['Progress/kimg'],
      real: tick['Loss/signs/real'],
      fake: tick['Loss/signs/fake'],
      p: tick['Progress/augment'] ?? 0,
    }))
    .filter((tick) => tick.kimg <= kimg);
}
