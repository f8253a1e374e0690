// The phases of a training step, each one graph: (parameters, batch, latents, noise) → (gradient, statistics).

import { augment } from '../augment/augment.ts';
import type { Transform } from '../augment/pipeline.ts';
import { type Shape, sizeOf } from '../core/tensor.ts';
import { gradients } from '../graph/autodiff.ts';
import { add, flatten, input, mean, mul, reshape, sign, sub } from '../graph/build.ts';
import { type Graph, type Node, topologicalOrder } from '../graph/node.ts';
import type { Lod, Model, NoiseSource, Scores } from '../models/contract.ts';
import { broadcastW, mixStyles, parameterInputs } from '../models/network-graph.ts';
import { type ParameterSpec, type Parameters, unobserved } from '../nn/parameters.ts';
import type { Range } from './adam.ts';
import { frozenParameters } from './freeze.ts';
import type { Stage } from './growth.ts';
import {
  BOUNDARIES,
  crossEntropy,
  driftPenalty,
  gradientPenalty,
  interpolate,
  LOSSES,
  type LossName,
  pathLength,
  r1Penalty,
} from './losses.ts';

export type PhaseName = 'Gmain' | 'Gpl' | 'Dmain' | 'Dreg';
export type NetworkName = 'G' | 'D';

/** Penalties of D by name: R1, R2, gradient penalty. */
export type PenaltyName = 'r1' | 'r2' | 'gp';

/** What the graphs depend on beside the networks. */
export interface PhaseOptions {
  /** Images in one run: the batch, or a part of it when gradients are accumulated. */
  readonly batch: number;
  /** Whether a second latent takes over some of the layers. */
  readonly styleMixing: boolean;
  /** What is done at random to every image, real or generated, before D sees it; none when empty. */
  readonly transforms: readonly Transform[];
  readonly loss: LossName;
  readonly penalties: readonly PenaltyName[];
  /** Weight γ of R1 and R2. */
  readonly gamma: number;
  /** Weight λ of the gradient penalty, and the norm it asks for. */
  readonly gpWeight: number;
  readonly gpTarget: number;
  /** Weight ε of the drift term. */
  readonly drift: number;
  readonly plWeight: number;
  readonly plDecay: number;
  /** Share of the batch that path-length regularization uses: batch / plBatchShrink. */
  readonly plBatchShrink: number;
  /** Lazy regularization: the regularizers run every so many steps, multiplied by as much. D's of 1 join its loss. */
  readonly gRegInterval: number;
  readonly dRegInterval: number;
  /** Layers of D, from the image inwards, that are not trained. */
  readonly freezed: number;
}

/** A buffer that a phase moves. The value it moves towards is the output `observed.<network>.<name>`. */
export interface Observation {
  readonly network: NetworkName;
  readonly name: string;
}

/** Images that D sees in a phase: real, generated, or between the two as the gradient penalty has them. */
export type Shown = 'real' | 'fake' | 'between';

/** A batch that is augmented: inputs `augment.<shown>.*` for images of this shape. */
export interface Augmented {
  readonly shown: Shown;
  readonly shape: Shape;
}

/**
 * A phase as graph. Outputs: `grad`, one vector in the order of the parameters in `trained`; values that buffers
 * follow (`observed`); and the statistics named in `scalars`.
 */
export interface Phase {
  readonly name: PhaseName;
  readonly network: NetworkName;
  readonly graph: Graph;
  /** Latents the phase draws: inputs z, z2 [count, zDim] and noise.* [count, 1, R, R]. */
  readonly latents: number;
  /** Images in one run. */
  readonly batch: number;
  readonly scalars: readonly string[];
  readonly observed: readonly Observation[];
  readonly augmented: readonly Augmented[];
  /** The trainable parameters that this stage of the networks has, in the flat vector. */
  readonly trained: readonly Range[];
}

export const trainable = (specs: readonly ParameterSpec[]): ParameterSpec[] =>
  specs.filter((s) => s.trainable);

/** Name of a layer's noise input. */
export const noiseInput = (layer: string): string => `noise.${layer}`;

/** Name of an input of the augmentations. */
export const augmentationInput = (shown: Shown, name: string): string => `augment.${shown}.${name}`;

export const observedOutput = ({ network, name }: Observation): string => `observed.${network}.${name}`;

/** Images with their labels and what D says of them. */
interface Judged {
  readonly image: Node;
  readonly c: Node | null;
  readonly scores: Scores;
}

interface Generated {
  readonly image: Node;
  readonly ws: Node;
  readonly c: Node | null;
}

class PhaseBuilder {
  readonly model: Model;
  readonly options: PhaseOptions;
  private readonly stage: Stage;
  private readonly lod: Lod;
  private readonly inputs: Record<NetworkName, Parameters>;
  private readonly augmented: Augmented[] = [];
  private readonly observations = new Map<string, { observation: Observation; values: Node[] }>();

  constructor(model: Model, options: PhaseOptions, stage: Stage) {
    this.model = model;
    this.options = options;
    this.stage = stage;
    this.lod = { level: stage.level, fade: stage.fading ? input('fade', []) : null };
    this.inputs = {
      G: parameterInputs(model.generator, 'G.'),
      D: parameterInputs(model.discriminator, 'D.'),
    };
  }

