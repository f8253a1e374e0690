// Checks that hold for every generation: gradients of training, agreement of engine and reference, and use of a file.

import { expect } from 'vitest';
import { decodeNetworkFile } from '../../src/checkpoints/network-file.ts';
import { OptionError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { sizeOf } from '../../src/core/tensor.ts';
import { openNetwork } from '../../src/generate/open-network.ts';
import { latentsOf } from '../../src/generate/seeds.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { add, flatten, input, mean, mul } from '../../src/graph/build.ts';
import { type Node, topologicalOrder } from '../../src/graph/node.ts';
import { evaluate } from '../../src/graph/reference.ts';
import { verify } from '../../src/graph/verify.ts';
import type { Model } from '../../src/models/contract.ts';
import { broadcastW, parameterInputs } from '../../src/models/network-graph.ts';
import { createModel, type NetworkConfig } from '../../src/models/registry.ts';
import { type ParameterSpec, type Parameters, unobserved } from '../../src/nn/parameters.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';
import { gradientPenalty, interpolate, LOSSES } from '../../src/training/losses.ts';
import { untrainedNetwork } from '../generate/tiny-network.ts';
import { expectGradients } from '../graph/finite-difference.ts';

const BATCH = 3;

/** A model's graphs over inputs z, c and the parameters `G.…` and `D.…`. */
export interface Built {
  readonly model: Model;
  readonly g: Parameters;
  readonly d: Parameters;
  readonly c: Node | null;
  readonly image: Node;
  readonly logits: Node;
  /** What the layers observe, under the names of the buffers. Empty in use. */
  readonly observed: Map<string, Node>;
}

export function build(config: NetworkConfig, mode: 'training' | 'use', batch = BATCH): Built {
  const model = createModel(config);
  const { zDim, cDim, numWs } = config;
  const observed = new Map<string, Node>();
  const parameters = (specs: readonly ParameterSpec[], prefix: string): Parameters => {
    const lookUp = parameterInputs(specs, prefix);
    if (mode === 'use') return lookUp;
    return Object.assign((name: string) => lookUp(name), {
      observe: (name: string, value: Node) => observed.set(prefix + name, value),
    });
  };
  const [g, d] = [parameters(model.generator, 'G.'), parameters(model.discriminator, 'D.')];
  const c = cDim > 0 ? input('c', [batch, cDim]) : null;
  const ws = broadcastW(model.mapping(g, input('z', [batch, zDim]), c), numWs);
  const image = model.synthesis(g, ws, () => null);
  const { logits } = model.discriminate(d, image, c);
  verify({ outputs: { image, logits } });
  return { model, g, d, c, image, logits, observed };
}

/** Normal values for every input, variances that are positive. Numbers that float32 has. */
export function draw(nodes: readonly Node[]): Record<string, Float64Array> {
  const random = new Random(6, 'values');
  const feeds: Record<string, Float64Array> = {};
  for (const { op } of topologicalOrder(nodes)) {
    if (op.kind !== 'input') continue;
    const values = random.fillNormal(new Float32Array(sizeOf(op.shape)));
    const isWeight = op.shape.length > 1 && op.name.endsWith('weight');
    const scale = isWeight ? 1 / Math.sqrt(sizeOf(op.shape) / op.shape[0]) : 1;
    feeds[op.name] = Float64Array.from(values, (x) =>
      Math.fround(op.name.endsWith('running_var') ? 0.5 + Math.abs(x) : scale * x),
    );
  }
  return feeds;
}

/** G's loss, and D's with a gradient penalty, which differentiates twice. Each network observes in its own step only. */
export function trainingLosses({ model, g, d, c, logits }: Built): { G: Node; D: Node } {
  const { imgChannels, imgResolution: r, zDim, numWs } = model.config;
  const real = input('real', [BATCH, imgChannels, r, r]);
  const ws = broadcastW(model.mapping(unobserved(g), input('z', [BATCH, zDim]), c), numWs);
  const fake = model.synthesis(unobserved(g), ws, () => null);
  const judge = (image: Node) => model.discriminate(d, image, c).logits;
  const between = interpolate(real, fake, input('t', [BATCH, 1, 1, 1]));
  const { penalty } = gradientPenalty(judge(between), between, 1);
  const { logistic } = LOSSES;
  const adversarial = add(mean(logistic.fake(judge(fake))), mean(logistic.real(judge(real))));
  return { G: mean(logistic.generator(logits)), D: add(adversarial, mul(mean(penalty), 10)) };
}

const trainable = (specs: readonly ParameterSpec[], p: Parameters): Node[] =>
  specs.filter((spec) => spec.trainable).map(({ name }) => p(name));

/** Every parameter has a gradient, which finite differences in float64 confirm. */
export function expectTrainingGradients(config: NetworkConfig): void {
  const built = build(config, 'training');
  const losses = trainingLosses(built);
  const feeds = draw(Object.values(losses));
  for (const [loss, specs, p] of [
    [losses.G, built.model.generator, built.g],
    [losses.D, built.model.discriminator, built.d],
  ] as const) {
    for (const length of expectGradients(loss, trainable(specs, p), feeds)) expect(length).toBeGreaterThan(0);
  }
}

/** Images, logits, observations and training gradients of the engine, to 1e-4 of the largest element. */
export async function expectEngineAgrees(config: NetworkConfig): Promise<void> {
  const built = build(config, 'training');
  const losses = trainingLosses(built);
  const used = build(config, 'use');
  const outputs: Record<string, Node> = {
    image: used.image,
    logits: used.logits,
    'image in training': built.image,
    gradG: flatten(gradients(losses.G, trainable(built.model.generator, built.g))),
    gradD: flatten(gradients(losses.D, trainable(built.model.discriminator, built.d))),
    ...Object.fromEntries([...built.observed].map(([name, node]) => [`observed ${name}`, node])),
  };
  const names = Object.keys(outputs);
  const feeds = draw(Object.values(outputs));
  const expected = evaluate(Object.values(outputs), feeds);
  const engine = await openEngine({ device: 'cpu', threads: 1 });
  const session = await engine.compile({ outputs });
  const results = await session.run(
    Object.fromEntries(Object.entries(feeds).map(([name, data]) => [name, Float32Array.from(data)])),
  );
  names.forEach((name, i) => {
    const largest = expected[i].reduce((max, x) => Math.max(max, Math.abs(x)), 0);
    expect(largest, name).toBeGreaterThan(0);
    const error = expected[i].reduce((max, x, k) => Math.max(max, Math.abs(x - results[name][k])), 0);
    expect(error / largest, name).toBeLessThan(1e-4);
  });
  await engine.close();
}

/** A file of a network without a W: images in [-1, 1], the same alone and in a batch; no truncation; logits. */
export async function expectUseWithoutW(config: NetworkConfig): Promise<void> {
  const { zDim, cDim, wDim, imgChannels, imgResolution: r } = config;
  const engine = await openEngine({ device: 'cpu', threads: 1 });
  const network = openNetwork(decodeNetworkFile(untrainedNetwork(config), 'file'), engine);
  const z = latentsOf([0, 1, 2], zDim);
  const c = cDim > 0 ? Float32Array.from({ length: 3 * cDim }, (_, i) => (i % cDim === 0 ? 1 : 0)) : null;
  expect((await network.mapping(z, c)).shape).toEqual([3, 1, wDim]);
  const images = await network.generate(z, c);
  expect(images.shape).toEqual([3, imgChannels, r, r]);
  expect(images.data.every((x) => x >= -1 && x <= 1)).toBe(true);
  const size = images.data.length / 3;
  const alone = await network.generate(z.slice(zDim, 2 * zDim), c?.slice(cDim, 2 * cDim) ?? null);
  alone.data.forEach((x, i) => {
    expect(x).toBeCloseTo(images.data[size + i], 5);
  });
  expect(alone.data).not.toEqual(images.data.subarray(0, size));
  const { data, shape } = await network.discriminate(images, c);
  expect(shape).toEqual([3, 1]);
  expect(data.every(Number.isFinite)).toBe(true);
  await expect(network.generate(z, c, { psi: 0.7 })).rejects.toThrow(OptionError);
  await expect(network.generate(z, c, { psi: 0.7 })).rejects.toThrow(
    `got psi 0.7, expected 1: a ${config.model} has no intermediate latent w to truncate`,
  );
  await network.close();
}
