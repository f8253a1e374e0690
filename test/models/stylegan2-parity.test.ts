// StyleGAN2 against the published implementation's numbers: values to 1e-4, gradients to 1e-3, for each CPU lowering.

import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { Deviation } from '../../scripts/parity/check.ts';
import { checkStylegan2 } from '../../scripts/parity/stylegan2.ts';
import { readSafetensors, type SafetensorsFile } from '../../src/checkpoints/safetensors.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';
import { OrtEngine } from '../../src/runtime/ort-engine.ts';

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
  ['stylegan2-16', 132],
  ['stylegan2-32-cond', 213],
  ['stylegan2-16-resnet-orig', 126],
] as const;

function read(name: string): SafetensorsFile {
  return readSafetensors(readFileSync(new URL(`../fixtures/${name}.safetensors`, import.meta.url)), name);
}

async function deviationsOf(file: SafetensorsFile, engine: keyof typeof engines): Promise<Deviation[]> {
  const deviations: Deviation[] = [];
  for await (const deviation of checkStylegan2(file, engines[engine])) deviations.push(deviation);
  return deviations;
}

const failing = (deviations: readonly Deviation[]) =>
  deviations.filter(({ error, limit }) => !(error <= limit)).map(({ name }) => name);

describe.each(['this CPU', 'CPUs without blocked kernels'] as const)('on %s', (engine) => {
  it.each(FILES)('%s has the published values and gradients', async (name, tensors) => {
    const deviations = await deviationsOf(read(name), engine);
    expect(failing(deviations)).toEqual([]);
    expect(deviations).toHaveLength(tensors);
  });
});

it('notices one wrong element of one gradient, also in the file that has an activation at zero', async () => {
  const file = read('stylegan2-16-resnet-orig');
  const name = 'grad.Dr1_gamma10.b8.conv1.weight';
  const data = file.tensors.get(name)!.data as Float32Array;
  const largest = data.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  data[3] += 0.005 * largest;
  expect(failing(await deviationsOf(file, 'this CPU'))).toEqual([name]);
});
