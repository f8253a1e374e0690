// One training step: the phases that are due, each followed by its optimizer step, then the moving average.

import { drawAugmentation } from '../augment/draw.ts';
import { seededDraws } from '../augment/draws.ts';
import { PIPELINES } from '../augment/pipeline.ts';
import { viewsOf } from '../checkpoints/network-file.ts';
import { DivergenceError } from '../core/errors.ts';
import { sizeOf } from '../core/tensor.ts';
import type { Batch } from '../data/batches.ts';
import type { Engine, Session } from '../runtime/engine.ts';
import { ADA_INTERVAL, adapted, gathered } from './ada.ts';
import { type AdamRates, adamStep, averageBeta, lazyRates, resetAdam, updateAverage } from './adam.ts';
import { type CompiledPhase, CompiledStages } from './compiled-stages.ts';
import { imagesAtLod, lodAt, type Stage, stageAt } from './growth.ts';
import { growthOf, ratesAt, type TrainingOptions } from './options.ts';
import {
  augmentationInput,
  noiseInput,
  observedOutput,
  type Phase,
  type PhaseName,
  type PhaseOptions,
} from './phases.ts';
import type { NetworkState, TrainingState } from './state.ts';

const PL_DECAY = 0.01;
const PL_BATCH_SHRINK = 2;

export function phaseOptions(options: TrainingOptions, batch = options.batchGpu): PhaseOptions {
  const { loss, reg, gamma, gpWeight, gpTarget, drift, plWeight, gRegInterval, dRegInterval } = options;
  const weights = { r1: gamma, r2: gamma, gp: gpWeight };
  return {
    batch: Math.min(batch, options.batchGpu),
    styleMixing: options.styleMixing > 0,
    transforms: options.aug === 'noaug' ? [] : PIPELINES[options.augpipe],
    loss,
    penalties: (['r1', 'r2', 'gp'] as const).filter((name) => reg.includes(name) && weights[name] > 0),
    gamma,
    gpWeight,
    gpTarget,
    drift,
    plWeight,
    plDecay: PL_DECAY,
    plBatchShrink: PL_BATCH_SHRINK,
    gRegInterval,
    dRegInterval,
    freezed: options.freezed,
  };
}

/** Steps between two runs of a phase. */
export function phaseInterval(name: PhaseName, { gRegInterval, dRegInterval }: TrainingOptions): number {
  const intervals = { Gmain: 1, Gpl: gRegInterval, Dmain: 1, Dreg: dRegInterval };
  return intervals[name];
}

export class Trainer {
  private readonly state: TrainingState;
  private readonly options: TrainingOptions;
  private readonly stages: CompiledStages;
  private readonly parameters: Record<string, Float32Array>;
  private readonly randomLabel: () => Float32Array;
  private readonly buffers = new Map<string, Float32Array>();

  private constructor(
    state: TrainingState,
    options: TrainingOptions,
    stages: CompiledStages,
    randomLabel: () => Float32Array,
  ) {
    this.state = state;
    this.options = options;
    this.stages = stages;
    this.randomLabel = randomLabel;
    this.parameters = { ...feedsOf('G.', state.G), ...feedsOf('D.', state.D) };
  }

  /** Compiles the phases of the state's stage. `randomLabel` gives the label of a random real image. */
  static async open(
    engine: Engine,
    state: TrainingState,
    options: TrainingOptions,
    randomLabel: () => Float32Array,
  ): Promise<Trainer> {
    const { imgResolution } = state.model.config;
    const stages = new CompiledStages(engine, state.model, growthOf(options), ({ level }) =>
      phaseOptions(options, ratesAt(options, imgResolution / 2 ** level).batch),
    );
    const trainer = new Trainer(state, options, stages, randomLabel);
    await stages.at(trainer.stage);
    return trainer;
  }

  /** Level of detail of the next step. */
  get lod(): number {
    const { kimg, model } = this.state;
    return lodAt(kimg, growthOf(this.options), model.config.imgResolution);
  }

  get stage(): Stage {
    return stageAt(this.lod, growthOf(this.options), this.state.model.config.imgResolution);
  }

  private get rates(): { batch: number; glr: number; dlr: number } {
    return ratesAt(this.options, this.state.model.config.imgResolution / 2 ** this.stage.level);
  }

  /** Images that the next step takes. */
  get batch(): number {
    return this.rates.batch;
  }

