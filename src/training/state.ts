// Everything that a training run knows: networks, averages, moments, counters and generator states.

import { z } from 'zod';
import { type NetworkFile, totalSize, viewsOf } from '../checkpoints/network-file.ts';
import { readSafetensors, writeSafetensors } from '../checkpoints/safetensors.ts';
import { FileError } from '../core/errors.ts';
import { Random } from '../core/random.ts';
import { floatTensor, type Tensor } from '../core/tensor.ts';
import type { BatchesSnapshot } from '../data/batches.ts';
import type { Model } from '../models/contract.ts';
import type { NetworkConfig } from '../models/registry.ts';
import { initialValue, type ParameterSpec } from '../nn/parameters.ts';
import type { Strength } from './ada.ts';
import { type AdamState, adamState } from './adam.ts';
import { trainable } from './phases.ts';
import { Statistics } from './statistics.ts';

const FORMAT = 'stylegan-checkpoint';
const VERSION = '3';

/** Parameters of one network as flat vectors, in the order of its specs. */
export interface NetworkState {
  readonly trained: readonly ParameterSpec[];
  readonly buffers: readonly ParameterSpec[];
  readonly parameters: Float32Array;
  readonly bufferData: Float32Array;
  readonly adam: AdamState;
}

/** Random streams of a run, by purpose. */
export interface Streams {
  readonly latents: Random;
  readonly noise: Random;
  readonly mixing: Random;
  readonly labels: Random;
  /** Points between real and generated images, for the gradient penalty. */
  readonly interpolation: Random;
  readonly augment: Random;
}
const STREAMS: readonly (keyof Streams)[] = [
  'latents',
  'noise',
  'mixing',
  'labels',
  'interpolation',
  'augment',
];

function initialNetwork(specs: readonly ParameterSpec[], random: Random, beta1: number): NetworkState {
  const trained = trainable(specs);
  const buffers = specs.filter((spec) => !spec.trainable);
  const parameters = new Float32Array(totalSize(trained));
  const bufferData = new Float32Array(totalSize(buffers));
  const views = new Map([...viewsOf(trained, parameters), ...viewsOf(buffers, bufferData)]);
  for (const spec of specs) views.get(spec.name)!.data.set(initialValue(spec, random));
  return { trained, buffers, parameters, bufferData, adam: adamState(parameters.length, beta1) };
}

export class TrainingState {
  readonly model: Model<NetworkConfig>;
  readonly G: NetworkState;
  readonly D: NetworkState;
  /** Moving average of G's parameters. Buffers are G's own: noise never changes, and w_avg is an average itself. */
  readonly average: Float32Array;
  /** Running mean of path lengths. */
  plMean = 0;
  /** Real images shown to D, from where the run's counting starts. */
  images: number;
  /** Steps taken. */
  batches = 0;
  /** Level of detail of the last step, or of the first one to come. */
  lod: number;
  /** Deviation across generated images, relative to the data's: the largest at any tick (see monitor.ts). */
  bestDeviation = 0;
  /** Ticks reported, and the number of images at the last one. */
  tick = 0;
  tickStart: number;
  /** Seconds of training, all sessions together. */
  seconds = 0;
  /** Strength of the augmentation, adaptive or constant. */
  augment: Strength;
  data: BatchesSnapshot | null = null;
  readonly streams: Streams;
  readonly statistics = new Statistics();

  /**
   * `beta1` of Adam decides whether it has first moments; `lod` is the level of detail at the start, `p` the strength of
   * the augmentation, `images` where counting starts.
   */
  constructor(model: Model<NetworkConfig>, seed: number, { beta1 = 0, lod = 0, p = 0, images = 0 } = {}) {
    this.model = model;
    this.lod = lod;
    this.images = images;
    this.tickStart = images;
    this.augment = { p, signs: 0, count: 0 };
    this.G = initialNetwork(model.generator, new Random(seed, 'init-G'), beta1);
    this.D = initialNetwork(model.discriminator, new Random(seed, 'init-D'), beta1);
    this.average = this.G.parameters.slice();
    const stream = (name: string) => new Random(seed, name);
    this.streams = {
      latents: stream('latents'),
      noise: stream('noise'),
      mixing: stream('mixing'),
      labels: stream('labels'),
      interpolation: stream('interpolation'),
      augment: stream('augment'),
    };
  }

  get kimg(): number {
    return this.images / 1000;
  }

  /** The networks for use. The arrays are views of the state. */
  networkFile(): NetworkFile {
    const { G, D } = this;
    const buffers = viewsOf(G.buffers, G.bufferData);
    return {
      config: this.model.config,
      kimg: this.kimg,
      lod: this.lod,
      augmentP: this.augment.p,
      G_ema: new Map([...viewsOf(G.trained, this.average), ...buffers]),
      G: new Map([...viewsOf(G.trained, G.parameters), ...buffers]),
      D: new Map([...viewsOf(D.trained, D.parameters), ...viewsOf(D.buffers, D.bufferData)]),
    };
  }

