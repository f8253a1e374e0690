// Gradients of the four training losses against central finite differences, in float64, for all architectures.

import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { sizeOf } from '../../src/core/tensor.ts';
import { type Node, topologicalOrder } from '../../src/graph/node.ts';
import { evaluate } from '../../src/graph/reference.ts';
import { simplify } from '../../src/graph/simplify.ts';
import { createModel } from '../../src/models/registry.ts';
import { type StyleGAN2Config, stylegan2NumWs } from '../../src/models/stylegan2-config.ts';
import { buildPhases, type Phase, type PhaseOptions, trainable } from '../../src/training/phases.ts';

type Architecture = StyleGAN2Config['architecture'];

const OPTIONS: PhaseOptions = {
  batch: 4,
  styleMixing: true,
  r1Gamma: 10,
  plWeight: 2,
  plDecay: 0.01,
  plBatchShrink: 2,
  gRegInterval: 4,
  dRegInterval: 16,
};
/** Each phase's loss, as a multiple of the mean that it reports. */
const LOSSES: Record<Phase['name'], [scalar: string, weight: number]> = {
  Gmain: ['Loss/G/loss', 1],
  Gpl: ['Loss/pl_penalty', 2 * 4],
  Dmain: ['Loss/D/loss', 1],
  Dr1: ['Loss/r1_penalty', (10 / 2) * 16],
};

/** So small that no activation changes its side, so large that float64 still tells the losses apart. */
const STEP = 1e-6;
const TENSORS = 4;

function configOf(
  g: Architecture,
  d: Architecture,
  shape: { resolution: number; channels: 1 | 3 | 4; labels: number },
): StyleGAN2Config {
  const widths = { channelBase: 24, channelMax: 4 };
  return {
    model: 'stylegan2',
    zDim: 3,
    cDim: shape.labels,
    wDim: 4,
    numWs: stylegan2NumWs(shape.resolution),
    imgResolution: shape.resolution,
    imgChannels: shape.channels,
    ...widths,
    mappingLayers: 2,
    architecture: g,
    discriminator: { architecture: d, mbstdGroup: 2, ...widths, mappingLayers: 2 },
  };
}

/** Normal values for every input that the nodes read; weights of the mapping at their own, larger scale. */
function draw(nodes: readonly Node[]): Record<string, Float64Array> {
  const random = new Random(11, 'values');
  const feeds: Record<string, Float64Array> = {};
  const inputs = topologicalOrder(nodes).flatMap(({ op }) => (op.kind === 'input' ? [op] : []));
  for (const { name, shape } of inputs.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const scale = /mapping\.fc\d+\./.test(name) ? 100 : 1;
    feeds[name] = Float64Array.from({ length: sizeOf(shape) }, () => scale * random.normal());
    if (name === 'mix') feeds[name].fill(1).fill(0, 0, 1);
    if (name === 'c' || name === 'realC') feeds[name] = oneHot(shape[0], shape[1]);
    if (name === 'plMean') feeds[name][0] = 0.3;
  }
  return feeds;
}

const oneHot = (rows: number, width: number): Float64Array =>
  Float64Array.from({ length: rows * width }, (_, i) =>
    i % width === Math.floor(i / width) % width ? 1 : 0,
  );

/** Compares the phase's flat gradient with differences of its loss along random directions. */
function expectGradient(config: StyleGAN2Config, { name, network, graph }: Phase): void {
  const model = createModel(config);
  const specs = trainable(network === 'G' ? model.generator : model.discriminator);
  const [scalar, weight] = LOSSES[name];
  const lossNode = graph.outputs[scalar];
  const feeds = draw(Object.values(graph.outputs));
  const loss = (changed: Record<string, Float64Array>) =>
    weight * evaluate([lossNode], { ...feeds, ...changed })[0][0];
  const [gradient] = evaluate([simplify({ outputs: { grad: graph.outputs.grad } }).outputs.grad], feeds);
  expect(gradient.every(Number.isFinite)).toBe(true);

  const random = new Random(5, name);
  /** Along a random direction in the elements of some tensors. */
  const check = (chosen: ReadonlySet<string>, title: string): void => {
    const [ahead, behind]: Record<string, Float64Array>[] = [{}, {}];
    let [offset, expected, length] = [0, 0, 0];
    for (const spec of specs) {
      const size = sizeOf(spec.shape);
      const key = `${network}.${spec.name}`;
      // Parameters that this loss does not read at all have no gradient, checked below.
      if (chosen.has(spec.name) && key in feeds) {
        const scale = /mapping\.fc\d+\./.test(spec.name) ? 100 : 1;
        const direction = Float64Array.from({ length: size }, () => scale * random.normal());
        ahead[key] = feeds[key].map((x, i) => x + STEP * direction[i]);
        behind[key] = feeds[key].map((x, i) => x - STEP * direction[i]);
        for (let i = 0; i < size; i++) {
          expected += gradient[offset + i] * direction[i];
          length += (gradient[offset + i] * direction[i]) ** 2;
        }
      }
      offset += size;
    }
    expect(offset).toBe(gradient.length);
    const measured = (loss(ahead) - loss(behind)) / (2 * STEP);
    const tolerance = 1e-5 * Math.sqrt(length) + 1e-8 * (1 + Math.abs(loss({})));
    expect(Math.abs(measured - expected), `${title}: ${expected}, measured ${measured}`).toBeLessThan(
      tolerance,
    );
  };
  check(new Set(specs.map((spec) => spec.name)), `${name}, all`);
  for (let i = 0; i < TENSORS; i++) {
    const spec = specs[random.integer(specs.length)];
    check(new Set([spec.name]), `${name}, ${spec.name}`);
  }
  let offset = 0;
  for (const spec of specs) {
    const part = gradient.subarray(offset, offset + sizeOf(spec.shape));
    offset += part.length;
    if (!(`${network}.${spec.name}` in feeds))
      expect(
        part.every((g) => g === 0),
        spec.name,
      ).toBe(true);
  }
}

const shape = (resolution: number, channels: 1 | 3 | 4, labels: number) => ({ resolution, channels, labels });

describe.each([
  ['skip', 'resnet', shape(8, 3, 0)],
  ['resnet', 'orig', shape(8, 1, 2)],
  ['orig', 'skip', shape(8, 4, 2)],
  ['skip', 'resnet', shape(4, 3, 2)],
  ['orig', 'orig', shape(4, 1, 0)],
] as const)('G %s, D %s, %o', (g, d, size) => {
  const config = configOf(g, d, size);
  const phases = buildPhases(createModel(config), OPTIONS);
  it.each(phases.map((phase) => [phase.name, phase] as const))('%s', (_name, phase) => {
    expectGradient(config, phase);
  });
});
