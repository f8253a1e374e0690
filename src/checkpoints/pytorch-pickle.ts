// The published PyTorch pickles: {G, D, G_ema, …} of persistent modules, of StyleGAN2-ADA and of StyleGAN3.

import { FileError } from '../core/errors.ts';
import type { PickleValue } from '../core/pickle/values.ts';
import { PickleObject, textOf } from '../core/pickle/values.ts';
import { type ForeignFile, type ForeignNetwork, kimgOfName } from './foreign.ts';
import type { OpenedNetwork } from './network-file.ts';
import type { OpenedPickle } from './pickle/open-pickle.ts';
import { isObject, itemOf, namedItems, settingsOf, TensorCollector } from './pickled-network.ts';
import { countOf, demand, nested, type Settings } from './settings.ts';
import { openStylegan2 } from './stylegan2-parts.ts';

const PERSISTENT = /^torch_utils\.persistence\._reconstruct_persistent_obj$/;
/** Deepest nesting of modules that is read; the published ones have five. */
const MAX_DEPTH = 32;
const NETWORKS = ['G_ema', 'G', 'D'];

/** Whether the value is such a file, or one of its networks alone. */
export function isPyTorchPickle(value: PickleValue): boolean {
  return isObject(value, PERSISTENT) || NETWORKS.some((name) => isObject(itemOf(value, name), PERSISTENT));
}

/** Attributes of a module: a persistent one's are beside its class, any other's are its state. */
function attributesOf(module: PickleValue | undefined): PickleValue | undefined {
  if (!(module instanceof PickleObject)) return undefined;
  return PERSISTENT.test(module.global) ? itemOf(module.args[0], 'state') : module.state;
}

/** Tensors of a module and of those in it, by their paths. */
function collect(collector: TensorCollector, module: PickleValue, prefix: string, depth = 0): void {
  const attributes = attributesOf(module);
  for (const kind of ['_parameters', '_buffers']) {
    for (const [name, value] of namedItems(itemOf(attributes, kind))) collector.add(prefix + name, value);
  }
  if (depth === MAX_DEPTH) return;
  for (const [name, child] of namedItems(itemOf(attributes, '_modules'))) {
    if (collector.hasRoom) collect(collector, child, `${prefix}${name}.`, depth + 1);
  }
}

function readNetwork(opened: OpenedPickle, name: string, module: PickleObject): ForeignNetwork {
  const collector = new TensorCollector(opened);
  collect(collector, module, '');
  const attributes = attributesOf(module);
  const meta = module.args[0];
  return {
    name,
    settings: {
      class_name: textOf(itemOf(meta, 'class_name')) ?? null,
      ...settingsOf(itemOf(attributes, '_init_kwargs'), opened.name),
    },
    tensors: collector.tensors,
  };
}

/** Reads the file down to tensors and settings; `open` makes a network of ours. Throws FileError. */
export function readPyTorchPickle(opened: OpenedPickle): ForeignFile {
  const { name, value } = opened;
  const modules = isObject(value, PERSISTENT)
    ? new Map<string, PickleValue>([['G_ema', value]])
    : new Map(namedItems(value));
  const networks = [...modules].flatMap(([key, module]) =>
    isObject(module, PERSISTENT) ? [readNetwork(opened, key, module)] : [],
  );
  const others = [...modules].filter(([, item]) => !isObject(item, PERSISTENT) && item !== null);
  const has = (tensor: string) => networks.some(({ tensors }) => tensors.has(tensor));
  const version3 = has('synthesis.input.freqs');
  const known = version3 ? 'StyleGAN3' : has('synthesis.b4.const') ? 'StyleGAN2' : 'an unknown network';
  return {
    format: `${known}, PyTorch pickle`,
    settings: settingsOf(new Map(others), name),
    networks,
    open: () => (known === 'StyleGAN2' ? openNetworks(networks, name) : refuse(known, name)),
  };
}

function refuse(known: string, name: string): never {
  throw new FileError(
    `${name}: got ${known}, expected StyleGAN2: there is no model of it here yet; stylegan info shows what the file holds`,
  );
}

/** Versions differ in where they keep the synthesis network's arguments. */
function checkGenerator(settings: Settings, source: string): void {
  const mapping = nested(settings, 'mapping_kwargs');
  demand({ ...settings, ...nested(settings, 'synthesis_kwargs') }, 'activation', 'lrelu', source);
  demand(mapping, 'activation', 'lrelu', source);
  demand(mapping, 'lr_multiplier', 0.01, source);
}

function checkDiscriminator({ settings, tensors }: ForeignNetwork, source: string): number | null {
  const [mapping, epilogue] = [nested(settings, 'mapping_kwargs'), nested(settings, 'epilogue_kwargs')];
  for (const part of [nested(settings, 'block_kwargs'), mapping, epilogue]) {
    demand(part, 'activation', 'lrelu', source);
  }
  if (tensors.has('mapping.fc0.weight')) demand(mapping, 'lr_multiplier', 0.01, source);
  return countOf(epilogue, 'mbstd_group_size', 4, source);
}

function openNetworks(networks: readonly ForeignNetwork[], name: string): OpenedNetwork {
  const find = (part: string) => networks.find((network) => network.name === part);
  for (const part of ['G_ema', 'G']) checkGenerator(find(part)?.settings ?? {}, `${name}: ${part}`);
  const discriminator = find('D');
  const mbstdGroup = discriminator === undefined ? null : checkDiscriminator(discriminator, `${name}: D`);
  const parts = {
    G_ema: find('G_ema')?.tensors ?? null,
    G: find('G')?.tensors ?? null,
    D: discriminator?.tensors ?? null,
  };
  return openStylegan2(parts, mbstdGroup, kimgOfName(name), name);
}
