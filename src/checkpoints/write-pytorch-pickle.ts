// Writes a StyleGAN2 as the pickle {G, D, G_ema, …} that the published PyTorch tools load.
//
// Their loader (`legacy.load_network_pkl`) rebuilds each module from a description: its class's name, the source text
// in which the class is found, and its attributes. Their own files embed their whole source there. Ours holds none of
// it: the text is an import, so that the class is the one of the repository in which the file is loaded.

import { OptionError } from '../core/errors.ts';
import { blockResolutions, channelsAt } from '../models/common-config.ts';
import type { StyleGAN2Config } from '../models/stylegan2-config.ts';
import type { NetworkFile, Tensors } from './network-file.ts';
import { type Item, parameterItem, tensorItem, writePickle } from './pickle/pickle-writer.ts';

/** StyleGAN3's repository has the networks of StyleGAN2 in one module, StyleGAN2-ADA's in another. */
const MODULE_SRC = `try:
    from training.networks_stylegan2 import *
except ImportError:
    from training.networks import *
`;
/** Version of the description. */
const PERSISTENCE_VERSION = 6;

const BUFFERS = /^(resample_filter|noise_const|w_avg)$/;
const W_AVG_BETA = { float: 0.998 };
const LRELU = ['activation', 'lrelu'] as const;
const LINEAR = ['activation', 'linear'] as const;

type Entry = readonly [string, Item];

/** The pickle, in chunks. Throws {@link OptionError} for networks that the published code does not have. */
export function encodePyTorchPickle(network: NetworkFile): Uint8Array[] {
  const { config, G_ema, G, D } = network;
  const because = 'expected one that the published PyTorch code has; write .safetensors instead';
  if (config.model !== 'stylegan2') throw new OptionError(`got a ${config.model}, ${because}`);
  if (config.imgResolution < 8) throw new OptionError(`got images of 4x4, ${because}`);
  if (config.discriminator.spectralNorm) {
    throw new OptionError(`got a discriminator with spectral normalization, ${because}`);
  }
  if (D === null) throw new OptionError('got no discriminator, expected G_ema and D: the loader needs both');
  const chunks = writePickle({
    dict: [
      ['G', generator(new Part(G ?? G_ema), config)],
      ['D', discriminator(new Part(D), config)],
      ['G_ema', generator(new Part(G_ema), config)],
      ['augment_pipe', null],
      ['training_set_kwargs', null],
    ],
  });
  return chunks;
}

/** The tensors below one path. */
class Part {
  private readonly tensors: Tensors;
  private readonly path: string;

  constructor(tensors: Tensors, path = '') {
    this.tensors = tensors;
    this.path = path;
  }

  child(name: string): Part {
    return new Part(this.tensors, `${this.path}${name}.`);
  }

  /** Tensors of the module itself, in their order. */
  own(isBuffer: boolean): Entry[] {
    return [...this.tensors]
      .map(([name, tensor]) => [name.slice(this.path.length), tensor, name.startsWith(this.path)] as const)
      .filter(([name, , isBelow]) => isBelow && !name.includes('.') && BUFFERS.test(name) === isBuffer)
      .map(([name, { data, shape }]) => {
        // A single number is a scalar there.
        const tensor = { dtype: 'float32', data, shape: name === 'noise_strength' ? [] : shape } as const;
        return [name, isBuffer ? tensorItem(tensor) : parameterItem(tensor)];
      });
  }

  shapeOf(name: string): readonly number[] {
    return this.tensors.get(this.path + name)!.shape;
  }

  has(name: string): boolean {
    return this.tensors.has(this.path + name);
  }
}

/** A module of theirs. `kwargs`: constructor arguments, where their tools build a network anew from them. */
function module(
  className: string,
  part: Part,
  modules: readonly Entry[],
  attributes: readonly Entry[],
  kwargs: readonly Entry[] = [],
): Item {
  const none: Item = { ordered: [] };
  const state: Entry[] = [
    ['training', false],
    ['_parameters', { ordered: part.own(false) }],
    ['_buffers', { ordered: part.own(true) }],
    ['_non_persistent_buffers_set', { emptySet: true }],
    ['_backward_hooks', none],
    ['_is_full_backward_hook', null],
    ['_forward_hooks', none],
    ['_forward_pre_hooks', none],
    ['_state_dict_hooks', none],
    ['_load_state_dict_pre_hooks', none],
    ['_load_state_dict_post_hooks', none],
    ['_modules', { ordered: modules }],
    ...attributes,
    ['_init_args', { tuple: [] }],
    ['_init_kwargs', { dict: kwargs }],
  ];
  const meta: Entry[] = [
    ['type', 'class'],
    ['version', PERSISTENCE_VERSION],
    ['module_src', MODULE_SRC],
    ['class_name', className],
    ['state', { dict: state }],
  ];
  return { call: 'torch_utils.persistence _reconstruct_persistent_obj', args: [{ dict: meta }] };
}

