// Published TensorFlow tensors: configuration from shapes, layouts, and errors that name the tensor.

import { describe, expect, it } from 'vitest';
import { tensorflowConfig } from '../../src/checkpoints/tensorflow-config.ts';
import { fromTensorFlow } from '../../src/checkpoints/tensorflow-tensors.ts';
import { FileError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { type FloatTensor, floatTensor, sizeOf, type Tensor } from '../../src/core/tensor.ts';
import { constant, transpose } from '../../src/graph/build.ts';
import { evaluate } from '../../src/graph/reference.ts';
import type { Model } from '../../src/models/contract.ts';
import type { ProGANConfig } from '../../src/models/progan-config.ts';
import { createModel } from '../../src/models/registry.ts';
import type { StyleGANConfig } from '../../src/models/stylegan-config.ts';
import type { ParameterSpec } from '../../src/nn/parameters.ts';
import { growingConfig, type Letter, type Size } from '../models/growing-networks.ts';

type Tensors = Map<string, FloatTensor>;

const random = new Random(8, 'tensorflow');

const weights = (specs: readonly ParameterSpec[]): Tensors =>
  new Map(
    specs.map(({ name, shape }) => [
      name,
      floatTensor(random.fillNormal(new Float32Array(sizeOf(shape))), shape),
    ]),
  );

/** The published layout of a tensor of ours, by a transposition that knows nothing of the code under test. */
function published(name: string, { shape, data }: FloatTensor, model: Model): [string, FloatTensor] {
  if (name === 'mapping.w_avg') return ['dlatent_avg', floatTensor(data, shape)];
  const noise = model.noiseLayers.findIndex((layer) => name === `${layer.name}.noise_const`);
  if (noise >= 0) return [`noise${noise}`, floatTensor(data, [1, 1, ...shape])];
  const theirs = name.split('.').join('/').replace('synthesis/', '').replace('mapping/', '');
  const isMatrix = theirs.endsWith('/weight') && shape.length > 1;
  if (!isMatrix) return [theirs, floatTensor(data, shape)];
  const fusedUp = model.config.model === 'progan' && theirs.includes('Conv0_up');
  const perm = shape.length === 2 ? [1, 0] : fusedUp ? [2, 3, 0, 1] : [2, 3, 1, 0];
  const node = transpose(constant(data, shape), perm);
  return [theirs, floatTensor(Float32Array.from(evaluate([node])[0]), node.shape)];
}

interface Network {
  readonly config: ProGANConfig | StyleGANConfig;
  readonly model: Model;
  readonly ours: { generator: Tensors; discriminator: Tensors };
  readonly theirs: { generator: Map<string, Tensor>; discriminator: Map<string, Tensor> };
}

function network(letter: Letter, size: Size): Network {
  const config = growingConfig(letter, size);
  const model = createModel(config);
  const ours = { generator: weights(model.generator), discriminator: weights(model.discriminator) };
  const convert = (tensors: Tensors) =>
    new Map<string, Tensor>([...tensors].map(([name, tensor]) => published(name, tensor, model)));
  const theirs = { generator: convert(ours.generator), discriminator: convert(ours.discriminator) };
  theirs.generator.set('lod', floatTensor(Float32Array.of(0), []));
  return { config, model, ours, theirs };
}

const CASES: [Letter, Size][] = [
  ['A', { resolution: 4 }],
  ['A', { resolution: 32, labels: 5, fused: true, group: 8 }],
  ['A', { resolution: 64, base: 512, max: 6, group: 1 }],
  ['B', { resolution: 16, labels: 4, channels: 1 }],
  ['C', { resolution: 16, depth: 3 }],
  ['D', { resolution: 32, labels: 2, fused: true }],
  ['E', { resolution: 8, channels: 4 }],
  ['E', { resolution: 128, labels: 3, base: 200, max: 20, depth: 1 }],
];

describe.each(CASES)('configuration %s, %o', (letter, size) => {
  const { config, model, ours, theirs } = network(letter, size);

  it('is read from names and shapes', () => {
    const args = {
      model: config.model,
      fusedScale: config.fusedScale,
      mbstdGroup: config.discriminator.mbstdGroup,
    };
    const read = tensorflowConfig(theirs.generator, theirs.discriminator, args, 'some.file');
    // Several bases may give the same feature maps: the tensors' shapes are what counts.
    const again = createModel(read);
    const shapes = (specs: readonly ParameterSpec[]) => specs.map(({ name, shape }) => [name, shape]);
    expect(shapes(again.generator)).toEqual(shapes(model.generator));
    expect(shapes(again.discriminator)).toEqual(shapes(model.discriminator));
    const { channelBase, channelMax, discriminator, ...rest } = read as StyleGANConfig;
    const expected: Partial<StyleGANConfig> = { ...(config as StyleGANConfig) };
    delete expected.channelBase;
    delete expected.channelMax;
    delete expected.discriminator;
    // Without styles, the depth of the mapping network that is not there says nothing.
    if (letter === 'B') Object.assign(expected, { mappingLayers: 1 });
    if (letter === 'A' && size.resolution === 4) Object.assign(expected, { fusedScale: false });
    expect(rest).toEqual(expected);
    expect(discriminator.mbstdGroup).toBe(config.discriminator.mbstdGroup);
  });

  it('has its tensors in our layout', () => {
    for (const part of ['generator', 'discriminator'] as const) {
      const converted = fromTensorFlow(theirs[part], model, part, 'some.file');
      expect([...converted.keys()]).toEqual(model[part].map(({ name }) => name));
      for (const [name, tensor] of converted) expect(tensor, name).toEqual(ours[part].get(name));
    }
  });
});

describe('a file that does not fit', () => {
  const args = { model: 'stylegan', fusedScale: 'auto', mbstdGroup: 4 } as const;
  const damaged = (change: (g: Map<string, Tensor>, d: Map<string, Tensor>) => void): Network => {
    const made = network('E', { resolution: 16 });
    change(made.theirs.generator, made.theirs.discriminator);
    return made;
  };
  const zeros = (...shape: number[]) => floatTensor(new Float32Array(sizeOf(shape)), shape);

  it.each<[string, (g: Map<string, Tensor>, d: Map<string, Tensor>) => void, string]>([
    ['a missing layer', (g) => g.delete('8x8/Conv1/bias'), 'got no tensor 8x8/Conv1/bias'],
    ['another rank', (g) => g.set('dlatent_avg', zeros(2, 2)), 'got dlatent_avg [2,2]'],
    ['odd widths', (g) => g.set('8x8/Conv1/bias', zeros(3)), 'got 3 feature maps at 8x8'],
    [
      'more statistics',
      (_, d) => d.set('4x4/Conv/weight', zeros(3, 3, 10, 8)),
      'got 2 channels of minibatch',
    ],
    ['no images', (g) => g.delete('ToRGB_lod0/weight'), 'imgResolution'],
  ])('with %s is refused for its configuration', (_, change, message) => {
    const { theirs } = damaged(change);
    const parse = () => tensorflowConfig(theirs.generator, theirs.discriminator, args, 'some.file');
    expect(parse).toThrow(FileError);
    expect(parse).toThrow('some.file');
    expect(parse).toThrow(message);
  });

  it.each<[string, (g: Map<string, Tensor>) => void, string]>([
    [
      'a missing tensor',
      (g) => g.delete('noise3'),
      'got no tensor noise3, expected one for synthesis.8x8.Conv1',
    ],
    [
      'a tensor of another shape',
      (g) => g.set('16x16/Conv0_up/weight', zeros(3, 3, 4, 8)),
      '16x16/Conv0_up/weight: got float32 [3,3,4,8], expected float32 [3,3,8,4]',
    ],
    [
      'a tensor of another type',
      (g) => g.set('dlatent_avg', { dtype: 'float64', shape: [7], data: new Float64Array(7) }),
      'dlatent_avg: got float64 [7], expected float32 [7]',
    ],
    [
      'one tensor too many',
      (g) => g.set('32x32/Conv1/bias', zeros(4)),
      'got tensor 32x32/Conv1/bias, expected none',
    ],
  ])('with %s is refused by name', (_, change, message) => {
    const { theirs, model } = damaged(change);
    const convert = () => fromTensorFlow(theirs.generator, model, 'generator', 'some.file');
    expect(convert).toThrow(FileError);
    expect(convert).toThrow(`some.file: ${message}`);
  });
});
