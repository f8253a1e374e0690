// Writes networks of ours as the published tools would, by rules that know nothing of the code under test.

import { Random } from '../../src/core/random.ts';
import { type FloatTensor, floatTensor, type Shape, sizeOf, stridesOf } from '../../src/core/tensor.ts';
import { constant, transpose } from '../../src/graph/build.ts';
import { evaluate } from '../../src/graph/reference.ts';
import { createModel, type NetworkConfig } from '../../src/models/registry.ts';
import type { ParameterSpec } from '../../src/nn/parameters.ts';
import { call, dict, type Item, instance, list, ndarray, type Piece } from '../core/pickle/assemble.ts';
import { embedded, parameter, type Storages, storage, tensor, zipFile } from './pickle/torch-files.ts';

export type Tensors = Map<string, FloatTensor>;
type Names = Record<string, Item>;

/** Every tensor drawn at random, but for filters, which stay what they are. */
export function randomTensors(config: NetworkConfig, part: 'generator' | 'discriminator', seed = 1): Tensors {
  const random = new Random(seed, part);
  const draw = ({ name, shape, init }: ParameterSpec): [string, FloatTensor] => [
    name,
    floatTensor('data' in init ? init.data : random.fillNormal(new Float32Array(sizeOf(shape))), shape),
  ];
  return new Map(createModel(config)[part].map(draw));
}

const bytesOf = ({ data }: FloatTensor): Uint8Array => new Uint8Array(data.slice().buffer);

function permuted({ shape, data }: FloatTensor, perm: number[]): FloatTensor {
  const node = transpose(constant(data, shape), perm);
  return floatTensor(Float32Array.from(evaluate([node])[0]), node.shape);
}

const reshaped = ({ data }: FloatTensor, shape: Shape): FloatTensor => floatTensor(data, shape);

// NVIDIA's PyTorch pickles

const tensorPiece = (of: FloatTensor): Piece => {
  const stored = { type: 'FloatStorage', elements: of.data.length, data: bytesOf(of) };
  return parameter(tensor(embedded(stored), 0, [...of.shape], stridesOf(of.shape)));
};

/** A persistent module with its tensors in nested modules. */
export function pytorchModule(className: string, tensors: Tensors, kwargs: Names = {}): Piece {
  const own = [...tensors].filter(([name]) => !name.includes('.'));
  const children = new Map<string, Tensors>();
  for (const [name, of] of tensors) {
    const [child, ...rest] = name.split('.');
    if (rest.length === 0) continue;
    children.set(child, (children.get(child) ?? new Map()).set(rest.join('.'), of));
  }
  const modules = [...children].map(([name, inner]) => [name, pytorchModule('Module', inner)]);
  const state = {
    _parameters: dict(Object.fromEntries(own.map(([name, of]) => [name, tensorPiece(of)]))),
    _buffers: dict({}),
    _modules: dict(Object.fromEntries(modules)),
    _init_kwargs: dict(kwargs),
  };
  const meta = { type: 'class', version: 6, module_src: '', class_name: className, state: dict(state) };
  return call('torch_utils.persistence._reconstruct_persistent_obj', dict(meta));
}

// TensorFlow's pickles

/** Ours to theirs; style biases lose the one that is added as they run. */
export function tensorflowNames(tensors: Tensors): Tensors {
  const theirs: Tensors = new Map();
  for (const [name, of] of tensors) {
    if (!name.endsWith('resample_filter')) theirs.set(...tensorflowTensor(name, of));
  }
  return theirs;
}

