// Gradients of all phases against central finite differences in float64: every generation, loss and penalty, while
// growing, with labels, spectral normalization and batch norm.

import { describe, expect, it } from 'vitest';
import { drawAugmentation } from '../../src/augment/draw.ts';
import { seededDraws } from '../../src/augment/draws.ts';
import { PIPELINES } from '../../src/augment/pipeline.ts';
import { Random } from '../../src/core/random.ts';
import { sizeOf } from '../../src/core/tensor.ts';
import { type Node, topologicalOrder } from '../../src/graph/node.ts';
import { evaluate } from '../../src/graph/reference.ts';
import { simplify } from '../../src/graph/simplify.ts';
import type { Model } from '../../src/models/contract.ts';
import { createModel } from '../../src/models/registry.ts';
import { configOf, type NetworkSettings } from '../../src/models/settings.ts';
import type { ParameterSpec } from '../../src/nn/parameters.ts';
import type { Stage } from '../../src/training/growth.ts';
import type { LossName } from '../../src/training/losses.ts';
import {
  augmentationInput,
  buildPhases,
  type PenaltyName,
  type Phase,
  type PhaseOptions,
  trainable,
} from '../../src/training/phases.ts';

const OPTIONS: PhaseOptions = {
  batch: 4,
  styleMixing: true,
  transforms: [],
  freezed: 0,
  loss: 'logistic',
  penalties: ['r1'],
  gamma: 10,
  gpWeight: 10,
  gpTarget: 1.5,
  drift: 0,
  plWeight: 2,
  plDecay: 0.01,
  plBatchShrink: 2,
  gRegInterval: 4,
  dRegInterval: 16,
};

const SETTINGS: NetworkSettings = {
  model: 'stylegan2',
  imgResolution: 8,
  imgChannels: 1,
  zDim: 3,
  cDim: 0,
  wDim: 4,
  cbase: 24,
  cmax: 4,
  mapDepth: 2,
  mbstdGroup: 2,
  generator: 'skip',
  discriminator: 'resnet',
  bilinear: true,
  styles: true,
  constInput: true,
  noise: true,
  spectralNorm: false,
};
const MODELS = ['gan', 'dcgan', 'progan', 'stylegan', 'stylegan2'] as const;

const WHOLE: Stage = { level: 0, fading: false };
const FADING: Stage = { level: 0, fading: true };
const isGrowing = (model: NetworkSettings['model']): boolean => model === 'progan' || model === 'stylegan';

/**
 * So small that no activation changes its side and that deviations of a few images, whose root bends sharply near zero,
 * are straight; so large that float64 still tells the losses apart.
 */
const STEP = 3e-7;

/** What a unit is for a parameter: its initial deviation; 0.5 for those that start at one value. */
const scaleOf = ({ init }: ParameterSpec): number => ('std' in init ? init.std : 0.5);

/** Values for every input that the nodes read: parameters around their start, data and latents normal. */
function draw(nodes: readonly Node[], model: Model): Record<string, Float64Array> {
  const random = new Random(11, 'values');
  const specs = new Map<string, ParameterSpec>([
    ...model.generator.map((spec) => [`G.${spec.name}`, spec] as const),
    ...model.discriminator.map((spec) => [`D.${spec.name}`, spec] as const),
  ]);
  const feeds: Record<string, Float64Array> = {};
  const inputs = topologicalOrder(nodes).flatMap(({ op }) => (op.kind === 'input' ? [op] : []));
  for (const { name, shape } of inputs.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const spec = specs.get(name);
    const scale = spec === undefined ? 1 : scaleOf(spec);
    const start = spec === undefined ? 0 : startOf(spec);
    feeds[name] = Float64Array.from({ length: sizeOf(shape) }, () => start + scale * random.normal());
    if (name === 'mix') feeds[name].fill(1).fill(0, 0, 1);
    if (name === 'c' || name === 'realC') feeds[name] = oneHot(shape[0], shape[1]);
    if (name === 'plMean' || name === 'fade') feeds[name][0] = 0.3;
    if (name === 'gpMix') feeds[name] = Float64Array.from(feeds[name], () => random.uniform());
  }
  return feeds;
}

function startOf({ init }: ParameterSpec): number {
  if ('value' in init) return init.value;
  return 'std' in init ? (init.mean ?? 0) : 0;
}

const oneHot = (rows: number, width: number): Float64Array =>
  Float64Array.from({ length: rows * width }, (_, i) =>
    i % width === Math.floor(i / width) % width ? 1 : 0,
  );

/** Values for the augmentations of a phase, strong ones. */
function drawTransforms({ augmented }: Phase, { transforms }: PhaseOptions): Record<string, Float64Array> {
  const draws = seededDraws(new Random(3, 'augment'));
  const feeds: Record<string, Float64Array> = {};
  for (const { shown, shape } of augmented) {
    for (const [name, data] of Object.entries(drawAugmentation(draws, transforms, 0.8, shape)))
      feeds[augmentationInput(shown, name)] = Float64Array.from(data);
  }
  return feeds;
}

