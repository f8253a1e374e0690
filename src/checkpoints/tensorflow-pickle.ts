// The published TensorFlow pickles: (G, D, Gs) of ProGAN, StyleGAN, StyleGAN2 and StyleGAN2-ADA.

import { FileError } from '../core/errors.ts';
import type { PickleObject, PickleValue } from '../core/pickle/values.ts';
import { textOf } from '../core/pickle/values.ts';
import { createModel } from '../models/registry.ts';
import { type ForeignFile, type ForeignNetwork, type ForeignTensors, kimgOfName } from './foreign.ts';
import type { NetworkPart, OpenedNetwork } from './network-file.ts';
import type { OpenedPickle } from './pickle/open-pickle.ts';
import { isObject, itemOf, namedItems, settingsOf, TensorCollector } from './pickled-network.ts';
import { countOf, demand, type Settings } from './settings.ts';
import { openStylegan2 } from './stylegan2-parts.ts';
import { tensorflowConfig } from './tensorflow-config.ts';
import { fromTensorFlow2 } from './tensorflow-stylegan2.ts';
import { fromTensorFlow } from './tensorflow-tensors.ts';

const NETWORK = /^(dnnlib\.tflib\.network|tfutil)\.Network$/;
/** Networks have components, mapping and synthesis, which have none. */
const MAX_DEPTH = 4;
const ORDER = ['G', 'D', 'G_ema'];

/** Whether the value is such a file, or one of its networks alone. */
export function isTensorFlowPickle(value: PickleValue): boolean {
  return isObject(value, NETWORK) || (Array.isArray(value) && value.some((item) => isObject(item, NETWORK)));
}

/** Variables of a network and of its components, whose names do not overlap but for `lod`: the network's counts. */
function collect(collector: TensorCollector, network: PickleObject, depth = 0): void {
  const variables = itemOf(network.state, 'variables');
  for (const pair of Array.isArray(variables) ? variables : []) {
    const [key, value] = Array.isArray(pair) ? pair : [];
    const name = textOf(key);
    if (name !== undefined) collector.add(name, value);
  }
  if (depth === MAX_DEPTH) return;
  for (const [, component] of namedItems(itemOf(network.state, 'components'))) {
    if (collector.hasRoom && isObject(component, NETWORK)) collect(collector, component, depth + 1);
  }
}

function readNetwork(opened: OpenedPickle, name: string, network: PickleObject): ForeignNetwork {
  const collector = new TensorCollector(opened);
  collect(collector, network);
  return {
    name,
    settings: {
      build_func_name: textOf(itemOf(network.state, 'build_func_name')) ?? null,
      ...settingsOf(itemOf(network.state, 'static_kwargs'), opened.name),
    },
    tensors: collector.tensors,
  };
}

type Family = 'ProGAN' | 'StyleGAN' | 'StyleGAN2';