  /** Shows one batch of real images [{@link batch}, C, R, R] to D, and trains G as often. */
  async step(batch: Batch): Promise<void> {
    const { state, options, lod, stage, rates } = this;
    this.enterLod(lod);
    const phases = await this.stages.at(stage);
    const images = imagesAtLod(batch.images, state.model.config.imgResolution, lod);
    for (const compiled of phases) {
      if (state.batches % phaseInterval(compiled.phase.name, options) !== 0) continue;
      await this.runPhase(compiled, { images, labels: batch.labels }, phases);
    }
    const beta = averageBeta(rates.batch, state.images, options.emaKimg, options.emaRampup);
    updateAverage(state.average, state.G.parameters, beta);
    state.images += rates.batch;
    state.batches++;
    if (options.aug === 'ada' && state.batches % ADA_INTERVAL === 0)
      state.augment = adapted(state.augment, options);
    await this.stages.prepareAfter(stage);
  }

  /** The optimizers forget whenever a resolution starts to fade in and when it has (ProGAN's published schedule). */
  private enterLod(lod: number): void {
    const { state } = this;
    const isNew = Math.floor(lod) !== Math.floor(state.lod) || Math.ceil(lod) !== Math.ceil(state.lod);
    if (isNew) for (const { adam } of [state.G, state.D]) resetAdam(adam);
    state.lod = lod;
  }

  /** Gradients of the parts of the batch, averaged, then one step of the optimizer. */
  private async runPhase(
    { phase, session }: CompiledPhase,
    batch: Batch,
    phases: readonly CompiledPhase[],
  ): Promise<void> {
    const { state, options } = this;
    const rounds = this.batch / phase.batch;
    let gradient: Float32Array | null = null;
    for (let round = 0; round < rounds; round++) {
      const feeds = {
        ...this.parameters,
        ...this.draw(phase, session),
        ...this.drawAugmentations(phase),
        ...this.realPart(batch, round, phase),
      };
      const results = await session.run(feeds);
      gradient = gradient === null ? results.grad : accumulate(gradient, results.grad);
      this.report(phase, results);
    }
    const network = state[phase.network];
    const rates = lazyRates(this.adamRates(phase), this.lazy(phase, phases));
    const norm = adamStep(network.parameters, gradient!, 1 / rounds, network.adam, rates, phase.trained);
    if (!Number.isFinite(norm)) throw divergence(`the gradient of ${phase.name}`, state, options);
    state.statistics.add(`Gradient/${phase.name}/norm`, Math.sqrt(norm));
  }

  private adamRates({ network }: Phase): AdamRates {
    const { beta1, beta2 } = this.options;
    const { glr, dlr } = this.rates;
    return { lr: network === 'G' ? glr : dlr, beta1, beta2, eps: 1e-8 };
  }

  /** Interval of the network's regularizer, which adjusts Adam's rates; null when it has none of its own. */
  private lazy({ network }: Phase, phases: readonly CompiledPhase[]): number | null {
    const regularizer = network === 'G' ? 'Gpl' : 'Dreg';
    return phases.some(({ phase }) => phase.name === regularizer)
      ? phaseInterval(regularizer, this.options)
      : null;
  }

  private report(phase: Phase, results: Record<string, Float32Array>): void {
    const { state } = this;
    for (const name of phase.scalars) {
      const [value] = results[name];
      if (!Number.isFinite(value)) throw divergence(`${name} (${phase.name})`, state, this.options);
      state.statistics.add(name, value);
      if (name === 'Loss/pl_mean') state.plMean = value;
      if (name === 'Loss/signs/real' && this.options.aug === 'ada')
        state.augment = gathered(state.augment, value, phase.batch);
    }
    for (const observation of phase.observed) {
      const network = state[observation.network];
      const { follow = 0 } = network.buffers.find(({ name }) => name === observation.name)!;
      // Vectors of spectral normalization, which replace the old ones, may be renewed as lazily as D's penalties.
      if (follow === 0 && state.batches % this.options.dRegInterval !== 0) continue;
      const { data } = viewsOf(network.buffers, network.bufferData).get(observation.name)!;
      const value = results[observedOutput(observation)];
      for (let i = 0; i < data.length; i++) data[i] = value[i] + (data[i] - value[i]) * follow;
    }
  }

