// A small StyleGAN2 on WebGPU gives the CPU's image and the CPU's gradients of the generator's loss.

import { afterAll, describe, expect, test } from 'vitest';
import { decodeNetworkFile } from '../../src/checkpoints/network-file.ts';
import { latentsOf } from '../../src/generate/seeds.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { flatten, input, mean, reshape } from '../../src/graph/build.ts';
import type { Graph } from '../../src/graph/node.ts';
import { broadcastW, parameterInputs } from '../../src/models/network-graph.ts';
import { createModel } from '../../src/models/registry.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';
import type { Engine, Feeds } from '../../src/runtime/engine.ts';
import { LOSSES } from '../../src/training/losses.ts';
import { tinyNetwork } from '../generate/tiny-network.ts';
import { openWebgpu } from '../webgpu.ts';

const BATCH = 4;
/** Relative to the largest element. */
const TOLERANCE = 1e-3;

/** Image, loss and all gradients of Gmain, with the weights as inputs, as training has them. */
function gmain(): { graph: Graph; feeds: Feeds } {
  const { config, G_ema, D } = decodeNetworkFile(tinyNetwork(), 'tiny');
  const model = createModel(config);
  const [g, d] = [parameterInputs(model.generator, 'G.'), parameterInputs(model.discriminator, 'D.')];
  const ws = broadcastW(model.mapping(g, input('z', [BATCH, config.zDim]), null), model.config.numWs);
  const image = model.synthesis(g, ws, ({ name, resolution: r }) =>
    reshape(g(`${name}.noise_const`), [1, 1, r, r]),
  );
  const loss = mean(LOSSES.logistic.generator(model.discriminate(d, image, null).logits));
  const trainable = model.generator.filter((spec) => spec.trainable);
  const gradient = flatten(
    gradients(
      loss,
      trainable.map((spec) => g(spec.name)),
    ),
  );
  const feeds: Record<string, Float32Array> = { z: latentsOf([0, 1, 2, 3], config.zDim) };
  for (const [name, { data }] of G_ema) feeds[`G.${name}`] = data;
  for (const [name, { data }] of D!) feeds[`D.${name}`] = data;
  return { graph: { outputs: { image, loss, gradient } }, feeds };
}

async function run(engine: Engine): Promise<Record<string, Float32Array>> {
  const { graph, feeds } = gmain();
  return (await engine.compile(graph)).run(feeds);
}

function relativeError(actual: Float32Array, expected: Float32Array): number {
  expect(actual.length).toBe(expected.length);
  const largest = expected.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  expect(largest).toBeGreaterThan(1e-3);
  return actual.reduce((worst, x, i) => Math.max(worst, Math.abs(x - expected[i])), 0) / largest;
}

const { engine, reason } = await openWebgpu();

describe.skipIf(engine === null)(`StyleGAN2 on webgpu${reason}`, () => {
  afterAll(() => engine?.close());

  test('gives the image, loss and gradients of the CPU', async () => {
    const cpu = await openEngine({ device: 'cpu' });
    const expected = await run(cpu);
    await cpu.close();
    const actual = await run(engine!);
    for (const name of ['image', 'loss', 'gradient']) {
      expect(relativeError(actual[name], expected[name]), name).toBeLessThan(TOLERANCE);
    }
  });
});