  /** Parameters whose observations become outputs of this phase. */
  private observing(network: NetworkName): Parameters {
    const p = this.inputs[network];
    const observe = (name: string, value: Node) => {
      const observation = { network, name };
      const key = observedOutput(observation);
      const known = this.observations.get(key) ?? { observation, values: [] };
      known.values.push(value);
      this.observations.set(key, known);
    };
    return Object.assign((name: string) => p(name), { observe });
  }

  private labels(name: string, count: number): Node | null {
    const { cDim } = this.model.config;
    return cDim > 0 ? input(name, [count, cDim]) : null;
  }

  /** Images for latents z (and z2 mixed in), with fresh noise in every layer. */
  generate(count: number): Generated {
    const { model, options } = this;
    const { zDim, numWs } = model.config;
    const p = this.observing('G');
    const c = this.labels('c', count);
    const w = model.mapping(p, input('z', [count, zDim]), c);
    const second = () => model.mapping(unobserved(p), input('z2', [count, zDim]), c);
    const ws =
      options.styleMixing && numWs > 1
        ? mixStyles(w, second(), input('mix', [numWs]), numWs)
        : broadcastW(w, numWs);
    const noise: NoiseSource = ({ name, resolution }) =>
      input(noiseInput(name), [count, 1, resolution, resolution]);
    return { image: model.synthesis(p, ws, noise, this.lod), ws, c };
  }

  realImages(): { image: Node; c: Node | null } {
    const { imgChannels, imgResolution } = this.model.config;
    const { batch } = this.options;
    const r = imgResolution / 2 ** this.stage.level;
    const shape: Shape = [batch, imgChannels, r, r];
    return { image: input('real', shape), c: this.labels('realC', batch) };
  }

  /** D sees augmented images; penalties and G differentiate through that. Its buffers follow in its main phase alone. */
  judge(shown: Shown, image: Node, c: Node | null, { observed = false } = {}): Judged {
    const p = observed ? this.observing('D') : unobserved(this.inputs.D);
    return { image, c, scores: this.model.discriminate(p, this.augment(shown, image), c, this.lod) };
  }

  private augment(shown: Shown, image: Node): Node {
    const { transforms } = this.options;
    if (transforms.length === 0) return image;
    this.augmented.push({ shown, shape: image.shape });
    return augment(image, transforms, (name, shape) => input(augmentationInput(shown, name), shape));
  }

  /** Gradient of the loss in the parameters that it depends on, which are those of the stage that are not frozen. */
  private gradient(loss: Node, network: NetworkName): { grad: Node; trained: Range[] } {
    const { model, inputs } = this;
    const reached = new Set(topologicalOrder([loss]));
    const frozen = network === 'D' ? frozenParameters(model.discriminator, this.options.freezed) : null;
    const nodes: Node[] = [];
    const trained: Range[] = [];
    let start = 0;
    for (const { name, shape } of trainable(network === 'G' ? model.generator : model.discriminator)) {
      const end = start + sizeOf(shape);
      const node = inputs[network](name);
      if (reached.has(node) && !frozen?.has(name)) {
        nodes.push(node);
        const last = trained.at(-1);
        if (last?.end === start) trained[trained.length - 1] = { start: last.start, end };
        else trained.push({ start, end });
      }
      start = end;
    }
    return { grad: flatten(gradients(loss, nodes)), trained };
  }

  phase(name: PhaseName, latents: number, loss: Node, outputs: Record<string, Node>): Phase {
    const network = name.startsWith('G') ? 'G' : 'D';
    const scalars = Object.fromEntries(
      Object.entries(outputs).map(([key, node]) => [key, reshape(mean(node), [1])]),
    );
    const observed = [...this.observations.values()];
    // D sees several batches in a phase, each with its own statistics: their mean.
    const values = observed.map(({ observation, values }) => [
      observedOutput(observation),
      mul(
        values.reduce((a, b) => add(a, b)),
        1 / values.length,
      ),
    ]);
    const { grad, trained } = this.gradient(loss, network);
    return {
      name,
      network,
      graph: { outputs: { grad, ...Object.fromEntries(values), ...scalars } },
      latents,
      batch: this.options.batch,
      scalars: Object.keys(outputs),
      observed: observed.map(({ observation }) => observation),
      augmented: this.augmented,
      trained,
    };
  }
}

/** Loss of an auxiliary classifier for each image [N, 1], where there is one; its weight is 1 as in ProGAN. */
const withClasses = (loss: Node, { scores, c }: Judged): Node =>
  scores.classes === null ? loss : add(loss, crossEntropy(scores.classes, c!));

/** G's loss. */
function gMain(build: PhaseBuilder): Phase {
  const { batch, loss: name } = build.options;
  const { image, c } = build.generate(batch);
  const fake = build.judge('fake', image, c);
  const { logits } = fake.scores;
  const loss = withClasses(LOSSES[name].generator(logits), fake);
  const signs = sign(sub(logits, BOUNDARIES[name] ?? 0));
  const stats = { 'Loss/G/loss': loss, 'Loss/scores/fake': logits, 'Loss/signs/fake': signs };
  return build.phase('Gmain', batch, mean(loss), stats);
}