  private realPart(batch: Batch, round: number, phase: Phase): Record<string, Float32Array> {
    const total = this.batch;
    const part = (data: Float32Array) => {
      const width = data.length / total;
      return data.subarray(round * phase.batch * width, (round + 1) * phase.batch * width);
    };
    return {
      real: part(batch.images),
      ...(this.state.model.config.cDim > 0 && { realC: part(batch.labels) }),
    };
  }

  /** Fills the phase's random inputs, each kind from its own stream. */
  private draw({ name, latents }: Phase, session: Session): Record<string, Float32Array> {
    const { streams, model, plMean, lod } = this.state;
    const feeds: Record<string, Float32Array> = {};
    if ('fade' in session.inputs) feeds.fade = Float32Array.of(lod - Math.floor(lod));
    if (latents === 0) return feeds;
    const normal = (input: string, random: 'latents' | 'noise') => {
      if (input in session.inputs)
        feeds[input] = streams[random].fillNormal(this.buffer(name, input, session));
    };
    normal('z', 'latents');
    normal('z2', 'latents');
    for (const layer of model.noiseLayers) normal(noiseInput(layer.name), 'noise');
    normal('plNoise', 'noise');
    if ('mix' in session.inputs) feeds.mix = this.drawMixing(this.buffer(name, 'mix', session));
    if ('gpMix' in session.inputs) {
      feeds.gpMix = this.buffer(name, 'gpMix', session).map(() => streams.interpolation.uniform());
    }
    if ('plMean' in session.inputs) feeds.plMean = Float32Array.of(plMean);
    if ('c' in session.inputs) feeds.c = this.drawLabels(this.buffer(name, 'c', session), latents);
    return feeds;
  }

  private drawAugmentations({ augmented }: Phase): Record<string, Float32Array> {
    const { streams, augment } = this.state;
    const transforms = PIPELINES[this.options.augpipe];
    const draws = seededDraws(streams.augment);
    const feeds: Record<string, Float32Array> = {};
    for (const { shown, shape } of augmented) {
      const drawn = drawAugmentation(draws, transforms, augment.p, shape);
      for (const [name, data] of Object.entries(drawn)) feeds[augmentationInput(shown, name)] = data;
    }
    return feeds;
  }

  private buffer(phase: PhaseName, input: string, session: Session): Float32Array {
    const key = `${phase} ${input} ${session.inputs[input]}`;
    let data = this.buffers.get(key);
    if (data === undefined) {
      data = new Float32Array(sizeOf(session.inputs[input]));
      this.buffers.set(key, data);
    }
    return data;
  }

  /**
   * With probability `styleMixing`, layers from a uniform crossover on take the second latent's style. The crossover
   * lies within the layers that the level of detail has, two for each resolution.
   */
  private drawMixing(mask: Float32Array): Float32Array {
    const { mixing } = this.state.streams;
    const layers = mask.length - 2 * Math.floor(this.state.lod);
    const crossover = 1 + mixing.integer(layers - 1);
    const start = mixing.uniform() < this.options.styleMixing ? crossover : mask.length;
    for (let layer = 0; layer < mask.length; layer++) mask[layer] = layer >= start ? 1 : 0;
    return mask;
  }

  private drawLabels(out: Float32Array, rows: number): Float32Array {
    const width = out.length / rows;
    for (let row = 0; row < rows; row++) out.set(this.randomLabel(), row * width);
    return out;
  }
}

/** The error that ends a run in which `what` is NaN or infinite. */
export function divergence(
  what: string,
  state: TrainingState,
  { reg, gamma, glr, dlr }: TrainingOptions,
): DivergenceError {
  const advice = reg.includes('r1') || reg.includes('r2') ? `a larger --gamma than ${gamma}` : '--reg r1';
  return new DivergenceError(
    `training diverged at ${state.kimg.toFixed(3)} kimg: ${what} is not finite; what was written before is kept: ` +
      `try ${advice}, or smaller --glr than ${glr} and --dlr than ${dlr}, in a new --outdir`,
  );
}

function feedsOf(prefix: string, network: NetworkState): Record<string, Float32Array> {
  const views = [
    ...viewsOf(network.trained, network.parameters),
    ...viewsOf(network.buffers, network.bufferData),
  ];
  return Object.fromEntries(views.map(([name, { data }]) => [`${prefix}${name}`, data]));
}

function accumulate(total: Float32Array, part: Float32Array): Float32Array {
  for (let i = 0; i < total.length; i++) total[i] += part[i];
  return total;
}
