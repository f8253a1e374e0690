// The four phases of a training step, each one graph: (parameters, batch, latents, noise) → (gradient, statistics).

import type { Shape } from '../core/tensor.ts';
import { gradients } from '../graph/autodiff.ts';
import { add, flatten, input, mean, mul, reshape, sign } from '../graph/build.ts';
import type { Graph, Node } from '../graph/node.ts';
import type { Model, NoiseSource } from '../models/contract.ts';
import { broadcastW, mixStyles, parameterInputs } from '../models/network-graph.ts';
import type { ParameterSpec, Parameters } from '../nn/parameters.ts';
import {
  discriminatorFakeLoss,
  discriminatorRealLoss,
  generatorLoss,
  pathLength,
  r1Penalty,
} from './losses.ts';

export type PhaseName = 'Gmain' | 'Gpl' | 'Dmain' | 'Dr1';
export const PHASE_NAMES: readonly PhaseName[] = ['Gmain', 'Gpl', 'Dmain', 'Dr1'];

/** What the graphs depend on beside the networks. */
export interface PhaseOptions {
  /** Images in one run: the batch, or a part of it when gradients are accumulated. */
  readonly batch: number;
  /** Whether a second latent takes over some of the layers. */
  readonly styleMixing: boolean;
  readonly r1Gamma: number;
  readonly plWeight: number;
  readonly plDecay: number;
  /** Share of the batch that path-length regularization uses: batch / plBatchShrink. */
  readonly plBatchShrink: number;
  /** Lazy regularization: the regularizers run every so many steps, multiplied by as much. */
  readonly gRegInterval: number;
  readonly dRegInterval: number;
}

/**
 * A phase as graph. Outputs: `grad`, one vector in the order of the trainable parameters; `w`, the mean of the w
 * that G used [wDim] (G's phases and Dmain); and the statistics named in `scalars`.
 */
export interface Phase {
  readonly name: PhaseName;
  readonly network: 'G' | 'D';
  readonly graph: Graph;
  /** Latents the phase draws: inputs z, z2 [count, zDim] and noise.* [count, 1, R, R]. */
  readonly latents: number;
  readonly scalars: readonly string[];
}

export const trainable = (specs: readonly ParameterSpec[]): ParameterSpec[] =>
  specs.filter((s) => s.trainable);

/** Name of a layer's noise input. */
export const noiseInput = (layer: string): string => `noise.${layer}`;

class PhaseBuilder {
  readonly model: Model;
  readonly options: PhaseOptions;
  readonly g: Parameters;
  readonly d: Parameters;

  constructor(model: Model, options: PhaseOptions) {
    this.model = model;
    this.options = options;
    this.g = parameterInputs(model.generator, 'G.');
    this.d = parameterInputs(model.discriminator, 'D.');
  }

  private labels(count: number): Node | null {
    const { cDim } = this.model.config;
    return cDim > 0 ? input('c', [count, cDim]) : null;
  }

  /** Images for latents z (and z2 mixed in), with fresh noise in every layer. */
  generate(count: number): { image: Node; ws: Node; c: Node | null; w: Node } {
    const { model, options } = this;
    const { zDim } = model.config;
    const c = this.labels(count);
    const w = model.mapping(this.g, input('z', [count, zDim]), c);
    const second = () => model.mapping(this.g, input('z2', [count, zDim]), c);
    const ws = options.styleMixing
      ? mixStyles(w, second(), input('mix', [model.config.numWs]), model.config.numWs)
      : broadcastW(w, model.config.numWs);
    const noise: NoiseSource = ({ name, resolution }) =>
      input(noiseInput(name), [count, 1, resolution, resolution]);
    const image = model.synthesis(this.g, ws, noise);
    return { image, ws, c, w: reshape(mean(w, [0]), [model.config.wDim]) };
  }

  logits(image: Node, c: Node | null): Node {
    return this.model.discriminate(this.d, image, c).logits;
  }

