// Training in Node: opens or resumes a run folder and trains until the asked-for number of images.

import { basename, resolve } from 'node:path';
import type { NetworkFile } from '../checkpoints/network-file.ts';
import { OptionError, oneLine } from '../core/errors.ts';
import type { FloatTensor } from '../core/tensor.ts';
import { EndlessBatches } from '../data/batches.ts';
import type { Dataset } from '../data/dataset.ts';
import { metricOf } from '../metrics/measure.ts';
import type { Model } from '../models/contract.ts';
import { createModel, type NetworkConfig } from '../models/registry.ts';
import { openEngine } from '../runtime/engine.node.ts';
import type { Engine, EngineOptions } from '../runtime/engine.ts';
import { augmentationText } from './ada.ts';
import { lodAt } from './growth.ts';
import { bestOf, collapseWarning, deviationAcross, hasFallen } from './monitor.ts';
import { openData } from './open-data.node.ts';
import { lastingName, type NetworkLocator, openTransfer } from './open-transfer.node.ts';
import {
  growthOf,
  networkConfigOf,
  resolveOptions,
  type TrainingOptions,
  type TrainingRequest,
} from './options.ts';
import { type RunDescription, RunFolder } from './run-folder.node.ts';
import { SampleGrid } from './sample-grid.ts';
import { Sampler } from './sampler.ts';
import { measureSnapshot } from './snapshot-metrics.node.ts';
import { TrainingState } from './state.ts';
import { divergence, Trainer } from './trainer.ts';
import { type Transfer, takeOver } from './transfer.ts';
import { reportOf, summaryOf } from './transfer-report.ts';

/** Longest time between two checkpoints, in seconds of training. */
const CHECKPOINT_SECONDS = 300;

/** Where a run stands; given to `onProgress` after every step, with `stats` at ticks. */
export interface TrainProgress {
  readonly kimg: number;
  /** Level of detail of a growing network; 0 at full resolution. */
  readonly lod: number;
  readonly totalKimg: number;
  readonly tick: number;
  /** Seconds of training so far, all sessions together. */
  readonly seconds: number;
  /** Over the present tick. */
  readonly secPerKimg: number;
  readonly secondsLeft: number;
  readonly memoryMB: number;
  /** Means since the last tick, under the published names (`Loss/G/loss`, …). */
  readonly stats: Record<string, number>;
  /** True once a tick: what goes to `stats.jsonl`. */
  readonly isTick: boolean;
}

export interface TrainRequest extends TrainingRequest, EngineOptions {
  /** A prepared or plain data set, or an open one. */
  readonly data: string | Dataset;
  /** The run's own folder. The same request resumes the run that it holds. */
  readonly outdir: string;
  /** Metrics of each snapshot by name, such as `swd`: `metric-NAME.jsonl` in the run folder. Default none. */
  readonly metrics?: readonly string[];
  readonly onProgress?: (progress: TrainProgress) => void;
  /** Finds the file of `resume`, for those who show its download. */
  readonly locateNetwork?: NetworkLocator;
  /** Lines for the log: what was opened, resumed, written. */
  readonly onLog?: (line: string) => void;
  /** Stops cleanly, with a checkpoint, and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface TrainResult {
  readonly kimg: number;
  readonly outdir: string;
  /** The last network snapshot. */
  readonly network: string;
  /** Label of an image, as its data set has it: what the network can be asked for. Null without `cond`. */
  readonly label: Float32Array | null;
}

/**
 * Trains a generator of any generation, from the first GAN to StyleGAN2. Killing it at any moment and calling it again with the same request
 * gives the same final network, byte for byte. Throws OptionError, FileError, DeviceError or DivergenceError.
 */
export async function train(request: TrainRequest): Promise<TrainResult> {
  for (const name of request.metrics ?? []) metricOf(name);
  const dataset = await openData(request);
  try {
    const options = resolveOptions(pickOptions(request), dataset);
    const run = await Run.open(request, options, dataset);
    try {
      return await run.train();
    } finally {
      await run.engine.close();
    }
  } finally {
    if (typeof request.data === 'string') await dataset.close();
  }
}

/** The part of a request that are options of the run. */
function pickOptions(request: TrainRequest): TrainingRequest {
  const {
    resume,
    data: _d,
    outdir: _o,
    onProgress: _p,
    onLog: _l,
    locateNetwork: _n,
    signal: _s,
    metrics: _m,
    device: _v,
    threads: _t,
    ...options
  } = request;
  return { ...options, resume: resume && lastingName(resume) };
}

class Run {
  readonly engine: Engine;
  private readonly request: TrainRequest;
  private readonly options: TrainingOptions;
  private readonly dataset: Dataset;
  private readonly folder: RunFolder;
  private readonly context: string;
  private readonly state: TrainingState;
  private readonly batches: EndlessBatches;
  private readonly sampler: Sampler;
  /** What a run that begins takes over, until it has. */
  private transfer: Transfer | null;
  private isResumed = false;
  /** Whether the gauge was low at the last tick, of which the user knows then. */
  private isLow = false;