/** A phase's loss from the statistics that it reports, each of which is a mean over the batch. */
function lossOf({ name, graph }: Phase, o: PhaseOptions): (values: Record<string, number>) => number {
  const lazy = name === 'Dreg' ? o.dRegInterval : 1;
  const weights: Record<string, number> = {
    'Loss/G/loss': 1,
    'Loss/D/loss': 1,
    'Loss/pl_penalty': o.plWeight * o.gRegInterval,
    'Loss/r1_penalty': (o.gamma / 2) * lazy,
    'Loss/r2_penalty': (o.gamma / 2) * lazy,
    'Loss/gp_penalty': o.gpWeight * lazy,
  };
  const terms = Object.entries(weights).filter(([key]) => key in graph.outputs);
  return (values) => terms.reduce((sum, [key, weight]) => sum + weight * values[key], 0);
}

/** Compares the phase's flat gradient with differences of its loss, all parameters together and single ones. */
function expectGradient(model: Model, phase: Phase, options: PhaseOptions, singles: number): void {
  const { name, network, graph, scalars } = phase;
  const specs = trainable(network === 'G' ? model.generator : model.discriminator);
  const nodes = scalars.map((key) => graph.outputs[key]);
  const feeds = { ...draw(Object.values(graph.outputs), model), ...drawTransforms(phase, options) };
  const total = lossOf(phase, options);
  const loss = (changed: Record<string, Float64Array>): number => {
    const values = evaluate(nodes, { ...feeds, ...changed });
    return total(Object.fromEntries(scalars.map((key, i) => [key, values[i][0]])));
  };
  const [gradient] = evaluate([simplify({ outputs: { grad: graph.outputs.grad } }).outputs.grad], feeds);
  expect(gradient.every(Number.isFinite)).toBe(true);
  const parts = partsOf(phase, specs, gradient);
  const size = Math.abs(loss({}));

  const random = new Random(5, name);
  const check = (chosen: readonly ParameterSpec[], title: string): void => {
    const [ahead, behind]: Record<string, Float64Array>[] = [{}, {}];
    let [expected, length] = [0, 0];
    for (const spec of chosen) {
      const key = `${network}.${spec.name}`;
      const part = parts.get(spec.name)!;
      const direction = part.map(() => scaleOf(spec) * random.normal());
      ahead[key] = feeds[key].map((x, i) => x + STEP * direction[i]);
      behind[key] = feeds[key].map((x, i) => x - STEP * direction[i]);
      part.forEach((g, i) => {
        expected += g * direction[i];
        length += (g * direction[i]) ** 2;
      });
    }
    const measured = (loss(ahead) - loss(behind)) / (2 * STEP);
    const tolerance = 1e-5 * Math.sqrt(length) + 1e-8 * (1 + size);
    expect(Math.abs(measured - expected), `${title}: ${expected}, measured ${measured}`).toBeLessThan(
      tolerance,
    );
  };
  const trained = specs.filter((spec) => parts.has(spec.name));
  check(trained, `${name}, all`);
  for (let i = 0; i < singles; i++) {
    const spec = trained[random.integer(trained.length)];
    check([spec], `${name}, ${spec.name}`);
  }
  // Biases may cancel, as in real - fake; weights never do.
  for (const [key, part] of parts)
    if (key.endsWith('weight')) expect(Math.hypot(...part), key).toBeGreaterThan(0);
}

/** The gradient of each parameter that the phase trains. Its ranges are whole parameters, and fill the vector. */
function partsOf(
  { trained }: Phase,
  specs: readonly ParameterSpec[],
  gradient: Float64Array,
): Map<string, Float64Array> {
  const parts = new Map<string, Float64Array>();
  let [start, offset] = [0, 0];
  for (const { name, shape } of specs) {
    const end = start + sizeOf(shape);
    if (trained.some((range) => range.start <= start && end <= range.end)) {
      parts.set(name, gradient.subarray(offset, offset + end - start));
      offset += end - start;
    }
    start = end;
  }
  expect(offset).toBe(gradient.length);
  expect(trained.reduce((sum, range) => sum + range.end - range.start, 0)).toBe(offset);
  return parts;
}

function expectGradients(
  settings: Partial<NetworkSettings>,
  changes: Partial<PhaseOptions>,
  stage: Stage,
  singles = 1,
): void {
  const model = createModel(configOf({ ...SETTINGS, ...settings }));
  const options = { ...OPTIONS, ...changes };
  for (const phase of buildPhases(model, options, stage)) expectGradient(model, phase, options, singles);
}

const ALL: readonly PenaltyName[] = ['r1', 'r2', 'gp'];
const EAGER = { dRegInterval: 1, gRegInterval: 1 } as const;

describe.each(MODELS)('%s', (model) => {
  const stages: [string, Stage][] = [['whole', WHOLE]];
  if (isGrowing(model)) stages.push(['fading in', FADING]);
  describe.each(stages)('%s', (_name, stage) => {
    it('has all penalties, lazily', () => expectGradients({ model }, { penalties: ALL }, stage, 2));
    it('has all penalties at every step, with labels', () => {
      expectGradients({ model, cDim: 2, imgChannels: 3 }, { penalties: ALL, ...EAGER }, stage);
    });
    it('has spectral normalization', () => {
      expectGradients({ model, cDim: 2, spectralNorm: true }, { penalties: ['gp'] }, stage);
    });
  });
});