function familyOf(generator: ForeignNetwork | undefined): Family {
  const names = [...(generator?.tensors.keys() ?? [])];
  if (names.some((name) => name.endsWith('/mod_weight'))) return 'StyleGAN2';
  return generator?.settings.build_func_name === 'G_style' || names.some((name) => /\/StyleMod\//.test(name))
    ? 'StyleGAN'
    : 'ProGAN';
}

/** Reads the file down to tensors and settings; `open` makes a network of ours. Throws FileError. */
export function readTensorFlowPickle(opened: OpenedPickle): ForeignFile {
  const { name, value } = opened;
  const items = Array.isArray(value) ? value : [undefined, undefined, value];
  const networks = items
    .slice(0, ORDER.length)
    .flatMap((item, i) => (isObject(item, NETWORK) ? [readNetwork(opened, ORDER[i], item)] : []));
  const find = (part: string) => networks.find((network) => network.name === part);
  const family = familyOf(find('G_ema') ?? find('G'));
  return {
    format: `${family}, TensorFlow pickle`,
    settings: {},
    networks,
    open: () => (family === 'StyleGAN2' ? openStyle2(find, name) : openGrowing(family, find, name)),
  };
}

type Find = (part: string) => ForeignNetwork | undefined;

/** What our networks do without a setting, under all names that published code gives it. */
function checkCommon(settings: Settings, source: string): void {
  for (const key of ['nonlinearity', 'mapping_nonlinearity']) demand(settings, key, 'lrelu', source);
  for (const key of ['normalize_latents', 'use_wscale', 'use_leakyrelu']) demand(settings, key, true, source);
}

/** The group of D_stylegan2 is 4 where nothing is said; that of the later D_main is the whole batch. */
function groupOf(discriminator: ForeignNetwork | undefined, source: string): number | null {
  const settings: Settings = discriminator?.settings ?? {};
  const otherwise = settings.build_func_name === 'D_main' ? null : 4;
  return countOf(settings, 'mbstd_group_size', otherwise, source);
}

function openStyle2(find: Find, name: string): OpenedNetwork {
  const part = (which: NetworkPart): ForeignTensors | null => {
    const network = find(which);
    if (network === undefined) return null;
    const { settings, tensors } = network;
    const source = `${name}: ${which}`;
    checkCommon(settings, source);
    demand(settings, 'resample_kernel', [1, 3, 3, 1], source);
    if (tensors.has('Dense0/weight') || tensors.has('Mapping0/weight'))
      demand(settings, 'mapping_lrmul', 0.01, source);
    if (tensors.has('LabelConcat/weight')) {
      throw new FileError(
        `${source}: got labels as the first StyleGAN2 takes them, expected those of StyleGAN2-ADA: this network cannot be expressed`,
      );
    }
    checkGrown(tensors, source);
    return fromTensorFlow2(tensors, which === 'D' ? 'discriminator' : 'generator', source);
  };
  const parts = { G_ema: part('G_ema'), G: part('G'), D: part('D') };
  return openStylegan2(parts, groupOf(find('D'), `${name}: D`), kimgOfName(name), name);
}

const lodOf = (tensors: ForeignTensors): number => Number(tensors.get('lod')?.data[0] ?? 0);

/** StyleGAN2's networks of ours do not grow. */
function checkGrown(tensors: ForeignTensors, source: string): void {
  if (tensors.has('ToRGB_lod0/weight') && lodOf(tensors) !== 0) {
    throw new FileError(`${source}: got lod ${lodOf(tensors)}, expected 0: this network cannot be expressed`);
  }
}

function checkGrowing(family: Family, settings: Settings, source: string): void {
  checkCommon(settings, source);
  demand(settings, 'mapping_lrmul', 0.01, source);
  demand(settings, 'blur_filter', [1, 2, 1], source);
  demand(settings, 'use_pixelnorm', true, source);
  if (family === 'ProGAN') return;
  demand(settings, 'use_instance_norm', true, source);
  demand(settings, 'use_pixel_norm', false, source);
}

function openGrowing(family: Family, find: Find, name: string): OpenedNetwork {
  const generator = find('G_ema') ?? find('G');
  const discriminator = find('D');
  if (generator === undefined || discriminator === undefined) {
    throw new FileError(`${name}: got no ${generator ? 'discriminator' : 'generator'}, expected (G, D, Gs)`);
  }
  for (const { settings, name: part } of [generator, discriminator]) {
    checkGrowing(family, settings, `${name}: ${part}`);
  }
  const fusedScale = generator.settings.fused_scale ?? 'auto';
  if (fusedScale !== 'auto' && typeof fusedScale !== 'boolean') {
    throw new FileError(`${name}: got fused_scale ${fusedScale}, expected 'auto', True or False`);
  }
  const group = countOf(discriminator.settings, 'mbstd_group_size', 4, `${name}: D`);
  const args = {
    model: family === 'ProGAN' ? 'progan' : 'stylegan',
    fusedScale,
    mbstdGroup: group ?? 1,
  } as const;
  const config = tensorflowConfig(generator.tensors, discriminator.tensors, args, name);
  const model = createModel(config);
  const lod = lodOf(generator.tensors);
  if (!(lod >= 0 && lod <= model.maxLod)) {
    throw new FileError(`${name}: got lod ${lod}, expected a number from 0 to ${model.maxLod}`);
  }
  return {
    config,
    kimg: kimgOfName(name),
    lod,
    hasAverageW: true,
    async part(which) {
      const network = find(which);
      if (network === undefined) return null;
      const kind = which === 'D' ? 'discriminator' : 'generator';
      return fromTensorFlow(network.tensors, model, kind, `${name}: ${which}`);
    },
  };
}