  private constructor(
    request: TrainRequest,
    options: TrainingOptions,
    dataset: Dataset,
    parts: {
      model: Model<NetworkConfig>;
      transfer: Transfer | null;
      engine: Engine;
      folder: RunFolder;
      context: string;
    },
  ) {
    this.request = request;
    this.options = options;
    this.dataset = dataset;
    this.engine = parts.engine;
    this.folder = parts.folder;
    this.context = parts.context;
    this.transfer = parts.transfer;
    this.state = new TrainingState(parts.model, options.seed, {
      beta1: options.beta1,
      p: options.p ?? 0,
      lod: lodAt(options.resumeKimg, growthOf(options), dataset.resolution),
      images: Math.round(options.resumeKimg * 1000),
    });
    this.sampler = new Sampler(this.engine, this.state);
    this.batches = new EndlessBatches(dataset, {
      batch: options.batch,
      seed: options.seed,
      mirror: options.mirror,
    });
  }

  static async open(request: TrainRequest, options: TrainingOptions, dataset: Dataset): Promise<Run> {
    if (request.outdir === '') throw new OptionError('--outdir: got an empty name, expected a folder');
    const { length: images, resolution, channels, labelDim } = dataset;
    const data = { path: resolve(dataset.path), images, resolution, channels, labelDim };
    const description: RunDescription = { options, data };
    const model = createModel(networkConfigOf(options, dataset));
    // Before there is a folder, whose options would hold on to a source that cannot be opened.
    const transfer =
      options.resume === null || (await RunFolder.hasCheckpoint(request.outdir))
        ? null
        : await openTransfer(request.resume!, model, request.locateNetwork);
    const engine = await openEngine({ device: request.device, threads: request.threads });
    const folder = await RunFolder.open(request.outdir, description);
    const context = RunFolder.contextOf(description);
    return new Run(request, options, dataset, { model, transfer, engine, folder, context });
  }

  async train(): Promise<TrainResult> {
    await this.resume();
    const { state, options } = this;
    const total = options.kimg * 1000;
    if (state.images >= total) {
      await this.log(`finished before: ${state.kimg} kimg in ${this.folder.path}`);
      return this.finish();
    }
    if (options.aug !== 'noaug') await this.log(`augmentation: ${augmentationText(options)}`);
    await this.log(`compiling for ${this.engine.device}`);
    const trainer = await Trainer.open(this.engine, state, options, () => this.randomLabel());
    const grid = await SampleGrid.open(this.sampler, state, this.dataset, options.seed);
    if (!this.isResumed) await this.writeFirstPictures(grid);
    let clock = performance.now();
    let checkpointed = state.seconds;
    while (state.images < total) {
      const batch = await this.batches.next(trainer.batch);
      await trainer.step(batch);
      state.data = this.batches.snapshot();
      const now = performance.now();
      state.seconds += (now - clock) / 1000;
      state.statistics.add('Timing/seconds', (now - clock) / 1000);
      clock = now;

      const finished = state.images >= total;
      if (finished || state.images >= state.tickStart + options.tick * 1000) {
        await this.endTick(grid, finished);
        checkpointed = state.seconds;
        clock = performance.now(); // pictures, files and metrics are not training
      } else {
        this.progress(false);
        if (state.seconds - checkpointed >= CHECKPOINT_SECONDS) {
          await this.checkpoint();
          checkpointed = state.seconds;
        }
      }
      // Signals and timers of the caller get their turn between steps, which block this thread.
      await new Promise((turn) => setImmediate(turn));
      if (this.request.signal?.aborted && !finished) await this.stop(this.request.signal);
    }
    return this.finish();
  }

  private async resume(): Promise<void> {
    const checkpoint = await this.folder.readCheckpoint();
    if (checkpoint !== null) this.state.decode(checkpoint.bytes, this.context, checkpoint.name);
    // Also without a checkpoint: the run may have been killed between its first statistics and it.
    await this.folder.truncateStats(this.state.tick);
    if (checkpoint === null) return this.begin();
    if (this.state.data !== null) this.batches.restore(this.state.data);
    this.isResumed = true;
    await this.log(`resumed at ${this.state.kimg} kimg from ${checkpoint.name}`);
  }

  private async begin(): Promise<void> {
    const { transfer, state, folder, options } = this;
    if (transfer === null) return;
    takeOver(state, transfer);
    this.transfer = null; // and its tensors, which may be all of a large file
    const report = await folder.writeReport(reportOf(transfer));
    for (const line of summaryOf(transfer, options.freezed)) await this.log(line);
    await this.log(`  all of it: ${report}`);
  }