describe('penalties one by one', () => {
  for (const model of ['progan', 'stylegan'] as const) {
    it.each(ALL)(`%s through a fade at a lower level of ${model}`, (penalty) => {
      const stage = { level: 1, fading: true };
      expectGradients({ model, imgResolution: 16 }, { penalties: [penalty], plWeight: 0 }, stage);
      const eager = { penalties: [penalty], plWeight: 0, ...EAGER };
      expectGradients({ model, imgResolution: 16 }, eager, { level: 1, fading: false });
    });
  }
});

describe.each<LossName>(['saturating', 'logistic', 'lsgan', 'hinge', 'wgan'])('%s', (loss) => {
  it.each(MODELS)('of %s, with drift', (model) => {
    const stage = isGrowing(model) ? FADING : WHOLE;
    const changes = { loss, drift: 0.3, plWeight: 0, penalties: [] };
    expectGradients({ model, cDim: 2 }, changes, stage, 1);
  });
});

describe('augmentation', () => {
  it.each(MODELS)('of %s', (model) => {
    const stage = isGrowing(model) ? FADING : WHOLE;
    const changes = { transforms: PIPELINES.bgcfnc, penalties: ALL, plWeight: 0 };
    expectGradients({ model, imgChannels: 3 }, changes, stage);
    expectGradients({ model, imgChannels: 1 }, { ...changes, ...EAGER }, stage);
  });
});

describe('StyleGAN by steps', () => {
  it.each([
    ['B', { styles: false, constInput: false, noise: false }],
    ['C', { constInput: false, noise: false }],
    ['D', { noise: false }],
    ['E', {}],
  ])('%s', (_name, settings) => {
    expectGradients({ model: 'stylegan', ...settings }, { penalties: ['gp'] }, FADING);
  });
});

describe('StyleGAN2', () => {
  it.each([
    ['resnet', 'orig', { imgChannels: 1, cDim: 2 }],
    ['orig', 'skip', { imgChannels: 4, cDim: 2 }],
    ['skip', 'resnet', { imgChannels: 3, cDim: 2, imgResolution: 4 }],
    ['orig', 'orig', { imgChannels: 1, imgResolution: 4 }],
  ] as const)('G %s, D %s, %o', (generator, discriminator, settings) => {
    expectGradients({ generator, discriminator, ...settings }, {}, WHOLE);
  });
});

describe('of a single pair of images', () => {
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
  const log = Math.log;
  /** D's loss of (fake, real) and G's of fake, as the papers write them. */
  const FORMULAS: Record<LossName, [D: (f: number, r: number) => number, G: (f: number) => number]> = {
    saturating: [(f, r) => -log(sigmoid(r)) - log(1 - sigmoid(f)), (f) => log(1 - sigmoid(f))],
    logistic: [(f, r) => -log(sigmoid(r)) - log(1 - sigmoid(f)), (f) => -log(sigmoid(f))],
    lsgan: [(f, r) => (r - 1) ** 2 / 2 + f ** 2 / 2, (f) => (f - 1) ** 2 / 2],
    hinge: [(f, r) => Math.max(0, 1 - r) + Math.max(0, 1 + f), (f) => -f],
    wgan: [(f, r) => f - r, (f) => -f],
  };

  it.each(Object.keys(FORMULAS) as LossName[])(
    '%s is its formula of the scores, and drift the real one’s',
    (loss) => {
      const model = createModel(configOf({ ...SETTINGS, model: 'gan' }));
      const options = { ...OPTIONS, batch: 1, loss, drift: 0.3, plWeight: 0, penalties: [] };
      const [gMain, dMain] = buildPhases(model, options);
      const valuesOf = ({ graph, scalars }: Phase): number[] =>
        evaluate(
          scalars.map((key) => graph.outputs[key]),
          draw(Object.values(graph.outputs), model),
        ).map(([value]) => value);
      const [d, g] = FORMULAS[loss];
      const [lossG, score, signG] = valuesOf(gMain);
      expect(lossG).toBeCloseTo(g(score), 12);
      const names = ['Loss/D/loss', 'Loss/scores/real', 'Loss/signs/real', 'Monitor/D_drift'];
      expect(dMain.scalars).toEqual(names);
      const [lossD, real, sign, middle] = valuesOf(dMain);
      expect(lossD).toBeCloseTo(d(2 * middle - real, real) + 0.3 * real ** 2, 12);
      // About the boundary: where logistic losses are ln 2, halfway between lsgan's labels, between the two for wgan.
      const boundary = { saturating: 0, logistic: 0, lsgan: 0.5, hinge: 0, wgan: middle };
      expect(sign).toBe(Math.sign(real - boundary[loss]));
      expect(signG).toBe(Math.sign(score - (loss === 'lsgan' ? 0.5 : 0)));
    },
  );
});
