// ProGAN and StyleGAN against the published implementations' numbers, to 1e-4, for each CPU lowering.

import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { Deviation } from '../../scripts/parity/check.ts';
import { checkGrowing } from '../../scripts/parity/growing.ts';
import { readSafetensors, type SafetensorsFile } from '../../src/checkpoints/safetensors.ts';
import { tensorflowConfig } from '../../src/checkpoints/tensorflow-config.ts';
import { fromTensorFlow } from '../../src/checkpoints/tensorflow-tensors.ts';
import { type FloatTensor, floatTensor } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { add, constant, fill, mean, mul, neg, reshape, softplus, transpose } from '../../src/graph/build.ts';
import type { Node } from '../../src/graph/node.ts';
import { evaluate } from '../../src/graph/reference.ts';
import { FULL_DETAIL, type Lod, type NoiseSource } from '../../src/models/contract.ts';
import { broadcastW, parameterConstants } from '../../src/models/network-graph.ts';
import { createModel } from '../../src/models/registry.ts';
import { downsampleBox } from '../../src/nn/resample.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';
import { OrtEngine } from '../../src/runtime/ort-engine.ts';
import { r1Penalty } from '../../src/training/losses.ts';

const engines = {
  'this CPU': () => openEngine(),
  'CPUs without blocked kernels': async () =>
    new OrtEngine(ort, {
      device: 'cpu',
      target: { provider: 'cpu', block: 0 },
      sessionOptions: { executionProviders: ['cpu'], logSeverityLevel: 3 },
    }),
};

/** How many tensors each file pins down: a check that compares fewer has lost something. */
const FILES = [
  ['stylegan1-32', 12],
  ['progan-32', 10],
] as const;

function read(name: string): SafetensorsFile {
  return readSafetensors(readFileSync(new URL(`../fixtures/${name}.safetensors`, import.meta.url)), name);
}

async function deviationsOf(
  file: SafetensorsFile,
  engine: keyof typeof engines = 'this CPU',
): Promise<Deviation[]> {
  const deviations: Deviation[] = [];
  for await (const deviation of checkGrowing(file, engines[engine])) deviations.push(deviation);
  return deviations;
}

const failing = (deviations: readonly Deviation[]) =>
  deviations.filter(({ error, limit }) => !(error <= limit)).map(({ name }) => name);

describe.each(['this CPU', 'CPUs without blocked kernels'] as const)('on %s', (engine) => {
  it.each(FILES)('%s has the published values', async (name, tensors) => {
    const deviations = await deviationsOf(read(name), engine);
    expect(failing(deviations)).toEqual([]);
    expect(deviations).toHaveLength(tensors);
  });
});

it.each([
  ['stylegan1-32', 'out.logits_lod1.5'],
  ['stylegan1-32', 'out.img_psi0.7_cutoff4'],
  ['progan-32', 'out.img_lod0.25'],
])('of %s, notices one wrong element of %s', async (file, name) => {
  const changed = read(file);
  const data = changed.tensors.get(name)!.data as Float32Array;
  data[3] += 2e-3 * Math.max(...data.map(Math.abs));
  expect(failing(await deviationsOf(changed))).toContain(name);
});

it.each<[string, RegExp]>([
  ['out.features', /out\.features/],
  ['out.img_lod4', /lod 4, expected a number from 0 to 3/],
  ['grad.Gmain.4x4/Dense/weight', /expected the gradient of a parameter of this generator/],
  ['G.16x16/Conv2/weight', /16x16\/Conv2\/weight, expected none/],
])('refuses %s', async (name, message) => {
  const file = read('stylegan1-32');
  file.tensors.set(name, file.tensors.get('out.w')!);
  await expect(deviationsOf(file)).rejects.toThrow(message);
});

it('computes gradients of the logistic losses, under the published names and in their layout', async () => {
  const file = read('stylegan1-32');
  const real = file.tensors.get('out.img_lod1') as FloatTensor;
  file.tensors.set('in.real', real);
  const part = (prefix: string) =>
    new Map([...file.tensors].filter(([n]) => n.startsWith(prefix)).map(([n, t]) => [n.slice(2), t]));
  const args = { model: 'stylegan', fusedScale: 'auto', mbstdGroup: 4 } as const;
  const model = createModel(tensorflowConfig(part('G.'), part('D.'), args, 'file'));
  const [g, d] = (['generator', 'discriminator'] as const).map((network) =>
    parameterConstants(fromTensorFlow(part(network === 'generator' ? 'G.' : 'D.'), model, network, 'file')),
  );
  const { data, shape } = file.tensors.get('in.z') as FloatTensor;
  const fake = (lod: Lod): Node => {
    const ws = broadcastW(model.mapping(g, constant(data, shape), null), model.config.numWs);
    const noise: NoiseSource = ({ name, resolution: r }) => reshape(g(`${name}.noise_const`), [1, 1, r, r]);
    return model.discriminate(d, model.synthesis(g, ws, noise, lod), null, lod).logits;
  };
  const images = constant(real.data, real.shape);
  const logits = model.discriminate(d, images, null).logits;
  const faded: Lod = { level: 1, fade: fill(0.5) };
  const half = model.discriminate(d, downsampleBox(images, 2), null, faded).logits;
  // Each gradient in float64, with the permutation to the published layout.
  const cases: [string, Node, Node, number[]][] = [
    [
      'grad.Gmain.8x8/Conv0_up/weight',
      mean(softplus(neg(fake(FULL_DETAIL)))),
      g('synthesis.8x8.Conv0_up.weight'),
      [2, 3, 1, 0],
    ],
    ['grad.Gmain_lod1.5.Dense0/weight', mean(softplus(neg(fake(faded)))), g('mapping.Dense0.weight'), [1, 0]],
    [
      'grad.Dmain_lod1.5.FromRGB_lod1/weight',
      mean(add(softplus(fake(faded)), softplus(neg(half)))),
      d('FromRGB_lod1.weight'),
      [2, 3, 1, 0],
    ],
    [
      'grad.Dr1_gamma10.4x4/Dense0/weight',
      mul(mean(r1Penalty(logits, images).penalty), 5),
      d('4x4.Dense0.weight'),
      [1, 0],
    ],
  ];
  const nodes = cases.map(([, loss, parameter, perm]) => transpose(gradients(loss, [parameter])[0], perm));
  evaluate(nodes).forEach((values, i) => {
    file.tensors.set(cases[i][0], floatTensor(Float32Array.from(values), nodes[i].shape));
  });
  const deviations = await deviationsOf(file);
  expect(failing(deviations)).toEqual([]);
  expect(deviations).toHaveLength(FILES[0][1] + cases.length);
});