/** G's path-length regularization. Also gives the new running mean. */
function gPl(build: PhaseBuilder): Phase {
  const { batch, plBatchShrink, plWeight, plDecay, gRegInterval } = build.options;
  const count = Math.max(1, Math.floor(batch / plBatchShrink));
  const { image, ws } = build.generate(count);
  const path = pathLength(image, ws, input('plNoise', image.shape), input('plMean', []), plDecay);
  const loss = mul(mean(path.penalty), plWeight * gRegInterval);
  const stats = { 'Loss/pl_mean': path.mean, 'Loss/pl_penalty': path.penalty };
  return build.phase('Gpl', count, loss, stats);
}

/** A sum of weighted means, and the statistics of its terms. */
interface Penalties {
  readonly loss: Node | null;
  readonly stats: Record<string, Node>;
}

/** D's penalties on real and generated images, built where they are needed. */
function penaltiesOf(build: PhaseBuilder, real: () => Judged, fake: () => Judged): Penalties {
  const { penalties, gamma, gpWeight, gpTarget, batch } = build.options;
  const terms: Record<PenaltyName, () => { penalty: Node; weight: number }> = {
    r1: () => ({ ...r1Penalty(real().scores.logits, real().image), weight: gamma / 2 }),
    r2: () => ({ ...r1Penalty(fake().scores.logits, fake().image), weight: gamma / 2 }),
    gp: () => {
      const image = interpolate(real().image, fake().image, input('gpMix', [batch, 1, 1, 1]));
      const { scores } = build.judge('between', image, real().c);
      return { ...gradientPenalty(scores.logits, image, gpTarget), weight: gpWeight };
    },
  };
  const stats: Record<string, Node> = {};
  let loss: Node | null = null;
  for (const name of penalties) {
    const { penalty, weight } = terms[name]();
    stats[`Loss/${name}_penalty`] = penalty;
    const term = mul(mean(penalty), weight);
    loss = loss === null ? term : add(loss, term);
  }
  return { loss, stats };
}

/** D's loss on generated and on real images, with its penalties when they are due at every step. */
function dMain(build: PhaseBuilder): Phase {
  const { batch, loss: name, drift, dRegInterval } = build.options;
  const generated = build.generate(batch);
  const reals = build.realImages();
  const fake = build.judge('fake', generated.image, generated.c, { observed: true });
  const real = build.judge('real', reals.image, reals.c, { observed: true });
  const [fakeLogits, realLogits] = [fake.scores.logits, real.scores.logits];
  let loss = add(
    withClasses(LOSSES[name].fake(fakeLogits), fake),
    withClasses(LOSSES[name].real(realLogits), real),
  );
  if (drift > 0) loss = add(loss, mul(driftPenalty(realLogits), drift));
  const eager: Penalties =
    dRegInterval === 1
      ? penaltiesOf(
          build,
          () => real,
          () => fake,
        )
      : { loss: null, stats: {} };
  // Where D's zero lies between the two: losses that see differences only let it wander.
  const middle = mul(add(fakeLogits, realLogits), 0.5);
  const stats = {
    'Loss/D/loss': loss,
    'Loss/scores/real': realLogits,
    'Loss/signs/real': sign(sub(realLogits, BOUNDARIES[name] ?? mean(middle))),
    'Monitor/D_drift': middle,
    ...eager.stats,
  };
  const total = eager.loss === null ? mean(loss) : add(mean(loss), eager.loss);
  return build.phase('Dmain', batch, total, stats);
}

/** D's penalties, lazily. */
function dReg(build: PhaseBuilder): Phase {
  const { batch, penalties, dRegInterval } = build.options;
  const needsFakes = penalties.some((name) => name !== 'r1');
  const generated = needsFakes ? build.generate(batch) : null;
  const reals = build.realImages();
  const once = (make: () => Judged) => {
    let judged: Judged | null = null;
    return () => {
      judged ??= make();
      return judged;
    };
  };
  const { loss, stats } = penaltiesOf(
    build,
    once(() => build.judge('real', reals.image, reals.c)),
    once(() => build.judge('fake', generated!.image, generated!.c)),
  );
  return build.phase('Dreg', needsFakes ? batch : 0, mul(loss!, dRegInterval), stats);
}

/** The phases that these options ask for, in the order of a step. */
export function buildPhases(model: Model, options: PhaseOptions, stage: Stage = WHOLE): Phase[] {
  return phaseBuilders(options).map((make) => make(model, stage));
}

const WHOLE: Stage = { level: 0, fading: false };

/** One function for each phase, for those who build them one at a time. */
export function phaseBuilders(options: PhaseOptions): ((model: Model, stage: Stage) => Phase)[] {
  const makers = [gMain];
  if (options.plWeight > 0) makers.push(gPl);
  makers.push(dMain);
  if (options.penalties.length > 0 && options.dRegInterval > 1) makers.push(dReg);
  return makers.map((make) => (model, stage) => make(new PhaseBuilder(model, options, stage)));
}