  realImages(): { image: Node; c: Node | null } {
    const { imgChannels, imgResolution: r, cDim } = this.model.config;
    const { batch } = this.options;
    const shape: Shape = [batch, imgChannels, r, r];
    return { image: input('real', shape), c: cDim > 0 ? input('realC', [batch, cDim]) : null };
  }

  gradient(loss: Node, network: 'G' | 'D'): Node {
    const specs = trainable(network === 'G' ? this.model.generator : this.model.discriminator);
    const p = network === 'G' ? this.g : this.d;
    return flatten(
      gradients(
        loss,
        specs.map(({ name }) => p(name)),
      ),
    );
  }

  phase(name: PhaseName, latents: number, loss: Node, outputs: Record<string, Node>, w?: Node): Phase {
    const network = name.startsWith('G') ? 'G' : 'D';
    const scalars = Object.fromEntries(
      Object.entries(outputs).map(([key, node]) => [key, reshape(mean(node), [1])]),
    );
    const graph = { outputs: { grad: this.gradient(loss, network), ...(w && { w }), ...scalars } };
    return { name, network, graph, latents, scalars: Object.keys(outputs) };
  }
}

/** G's loss: -log σ(D(G(z))). */
function gMain(build: PhaseBuilder): Phase {
  const { batch } = build.options;
  const { image, c, w } = build.generate(batch);
  const logits = build.logits(image, c);
  const loss = generatorLoss(logits);
  const stats = { 'Loss/G/loss': loss, 'Loss/scores/fake': logits, 'Loss/signs/fake': sign(logits) };
  return build.phase('Gmain', batch, mean(loss), stats, w);
}

/** G's path-length regularization. Also gives the new running mean. */
function gPl(build: PhaseBuilder): Phase {
  const { batch, plBatchShrink, plWeight, plDecay, gRegInterval } = build.options;
  const count = Math.max(1, Math.floor(batch / plBatchShrink));
  const { image, ws, w } = build.generate(count);
  const path = pathLength(image, ws, input('plNoise', image.shape), input('plMean', []), plDecay);
  const loss = mul(mean(path.penalty), plWeight * gRegInterval);
  const stats = { 'Loss/pl_mean': path.mean, 'Loss/pl_penalty': path.penalty };
  return build.phase('Gpl', count, loss, stats, w);
}

/** D's loss on generated and on real images. */
function dMain(build: PhaseBuilder): Phase {
  const { batch } = build.options;
  const fake = build.generate(batch);
  const real = build.realImages();
  const fakeLogits = build.logits(fake.image, fake.c);
  const realLogits = build.logits(real.image, real.c);
  const loss = add(discriminatorFakeLoss(fakeLogits), discriminatorRealLoss(realLogits));
  const stats = {
    'Loss/D/loss': loss,
    'Loss/scores/real': realLogits,
    'Loss/signs/real': sign(realLogits),
  };
  return build.phase('Dmain', batch, mean(loss), stats, fake.w);
}

/** D's R1 penalty on real images. */
function dR1(build: PhaseBuilder): Phase {
  const { r1Gamma, dRegInterval } = build.options;
  const { image, c } = build.realImages();
  const { penalty } = r1Penalty(build.logits(image, c), image);
  const loss = mul(mean(penalty), (r1Gamma / 2) * dRegInterval);
  return build.phase('Dr1', 0, loss, { 'Loss/r1_penalty': penalty });
}

/** The phases that these options ask for, in the order of a step. */
export function buildPhases(model: Model, options: PhaseOptions): Phase[] {
  const make = (build: (b: PhaseBuilder) => Phase) => build(new PhaseBuilder(model, options));
  const phases = [make(gMain)];
  if (options.plWeight > 0) phases.push(make(gPl));
  phases.push(make(dMain));
  if (options.r1Gamma > 0) phases.push(make(dR1));
  return phases;
}