/** A fully connected layer; `rate` multiplies its learning rate. */
function fullyConnected(part: Part, activation: Entry, rate?: number): Item {
  const [outFeatures, inFeatures] = part.shapeOf('weight');
  return module(
    'FullyConnectedLayer',
    part,
    [],
    [
      ['in_features', inFeatures],
      ['out_features', outFeatures],
      activation,
      ['weight_gain', { float: (rate ?? 1) / Math.sqrt(inFeatures) }],
      ['bias_gain', rate === undefined ? 1 : { float: rate }],
    ],
  );
}

function convolution(part: Part, activation: Entry, { up = 1, down = 1 } = {}): Item {
  const [outChannels, inChannels, k] = part.shapeOf('weight');
  return module(
    'Conv2dLayer',
    part,
    [],
    [
      ['in_channels', inChannels],
      ['out_channels', outChannels],
      activation,
      ['up', up],
      ['down', down],
      ['conv_clamp', null],
      ['padding', (k - 1) / 2],
      ['weight_gain', { float: 1 / Math.sqrt(inChannels * k * k) }],
      ['act_gain', activation === LRELU ? { float: Math.SQRT2 } : 1],
      ...(part.has('bias') ? [] : [['bias', null] as const]),
    ],
  );
}

/** `numWs` and the decay of w_avg are null in the discriminator. */
function mapping(
  part: Part,
  sizes: { z: number; c: number; w: number; layers: number; numWs: number | null },
) {
  const layers: Entry[] = Array.from({ length: sizes.layers }, (_, i) => [
    `fc${i}`,
    fullyConnected(part.child(`fc${i}`), LRELU, 0.01),
  ]);
  const embed: Entry[] = sizes.c > 0 ? [['embed', fullyConnected(part.child('embed'), LINEAR)]] : [];
  return module(
    'MappingNetwork',
    part,
    [...embed, ...layers],
    [
      ['z_dim', sizes.z],
      ['c_dim', sizes.c],
      ['w_dim', sizes.w],
      ['num_ws', sizes.numWs],
      ['num_layers', sizes.layers],
      ['w_avg_beta', sizes.numWs === null ? null : W_AVG_BETA],
    ],
  );
}

function synthesisLayer(part: Part, wDim: number, resolution: number, up: number): Item {
  const [outChannels, inChannels] = part.shapeOf('weight');
  return module(
    'SynthesisLayer',
    part,
    [['affine', fullyConnected(part.child('affine'), LINEAR)]],
    [
      ['in_channels', inChannels],
      ['out_channels', outChannels],
      ['w_dim', wDim],
      ['resolution', resolution],
      ['up', up],
      ['use_noise', true],
      LRELU,
      ['conv_clamp', null],
      ['padding', 1],
      ['act_gain', { float: Math.SQRT2 }],
    ],
  );
}

function toRgb(part: Part, wDim: number): Item {
  const [outChannels, inChannels] = part.shapeOf('weight');
  return module(
    'ToRGBLayer',
    part,
    [['affine', fullyConnected(part.child('affine'), LINEAR)]],
    [
      ['in_channels', inChannels],
      ['out_channels', outChannels],
      ['w_dim', wDim],
      ['conv_clamp', null],
      ['weight_gain', { float: 1 / Math.sqrt(inChannels) }],
    ],
  );
}

function synthesisBlock(part: Part, resolution: number, config: StyleGAN2Config): Item {
  const { wDim, imgChannels, imgResolution, architecture } = config;
  const isFirst = resolution === 4;
  const hasRgb = part.has('torgb.weight');
  const modules: Entry[] = [];
  if (!isFirst) modules.push(['conv0', synthesisLayer(part.child('conv0'), wDim, resolution, 2)]);
  modules.push(['conv1', synthesisLayer(part.child('conv1'), wDim, resolution, 1)]);
  if (hasRgb) modules.push(['torgb', toRgb(part.child('torgb'), wDim)]);
  if (part.has('skip.weight')) modules.push(['skip', convolution(part.child('skip'), LINEAR, { up: 2 })]);
  return module('SynthesisBlock', part, modules, [
    ['in_channels', isFirst ? 0 : channelsAt(config, resolution / 2)],
    ['w_dim', wDim],
    ['resolution', resolution],
    ['img_channels', imgChannels],
    ['is_last', resolution === imgResolution],
    ['architecture', architecture],
    ['use_fp16', false],
    ['channels_last', false],
    ['fused_modconv_default', true],
    ['num_conv', isFirst ? 1 : 2],
    ['num_torgb', hasRgb ? 1 : 0],
  ]);
}