  /** Statistics, pictures and snapshots of a tick; the checkpoint last, so that a kill before it repeats the tick. */
  private async endTick(grid: SampleGrid, finished: boolean): Promise<void> {
    const { state, options, folder } = this;
    this.checkFinite();
    state.tick++;
    const fakes = await grid.draw();
    await this.watch(fakes, grid.reals(state.lod));
    const progress = this.progress(true);
    const stats = {
      ...progress.stats,
      'Progress/tick': state.tick,
      'Progress/kimg': state.kimg,
      'Progress/lod': state.lod,
    };
    await folder.writeStats({
      ...stats,
      'Timing/sec_per_kimg': progress.secPerKimg,
      'Resources/memory_mb': progress.memoryMB,
    });
    if (finished || state.tick % options.snap === 0) {
      await folder.writeFakes(state.kimg, fakes, grid.columns);
      const network = await folder.writeNetwork(this.networkFile());
      await this.log(`wrote ${network}`);
      await this.measure(basename(network));
    }
    state.statistics.reset();
    state.tickStart = state.images;
    await this.checkpoint();
  }

  private async measure(snapshot: string): Promise<void> {
    const { engine: drawing, state, dataset, options } = this;
    const { metrics = [], signal } = this.request;
    for (const name of metrics) {
      const request = { drawing, state, dataset, options, snapshot, signal };
      const record = await measureSnapshot(name, request);
      await this.folder.writeMetric(record);
      const values = Object.entries(record.results).map(([key, value]) => `${key} ${value.toFixed(2)}`);
      await this.log(`${values.join('  ')}  (${record.num} images, ${record.total_time.toFixed(0)} s)`);
    }
  }

  /** The mode-collapse gauge. */
  private async watch(fakes: FloatTensor, reals: FloatTensor): Promise<void> {
    const { state } = this;
    const [fake, real] = [deviationAcross(fakes), deviationAcross(reals)];
    if (real < 1e-6) return; // the same picture over and over: nothing to compare with
    const ratio = fake / real;
    state.statistics.add('Monitor/deviation_fake', fake);
    state.statistics.add('Monitor/deviation_real', real);
    state.statistics.add('Monitor/deviation', ratio);
    const isLow = hasFallen(ratio, state.bestDeviation);
    if (isLow && !this.isLow) await this.log(collapseWarning(ratio, state.bestDeviation, this.options.reg));
    this.isLow = isLow;
    state.bestDeviation = bestOf(state.bestDeviation, ratio);
  }

  private progress(isTick: boolean): TrainProgress {
    const { state, options } = this;
    const { 'Timing/seconds': _, ...means } = state.statistics.means();
    const stats = options.aug === 'noaug' ? means : { ...means, 'Progress/augment': state.augment.p };
    const images = state.images - state.tickStart;
    const secPerKimg = images > 0 ? (state.statistics.sum('Timing/seconds') / images) * 1000 : 0;
    const progress: TrainProgress = {
      kimg: state.kimg,
      lod: state.lod,
      totalKimg: options.kimg,
      tick: state.tick,
      seconds: state.seconds,
      secPerKimg,
      secondsLeft: Math.max(0, options.kimg - state.kimg) * secPerKimg,
      memoryMB: process.memoryUsage.rss() / 2 ** 20,
      stats,
      isTick,
    };
    this.request.onProgress?.(progress);
    return progress;
  }

  private async checkpoint(): Promise<void> {
    this.checkFinite();
    await this.folder.writeCheckpoint(this.state.encode(this.context));
  }

  /** Weights may overflow before a loss does; such weights must not take the place of good ones. */
  private checkFinite(): void {
    const broken = this.state.firstNonFinite();
    if (broken !== null) throw divergence(broken, this.state, this.options);
  }

  private async stop(signal: AbortSignal): Promise<never> {
    await this.checkpoint();
    await this.log(`stopped at ${this.state.kimg} kimg; the same command resumes`);
    throw signal.reason;
  }

  private async finish(): Promise<TrainResult> {
    const network = await this.folder.writeNetwork(this.networkFile());
    const label = this.options.cond ? this.dataset.label(0) : null;
    return { kimg: this.state.kimg, outdir: this.folder.path, network, label };
  }

  /** The networks, with what the data set calls their labels. */
  private networkFile(): NetworkFile {
    const { labelNames } = this.dataset;
    return { ...this.state.networkFile(), ...(this.options.cond && labelNames && { labelNames }) };
  }

  private async writeFirstPictures(grid: SampleGrid): Promise<void> {
    const names = grid.classes?.map((which) => oneLine(this.dataset.labelNames?.[which] ?? String(which)));
    if (names) await this.log(`rows of the pictures, from the top: ${names.join(', ')}`);
    await this.folder.writeImages('reals', grid.reals(0), grid.columns);
    await this.folder.writeImages('fakes_init', await grid.draw(), grid.columns);
  }

  private randomLabel(): Float32Array {
    return this.dataset.label(this.state.streams.labels.integer(this.dataset.length));
  }

  private async log(line: string): Promise<void> {
    this.request.onLog?.(line);
    await this.folder.log(line);
  }
}
