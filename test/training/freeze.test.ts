// Which layers of D are frozen, in every generation, and that nothing is computed for them.

import { describe, expect, it } from 'vitest';
import { sizeOf } from '../../src/core/tensor.ts';
import { createModel } from '../../src/models/registry.ts';
import { freezableLayers, frozenParameters } from '../../src/training/freeze.ts';
import { networkConfigOf, resolveOptions, type TrainingRequest } from '../../src/training/options.ts';
import { buildPhases, trainable } from '../../src/training/phases.ts';
import { phaseOptions } from '../../src/training/trainer.ts';

const DATA = { resolution: 16, channels: 3, labelDim: 3 };
const optionsOf = (request: TrainingRequest) =>
  resolveOptions({ batch: 4, cbase: 64, cmax: 4, zDim: 4, wDim: 4, aug: 'noaug', ...request }, DATA);
const modelOf = (request: TrainingRequest) => createModel(networkConfigOf(optionsOf(request), DATA));

const layersOf = (request: TrainingRequest): string[] =>
  freezableLayers(modelOf(request).discriminator).map(([weight]) => weight.replace(/\.weight$/, ''));

describe('layers that can be frozen', () => {
  it('of StyleGAN2 are counted as published: from the image, block by block, without those at 4x4', () => {
    expect(layersOf({ cfg: 'cpu', cond: true })).toEqual([
      'b16.fromrgb',
      'b16.conv0',
      'b16.conv1',
      'b16.skip',
      'b8.conv0',
      'b8.conv1',
      'b8.skip',
    ]);
    expect(layersOf({ cfg: 'cpu', discriminator: 'skip' })).toEqual([
      'b16.fromrgb',
      'b16.conv0',
      'b16.conv1',
      'b8.fromrgb',
      'b8.conv0',
      'b8.conv1',
    ]);
    expect(layersOf({ cfg: 'cpu', discriminator: 'orig' })).toHaveLength(5);
  });

  it('of the others likewise', () => {
    const growing = [
      'FromRGB_lod0',
      '16x16.Conv0',
      '16x16.Conv1_down',
      'FromRGB_lod1',
      '8x8.Conv0',
      '8x8.Conv1_down',
    ];
    expect(layersOf({ cfg: 'stylegan' })).toEqual(growing);
    expect(layersOf({ cfg: 'progan' })).toEqual(growing);
    expect(layersOf({ cfg: 'dcgan' })).toEqual(['main.0', 'main.2']);
    expect(layersOf({ cfg: 'gan' })).toEqual(['layers.0', 'layers.1']);
  });

  it('take their bias and normalization along', () => {
    const { discriminator } = modelOf({ cfg: 'dcgan' });
    expect([...frozenParameters(discriminator, 2)]).toEqual([
      'main.0.weight',
      'main.2.weight',
      'main.3.weight',
      'main.3.bias',
    ]);
    expect([...frozenParameters(discriminator, 0)]).toEqual([]);
  });
});

describe.each<TrainingRequest>([
  { cfg: 'cpu', reg: ['r1', 'sn'] },
  { cfg: 'cpu', reg: ['r1', 'r2', 'gp'], dRegInterval: 1 },
  { cfg: 'stylegan', startRes: null },
  { cfg: 'dcgan' },
  { cfg: 'gan' },
])('a phase of D with frozen layers, %o', (request) => {
  it('trains all other parameters and no more', () => {
    const options = optionsOf({ ...request, resume: 'network.pkl', freezed: 2 });
    const model = modelOf(request);
    const frozen = frozenParameters(model.discriminator, 2);
    const trainedOf = (freezed: number) =>
      buildPhases(model, { ...phaseOptions(options), freezed }).map(({ network, trained, graph, name }) => {
        const parameters: string[] = [];
        let start = 0;
        for (const spec of trainable(network === 'G' ? model.generator : model.discriminator)) {
          const end = start + sizeOf(spec.shape);
          if (trained.some((range) => range.start <= start && end <= range.end)) parameters.push(spec.name);
          start = end;
        }
        const sizes = trained.map((range) => range.end - range.start);
        expect(sizeOf(graph.outputs.grad.shape)).toBe(sizes.reduce((sum, size) => sum + size, 0));
        return { name, parameters };
      });
    const without = trainedOf(0);
    expect(trainedOf(2)).toEqual(
      without.map(({ name, parameters }) => ({
        name,
        parameters: parameters.filter((each) => name.startsWith('G') || !frozen.has(each)),
      })),
    );
    const phasesOfD = without.filter(({ name }) => name.startsWith('D'));
    for (const { parameters } of phasesOfD) expect(parameters.some((name) => frozen.has(name))).toBe(true);
  });
});