function generator(part: Part, config: StyleGAN2Config): Item {
  const { zDim, cDim, wDim, numWs, imgResolution, imgChannels, mappingLayers, architecture } = config;
  const resolutions = blockResolutions(config);
  const inner = part.child('synthesis');
  const synthesis = module(
    'SynthesisNetwork',
    inner,
    resolutions.map((r) => [`b${r}`, synthesisBlock(inner.child(`b${r}`), r, config)]),
    [
      ['w_dim', wDim],
      ['img_resolution', imgResolution],
      ['img_resolution_log2', Math.log2(imgResolution)],
      ['img_channels', imgChannels],
      ['num_fp16_res', 0],
      ['block_resolutions', resolutions],
      ['num_ws', numWs],
    ],
  );
  const sizes = { z: zDim, c: cDim, w: wDim, layers: mappingLayers, numWs };
  const shape: Entry[] = [
    ['z_dim', zDim],
    ['c_dim', cDim],
    ['w_dim', wDim],
    ['img_resolution', imgResolution],
    ['img_channels', imgChannels],
  ];
  const modules: Entry[] = [
    ['synthesis', synthesis],
    ['mapping', mapping(part.child('mapping'), sizes)],
  ];
  return module(
    'Generator',
    part,
    modules,
    [...shape, ['num_ws', numWs]],
    [
      ...shape,
      ['channel_base', config.channelBase],
      ['channel_max', config.channelMax],
      ['num_fp16_res', 0],
      ['conv_clamp', null],
      ['architecture', architecture],
      ['mapping_kwargs', { dict: [['num_layers', mappingLayers]] }],
    ],
  );
}

function discriminatorBlock(
  part: Part,
  resolution: number,
  config: StyleGAN2Config,
  firstLayer: number,
): readonly [Item, layers: number] {
  const { imgChannels, imgResolution, discriminator: d } = config;
  const modules: Entry[] = [];
  if (part.has('fromrgb.weight')) modules.push(['fromrgb', convolution(part.child('fromrgb'), LRELU)]);
  modules.push(['conv0', convolution(part.child('conv0'), LRELU)]);
  modules.push(['conv1', convolution(part.child('conv1'), LRELU, { down: 2 })]);
  if (part.has('skip.weight')) modules.push(['skip', convolution(part.child('skip'), LINEAR, { down: 2 })]);
  const item = module('DiscriminatorBlock', part, modules, [
    ['in_channels', resolution === imgResolution ? 0 : channelsAt(d, resolution)],
    ['resolution', resolution],
    ['img_channels', imgChannels],
    ['first_layer_idx', firstLayer],
    ['architecture', d.architecture],
    ['use_fp16', false],
    ['channels_last', false],
    ['num_layers', modules.length],
  ]);
  return [item, modules.length];
}

function epilogue(part: Part, config: StyleGAN2Config): Item {
  const { cDim, imgChannels, discriminator: d } = config;
  const channels = channelsAt(d, 4);
  const modules: Entry[] = [];
  if (part.has('fromrgb.weight')) modules.push(['fromrgb', convolution(part.child('fromrgb'), LRELU)]);
  const sizes: Entry[] = [
    ['group_size', d.mbstdGroup],
    ['num_channels', 1],
  ];
  const hasStatistic = d.mbstdGroup > 1;
  if (hasStatistic) modules.push(['mbstd', module('MinibatchStdLayer', part.child('mbstd'), [], sizes)]);
  modules.push(
    ['conv', convolution(part.child('conv'), LRELU)],
    ['fc', fullyConnected(part.child('fc'), LRELU)],
    ['out', fullyConnected(part.child('out'), LINEAR)],
  );
  return module('DiscriminatorEpilogue', part, modules, [
    ['in_channels', channels],
    ['cmap_dim', cDim > 0 ? channels : 0],
    ['resolution', 4],
    ['img_channels', imgChannels],
    ['architecture', d.architecture],
    ...(hasStatistic ? [] : [['mbstd', null] as const]),
  ]);
}

function discriminator(part: Part, config: StyleGAN2Config): Item {
  const { cDim, imgResolution, imgChannels, discriminator: d } = config;
  const modules: Entry[] = [];
  const resolutions = blockResolutions(config)
    .filter((r) => r > 4)
    .reverse();
  let layers = 0;
  for (const r of resolutions) {
    const [block, count] = discriminatorBlock(part.child(`b${r}`), r, config, layers);
    modules.push([`b${r}`, block]);
    layers += count;
  }
  if (cDim > 0) {
    const sizes = { z: 0, c: cDim, w: channelsAt(d, 4), layers: d.mappingLayers, numWs: null };
    modules.push(['mapping', mapping(part.child('mapping'), sizes)]);
  }
  modules.push(['b4', epilogue(part.child('b4'), config)]);
  const shape: Entry[] = [
    ['c_dim', cDim],
    ['img_resolution', imgResolution],
    ['img_channels', imgChannels],
  ];
  const statistic: Item = {
    dict: [d.mbstdGroup > 1 ? ['mbstd_group_size', d.mbstdGroup] : ['mbstd_num_channels', 0]],
  };
  return module(
    'Discriminator',
    part,
    modules,
    [
      ['c_dim', cDim],
      ['img_resolution', imgResolution],
      ['img_resolution_log2', Math.log2(imgResolution)],
      ['img_channels', imgChannels],
      ['block_resolutions', resolutions],
    ],
    [
      ...shape,
      ['channel_base', d.channelBase],
      ['channel_max', d.channelMax],
      ['num_fp16_res', 0],
      ['conv_clamp', null],
      ['architecture', d.architecture],
      ['block_kwargs', { dict: [] }],
      ['mapping_kwargs', { dict: cDim > 0 ? [['num_layers', d.mappingLayers]] : [] }],
      ['epilogue_kwargs', statistic],
    ],
  );
}