function tensorflowTensor(name: string, of: FloatTensor): [string, FloatTensor] {
  if (name === 'mapping.w_avg') return ['dlatent_avg', of];
  if (name.endsWith('.const')) return ['4x4/Const/const', reshaped(of, [1, ...of.shape])];
  const [, r, conv] = /\.b(\d+)\.conv([01])\.noise_const$/.exec(name) ?? [];
  if (r !== undefined) {
    return [`noise${2 * Math.log2(Number(r)) - 5 + Number(conv)}`, reshaped(of, [1, 1, ...of.shape])];
  }
  const isD = !/^(synthesis|mapping\.w)/.test(name);
  const layer: [RegExp, string][] = [
    [/^mapping\.embed\./, 'LabelEmbed/'],
    [/^mapping\.fc(\d+)\./, 'Dense$1/'],
    [/^b4\.fc\./, '4x4/Dense0/'],
    [/^b4\.out\./, 'Output/'],
    [/^b4\.conv\./, '4x4/Conv/'],
    [/^synthesis\.b4\.conv1\./, '4x4/Conv/'],
    [/^(?:synthesis\.)?b(\d+)\.conv0\./, isD ? '$1x$1/Conv0/' : '$1x$1/Conv0_up/'],
    [/^(?:synthesis\.)?b(\d+)\.conv1\./, isD ? '$1x$1/Conv1_down/' : '$1x$1/Conv1/'],
    [/^synthesis\.b(\d+)\.torgb\./, '$1x$1/ToRGB/'],
    [/^b(\d+)\.fromrgb\./, '$1x$1/FromRGB/'],
    [/^(?:synthesis\.)?b(\d+)\.skip\./, '$1x$1/Skip/'],
  ];
  const [pattern, replacement] = layer.find(([pattern]) => pattern.test(name))!;
  const there = name
    .replace(pattern, replacement)
    .replace('affine.weight', 'mod_weight')
    .replace('affine.bias', 'mod_bias');
  if (there.endsWith('mod_bias'))
    return [
      there,
      floatTensor(
        of.data.map((b) => b - 1),
        of.shape,
      ),
    ];
  if (there.endsWith('noise_strength')) return [there, reshaped(of, [])];
  if (of.shape.length === 2) return [there, permuted(of, [1, 0])];
  if (of.shape.length !== 4) return [there, of];
  const turned = /Conv0_up|^\d+x\d+\/Skip/.test(there) && !isD;
  return [there, permuted(turned ? rotated(of) : of, [2, 3, 1, 0])];
}

/** Kernels [O, I, k, k] turned by half a circle. */
function rotated({ shape, data }: FloatTensor): FloatTensor {
  const taps = shape[2] * shape[3];
  return floatTensor(
    data.map((_, i) => data[i - (i % taps) + taps - 1 - (i % taps)]),
    shape,
  );
}

export function tensorflowNetwork(
  buildFunction: string,
  tensors: Tensors,
  kwargs: Names = {},
  components: Names = {},
): Piece {
  const variables = [...tensors].map(
    ([name, of]): Item => [name, ndarray('<f4', [...of.shape], bytesOf(of))],
  );
  return instance(
    buildFunction === 'G_paper' || buildFunction === 'D_paper'
      ? 'tfutil.Network'
      : 'dnnlib.tflib.network.Network',
    dict({
      version: 4,
      name: buildFunction,
      static_kwargs: dict(kwargs),
      components: dict(components),
      build_module_src: '',
      build_func_name: buildFunction,
      variables: list(...variables),
    }),
  );
}

// State dicts

/** A file of torch.save: tensors and dicts of tensors by key, and other items. */
export function stateDictFile(
  dicts: Record<string, Tensors | FloatTensor>,
  others: Names = {},
): Promise<Uint8Array> {
  const storages: Storages = {};
  const item = (of: FloatTensor): Piece => {
    const key = String(Object.keys(storages).length);
    storages[key] = { type: 'FloatStorage', elements: of.data.length, data: bytesOf(of) };
    return tensor(storage(storages[key], key), 0, [...of.shape], stridesOf(of.shape));
  };
  const items = Object.entries(dicts).map(([key, of]): [string, Item] => [
    key,
    of instanceof Map
      ? dict(Object.fromEntries([...of].map(([name, tensor]) => [name, item(tensor)])))
      : item(of),
  ]);
  return zipFile(dict({ ...Object.fromEntries(items), ...others }), storages);
}