  /** The arrays that a checkpoint holds, by name. */
  private arrays(): Record<string, Float32Array> {
    return {
      'G.parameters': this.G.parameters,
      'G.buffers': this.G.bufferData,
      'G.adam.v': this.G.adam.v,
      'G_ema.parameters': this.average,
      'D.parameters': this.D.parameters,
      'D.buffers': this.D.bufferData,
      'D.adam.v': this.D.adam.v,
      ...(this.G.adam.m && { 'G.adam.m': this.G.adam.m }),
      ...(this.D.adam.m && { 'D.adam.m': this.D.adam.m }),
    };
  }

  /** The first of these arrays that holds NaN or an infinity, null when all is well. */
  firstNonFinite(): string | null {
    // x - x is 0 for every finite x, and NaN for the others.
    const allFinite = (data: Float32Array) => {
      let zero = 0;
      for (let i = 0; i < data.length; i++) zero += data[i] - data[i];
      return zero === 0;
    };
    return Object.entries(this.arrays()).find(([, data]) => !allFinite(data))?.[0] ?? null;
  }

  /** The checkpoint's bytes, in chunks. `context` is checked when it is read again. */
  encode(context: string): Uint8Array[] {
    const tensors = new Map<string, Tensor>();
    for (const [name, data] of Object.entries(this.arrays()))
      tensors.set(name, floatTensor(data, [data.length]));
    const counters: Counters = {
      images: this.images,
      batches: this.batches,
      tick: this.tick,
      tickStart: this.tickStart,
      seconds: this.seconds,
      plMean: this.plMean,
      lod: this.lod,
      bestDeviation: this.bestDeviation,
      augment: this.augment,
      stepsG: this.G.adam.steps,
      stepsD: this.D.adam.steps,
      data: this.data,
      streams: Object.fromEntries(STREAMS.map((name) => [name, this.streams[name].snapshot()])),
      statistics: this.statistics.snapshot(),
    };
    return writeSafetensors(tensors, {
      format: FORMAT,
      version: VERSION,
      context,
      counters: JSON.stringify(counters),
    });
  }

  /** Takes over a checkpoint of a run with the same networks and `context`. Throws {@link FileError}. */
  decode(bytes: Uint8Array, context: string, name: string): void {
    const { tensors, metadata } = readSafetensors(bytes, name);
    if (metadata.format !== FORMAT || metadata.version !== VERSION || metadata.context !== context) {
      throw new FileError(`${name}: got another kind of file or of run, expected the checkpoint of this one`);
    }
    const counters = parseCounters(metadata.counters, name);
    for (const [key, target] of Object.entries(this.arrays())) {
      const tensor = tensors.get(key);
      if (tensor?.data.length !== target.length || tensor.dtype !== 'float32') {
        throw new FileError(
          `${name}: ${key}: got ${tensor?.data.length ?? 'nothing'}, expected ${target.length} floats`,
        );
      }
      target.set(tensor.data as Float32Array);
    }
    this.images = counters.images;
    this.batches = counters.batches;
    this.tick = counters.tick;
    this.tickStart = counters.tickStart;
    this.seconds = counters.seconds;
    this.plMean = counters.plMean;
    this.lod = counters.lod;
    this.bestDeviation = counters.bestDeviation;
    this.augment = counters.augment;
    this.G.adam.steps = counters.stepsG;
    this.D.adam.steps = counters.stepsD;
    this.data = counters.data;
    for (const stream of STREAMS) this.streams[stream].restore(counters.streams[stream]);
    this.statistics.restore(counters.statistics);
  }
}

const count = z.number().int().min(0);
const countersSchema = z.object({
  images: count,
  batches: count,
  tick: count,
  tickStart: count,
  seconds: z.number(),
  plMean: z.number(),
  lod: z.number().min(0),
  bestDeviation: z.number(),
  augment: z.object({ p: z.number().min(0), signs: z.number(), count }),
  stepsG: count,
  stepsD: count,
  data: z.object({ epoch: count, position: count, epochLength: count }).nullable(),
  streams: z.record(
    z.string(),
    z.object({
      words: z.tuple([z.number(), z.number(), z.number(), z.number()]),
      pendingNormal: z.number().nullable(),
    }),
  ),
  statistics: z.array(z.tuple([z.string(), z.object({ sum: z.number(), count })])),
});
type Counters = z.infer<typeof countersSchema>;

function parseCounters(text: string | undefined, name: string): Counters {
  try {
    const counters = countersSchema.parse(JSON.parse(text ?? ''));
    if (STREAMS.every((stream) => stream in counters.streams)) return counters;
  } catch {
    // Falls through: not JSON, or not ours.
  }
  throw new FileError(`${name}: got unreadable counters, expected a checkpoint as stylegan train writes it`);
}
