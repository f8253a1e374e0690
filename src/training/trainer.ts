// One training step: the phases that are due, each followed by its optimizer step, then the moving average.

import { viewsOf } from '../checkpoints/network-file.ts';
import { DivergenceError } from '../core/errors.ts';
import { sizeOf } from '../core/tensor.ts';
import type { Batch } from '../data/batches.ts';
import type { Engine, Session } from '../runtime/engine.ts';
import { adamStep, averageBeta, lazyRates, updateAverage } from './adam.ts';
import type { TrainingOptions } from './options.ts';
import { buildPhases, noiseInput, type Phase, type PhaseName, type PhaseOptions } from './phases.ts';
import type { NetworkState, TrainingState } from './state.ts';

/** Steps between two runs of a regularizer (StyleGAN2, appendix B). */
export const G_REG_INTERVAL = 4;
export const D_REG_INTERVAL = 16;
const PL_DECAY = 0.01;
const PL_BATCH_SHRINK = 2;
/** Share of the old average of w kept at each mapping. */
const W_AVG_BETA = 0.995;

export function phaseOptions(options: TrainingOptions): PhaseOptions {
  return {
    batch: options.batchGpu,
    styleMixing: options.styleMixing > 0,
    r1Gamma: options.gamma,
    plWeight: options.plWeight,
    plDecay: PL_DECAY,
    plBatchShrink: PL_BATCH_SHRINK,
    gRegInterval: G_REG_INTERVAL,
    dRegInterval: D_REG_INTERVAL,
  };
}

const INTERVALS: Record<PhaseName, number> = { Gmain: 1, Gpl: G_REG_INTERVAL, Dmain: 1, Dr1: D_REG_INTERVAL };

/** Steps between two runs of a phase. */
export const phaseInterval = (name: PhaseName): number => INTERVALS[name];

interface CompiledPhase {
  readonly phase: Phase;
  readonly session: Session;
}

export class Trainer {
  private readonly state: TrainingState;
  private readonly options: TrainingOptions;
  private readonly phases: readonly CompiledPhase[];
  private readonly parameters: Record<string, Float32Array>;
  private readonly randomLabel: () => Float32Array;
  private readonly buffers = new Map<string, Float32Array>();

  private constructor(
    state: TrainingState,
    options: TrainingOptions,
    phases: readonly CompiledPhase[],
    randomLabel: () => Float32Array,
  ) {
    this.state = state;
    this.options = options;
    this.phases = phases;
    this.randomLabel = randomLabel;
    this.parameters = { ...feedsOf('G.', state.G), ...feedsOf('D.', state.D) };
  }

  /** Compiles the phases. `randomLabel` gives the label of a random real image. */
  static async open(
    engine: Engine,
    state: TrainingState,
    options: TrainingOptions,
    randomLabel: () => Float32Array,
  ): Promise<Trainer> {
    const phases: CompiledPhase[] = [];
    for (const phase of buildPhases(state.model, phaseOptions(options))) {
      phases.push({ phase, session: await engine.compile(phase.graph) });
    }
    return new Trainer(state, options, phases, randomLabel);
  }

  /** Shows one batch of real images to D, and trains G as often. */
  async step(batch: Batch): Promise<void> {
    const { state, options } = this;
    for (const compiled of this.phases) {
      const { name } = compiled.phase;
      if (state.batches % INTERVALS[name] !== 0) continue;
      await this.runPhase(compiled, batch);
    }
    const beta = averageBeta(options.batch, state.images, options.emaKimg, options.emaRampup);
    updateAverage(state.average, state.G.parameters, beta);
    state.images += options.batch;
    state.batches++;
  }

  /** Gradients of the parts of the batch, averaged, then one step of the optimizer. */
  private async runPhase({ phase, session }: CompiledPhase, batch: Batch): Promise<void> {
    const { state, options } = this;
    const rounds = options.batch / options.batchGpu;
    let gradient: Float32Array | null = null;
    for (let round = 0; round < rounds; round++) {
      const feeds = { ...this.parameters, ...this.draw(phase, session), ...this.realPart(batch, round) };
      const results = await session.run(feeds);
      gradient = gradient === null ? results.grad : accumulate(gradient, results.grad);
      this.report(phase, results);
    }
    const network = phase.network === 'G' ? state.G : state.D;
    const lr = phase.network === 'G' ? options.glr : options.dlr;
    const norm = adamStep(
      network.parameters,
      gradient!,
      1 / rounds,
      network.adam,
      lazyRates(lr, this.lazy(phase)),
    );
    if (!Number.isFinite(norm)) throw divergence(`the gradient of ${phase.name}`, state, options);
    state.statistics.add(`Gradient/${phase.name}/norm`, Math.sqrt(norm));
  }

  /** Interval of the network's regularizer, which adjusts Adam's rates; null when it has none. */
  private lazy({ network }: Phase): number | null {
    const regularizer = network === 'G' ? 'Gpl' : 'Dr1';
    return this.phases.some(({ phase }) => phase.name === regularizer) ? INTERVALS[regularizer] : null;
  }

  private report(phase: Phase, results: Record<string, Float32Array>): void {
    const { state } = this;
    for (const name of phase.scalars) {
      const [value] = results[name];
      if (!Number.isFinite(value)) throw divergence(`${name} (${phase.name})`, state, this.options);
      state.statistics.add(name, value);
      if (name === 'Loss/pl_mean') state.plMean = value;
    }
    if (results.w) {
      const wAvg = viewsOf(state.G.buffers, state.G.bufferData).get('mapping.w_avg')!.data;
      for (let i = 0; i < wAvg.length; i++) wAvg[i] = results.w[i] + (wAvg[i] - results.w[i]) * W_AVG_BETA;
    }
  }

  private realPart(batch: Batch, round: number): Record<string, Float32Array> {
    const { batchGpu } = this.options;
    const part = (data: Float32Array) => {
      const width = data.length / this.options.batch;
      return data.subarray(round * batchGpu * width, (round + 1) * batchGpu * width);
    };
    return {
      real: part(batch.images),
      ...(this.state.model.config.cDim > 0 && { realC: part(batch.labels) }),
    };
  }

  /** Fills the phase's random inputs, each kind from its own stream. */
  private draw({ name, latents }: Phase, session: Session): Record<string, Float32Array> {
    const { streams, model, plMean } = this.state;
    const feeds: Record<string, Float32Array> = {};
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
    if ('plMean' in session.inputs) feeds.plMean = Float32Array.of(plMean);
    if ('c' in session.inputs) feeds.c = this.drawLabels(this.buffer(name, 'c', session), latents);
    return feeds;
  }

  private buffer(phase: PhaseName, input: string, session: Session): Float32Array {
    const key = `${phase} ${input}`;
    let data = this.buffers.get(key);
    if (data === undefined) {
      data = new Float32Array(sizeOf(session.inputs[input]));
      this.buffers.set(key, data);
    }
    return data;
  }

  /** With probability `styleMixing`, layers from a uniform crossover on take the second latent's style. */
  private drawMixing(mask: Float32Array): Float32Array {
    const { mixing } = this.state.streams;
    const crossover = 1 + mixing.integer(mask.length - 1);
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
  { gamma, glr, dlr }: TrainingOptions,
): DivergenceError {
  return new DivergenceError(
    `training diverged at ${state.kimg.toFixed(3)} kimg: ${what} is not finite; what was written before is kept: ` +
      `try a larger --gamma than ${gamma}, or smaller --glr than ${glr} and --dlr than ${dlr}, in a new --outdir`,
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