const gained = ({ data, shape }: FloatTensor): FloatTensor =>
  floatTensor(
    data.map((tap) => tap * 4),
    shape,
  );

/** Names and shapes of rosinality's generator; w_avg is not among them. */
export function rosinalityGenerator(tensors: Tensors): Tensors {
  const theirs: Tensors = new Map();
  const convName = (r: number, conv: string) =>
    r === 4 ? 'conv1' : `convs.${2 * (Math.log2(r) - 3) + Number(conv)}`;
  for (const [name, of] of tensors) {
    const [, r, layer, leaf] = /^synthesis\.b(\d+)\.(conv\d|torgb)\.(.+)$/.exec(name) ?? [];
    const fc = /^mapping\.fc(\d+)\.(.+)$/.exec(name);
    if (name.endsWith('b4.const')) theirs.set('input.input', reshaped(of, [1, ...of.shape]));
    else if (fc) theirs.set(`style.${Number(fc[1]) + 1}.${fc[2]}`, of);
    else if (layer === 'torgb') {
      const to = r === '4' ? 'to_rgb1' : `to_rgbs.${Math.log2(Number(r)) - 3}`;
      if (leaf === 'bias') theirs.set(`${to}.bias`, reshaped(of, [1, of.shape[0], 1, 1]));
      else theirs.set(...modulated(to, leaf, of));
    } else if (layer !== undefined) {
      const to = convName(Number(r), layer[4]);
      const index = r === '4' ? 0 : 2 * (Math.log2(Number(r)) - 3) + Number(layer[4]) + 1;
      if (leaf === 'noise_const') theirs.set(`noises.noise_${index}`, reshaped(of, [1, 1, ...of.shape]));
      else if (leaf === 'noise_strength') theirs.set(`${to}.noise.weight`, of);
      else if (leaf === 'bias') theirs.set(`${to}.activate.bias`, of);
      else if (leaf !== 'resample_filter') theirs.set(...modulated(to, leaf, of));
      else if (layer === 'conv0') theirs.set(`${to}.conv.blur.kernel`, gained(of));
    }
  }
  return theirs;
}

function modulated(to: string, leaf: string, of: FloatTensor): [string, FloatTensor] {
  if (leaf === 'weight') return [`${to}.conv.weight`, reshaped(of, [1, ...of.shape])];
  return [`${to}.conv.${leaf.replace('affine', 'modulation')}`, of];
}

export function rosinalityDiscriminator(tensors: Tensors, imgResolution: number): Tensors {
  const theirs: Tensors = new Map();
  const fixed: Record<string, string> = {
    [`b${imgResolution}.fromrgb.weight`]: 'convs.0.0.weight',
    [`b${imgResolution}.fromrgb.bias`]: 'convs.0.1.bias',
    'b4.conv.weight': 'final_conv.0.weight',
    'b4.conv.bias': 'final_conv.1.bias',
    'b4.fc.weight': 'final_linear.0.weight',
    'b4.fc.bias': 'final_linear.0.bias',
    'b4.out.weight': 'final_linear.1.weight',
    'b4.out.bias': 'final_linear.1.bias',
  };
  const leaves: Record<string, string> = {
    'conv0.weight': 'conv1.0.weight',
    'conv0.bias': 'conv1.1.bias',
    'conv1.resample_filter': 'conv2.0.kernel',
    'conv1.weight': 'conv2.1.weight',
    'conv1.bias': 'conv2.2.bias',
    'skip.resample_filter': 'skip.0.kernel',
    'skip.weight': 'skip.1.weight',
  };
  for (const [name, of] of tensors) {
    const [, r, leaf] = /^b(\d+)\.(.+)$/.exec(name)!;
    const there =
      fixed[name] ?? (leaves[leaf] && `convs.${Math.log2(imgResolution / Number(r)) + 1}.${leaves[leaf]}`);
    if (there) theirs.set(there, of);
  }
  return theirs;
}
