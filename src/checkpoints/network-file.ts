// A network file: safetensors with G_ema, G and D under upstream names, and the configuration in its metadata.

import { z } from 'zod';
import { FileError } from '../core/errors.ts';
import { type FloatTensor, sameShape, sizeOf, type Tensor } from '../core/tensor.ts';
import type { NetworkConfig } from '../models/registry.ts';
import { createModel, parseConfig } from '../models/registry.ts';
import type { ParameterSpec } from '../nn/parameters.ts';
import {
  readSafetensorsHeader,
  readSafetensorsPart,
  type SafetensorsData,
  type SafetensorsHeader,
  writeSafetensors,
} from './safetensors.ts';

const FORMAT = 'stylegan-network';
const VERSION = '1';
const labelNamesSchema = z.array(z.string());

/** Tensors of one network, under their upstream names. */
export type Tensors = ReadonlyMap<string, FloatTensor>;

export interface NetworkFile {
  readonly config: NetworkConfig;
  /** Thousands of real images shown to D. */
  readonly kimg: number | null;
  /** Level of detail of a growing network: 0 at full resolution (see models/contract.ts). Default 0. */
  readonly lod?: number;
  /** Names of the classes, or of the elements of a label: cDim of them, where they are known. */
  readonly labelNames?: readonly string[];
  /** Strength of the augmentation when it was written. For people to see; nothing reads it. */
  readonly augmentP?: number;
  /** The averaged generator: what pictures are made with. */
  readonly G_ema: Tensors;
  readonly G: Tensors | null;
  readonly D: Tensors | null;
}

/** The bytes of a network file, in chunks. Equal networks give equal bytes. */
export function encodeNetworkFile(file: NetworkFile): Uint8Array[] {
  const tensors = new Map<string, Tensor>();
  for (const part of ['G_ema', 'G', 'D'] as const) {
    for (const [name, tensor] of file[part] ?? []) tensors.set(`${part}.${name}`, tensor);
  }
  const metadata: Record<string, string> = {
    format: FORMAT,
    version: VERSION,
    config: JSON.stringify(file.config),
  };
  if (file.kimg !== null) metadata.kimg = String(file.kimg);
  if (file.lod) metadata.lod = String(file.lod);
  if (file.augmentP) metadata.augmentP = String(file.augmentP);
  if (file.labelNames !== undefined) metadata.labelNames = JSON.stringify(file.labelNames);
  return writeSafetensors(tensors, metadata);
}

/** What a file says of its networks. */
export type NetworkDescription = Pick<NetworkFile, 'config' | 'kimg' | 'lod' | 'labelNames'>;

/** What using a network needs: the averaged generator at once, the discriminator perhaps when it is asked for. */
export interface NetworkSource extends NetworkDescription {
  readonly G_ema: Tensors;
  readonly D: Tensors | null | (() => Promise<Tensors | null>);
}

export type NetworkPart = 'G_ema' | 'G' | 'D';

/** A network file of any format, whose parts are decoded when they are asked for. */
export interface OpenedNetwork extends NetworkDescription {
  /** False for a file without a w_avg: that of G_ema and G is then zero, and has yet to be measured. */
  readonly hasAverageW: boolean;
  /** One network under our names; null where the file holds none of it. */
  part(name: NetworkPart): Promise<Tensors | null>;
}

/**
 * What using the generator `use` of a file needs. Throws {@link FileError} naming `name` where the file does not hold it.
 */
export async function networkSource(
  opened: OpenedNetwork,
  use: 'G_ema' | 'G',
  name: string,
): Promise<NetworkSource> {
  const { config, kimg, lod, labelNames } = opened;
  const generator = await opened.part(use);
  if (generator === null) {
    const other = use === 'G_ema' ? 'G' : 'G_ema';
    const hint = (await opened.part(other)) === null ? '' : `; it holds ${other}, which can be used instead`;
    throw new FileError(`${name}: got no generator ${use}, expected one${hint}`);
  }
  return { config, kimg, lod, labelNames, G_ema: generator, D: () => opened.part('D') };
}

/** All that a file holds; G takes the place of a missing G_ema. Throws {@link FileError} naming `name`. */
export async function wholeNetwork(opened: OpenedNetwork, name: string): Promise<NetworkFile> {
  const { config, kimg, lod, labelNames } = opened;
  const G = await opened.part('G');
  const averaged = (await opened.part('G_ema')) ?? G;
  if (averaged === null) throw new FileError(`${name}: got no generator, expected G_ema or G`);
  return { config, kimg, lod, labelNames, G_ema: averaged, G, D: await opened.part('D') };
}

/** Configuration, age and names of a network file, from its header. Throws {@link FileError} naming `name`. */
export function describeNetwork(
  { metadata }: Pick<SafetensorsHeader, 'metadata'>,
  name: string,
): NetworkDescription {
  if (metadata.format !== FORMAT || metadata.version !== VERSION) {
    throw new FileError(
      `${name}: got a safetensors file of format ${metadata.format ?? 'unknown'} ${metadata.version ?? ''}, ` +
        `expected ${FORMAT} ${VERSION} as written by stylegan train`,
    );
  }
  const config = parseConfig(parseJson('config', metadata.config, name), name);
  const labelNames = parseNames(metadata.labelNames, config, name);
  const [kimg, lod] = [parseKimg(metadata.kimg, name), parseLod(metadata.lod, config, name)];
  return { config, kimg, lod, ...(labelNames && { labelNames }) };
}

/** One network of a file; null when the file holds none of it. Throws {@link FileError} naming the tensor. */
export function decodeNetworkPart(
  header: SafetensorsHeader,
  data: SafetensorsData,
  part: NetworkPart,
  config: NetworkConfig,
  name: string,
): Tensors | null {
  const model = createModel(config);
  const specs = part === 'D' ? model.discriminator : model.generator;
  return takePart(readSafetensorsPart(header, data, `${part}.`), part, specs, name);
}

/** Reads and checks a network file. `name` names it in errors. Throws {@link FileError}. */
export function decodeNetworkFile(bytes: Uint8Array, name: string): NetworkFile {
  const header = readSafetensorsHeader(bytes, bytes.length, name);
  const description = describeNetwork(header, name);
  const data: SafetensorsData = { bytes: bytes.subarray(header.dataStart), begin: 0 };
  const part = (which: NetworkPart) => decodeNetworkPart(header, data, which, description.config, name);
  const generator = part('G_ema');
  if (generator === null)
    throw new FileError(`${name}: got no tensor G_ema.*, expected the averaged generator`);
  return { ...description, G_ema: generator, G: part('G'), D: part('D') };
}

function parseJson(key: string, text: string | undefined, name: string): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    throw new FileError(`${name}: got metadata without a readable ${key}, expected JSON`);
  }
}

function parseKimg(text: string | undefined, name: string): number | null {
  if (text === undefined) return null;
  const kimg = Number(text);
  if (!Number.isFinite(kimg) || kimg < 0)
    throw new FileError(`${name}: got kimg ${text}, expected a number from 0`);
  return kimg;
}

function parseLod(text: string | undefined, config: NetworkConfig, name: string): number {
  const { maxLod } = createModel(config);
  const lod = Number(text ?? 0);
  if (!(lod >= 0 && lod <= maxLod)) {
    throw new FileError(`${name}: got lod ${text}, expected a number from 0 to ${maxLod}`);
  }
  return lod;
}

function parseNames(text: string | undefined, { cDim }: NetworkConfig, name: string): string[] | undefined {
  if (text === undefined) return undefined;
  const names = labelNamesSchema.safeParse(parseJson('labelNames', text, name));
  if (names.success && names.data.length === cDim) return names.data;
  const got = names.success ? `${names.data.length} names` : 'something else';
  throw new FileError(`${name}: got ${got} in metadata labelNames, expected a list of ${cDim} names`);
}

/** Every tensor of one network, checked against its specification; null when the file holds none of it. */
function takePart(
  tensors: ReadonlyMap<string, Tensor>,
  part: NetworkPart,
  specs: readonly ParameterSpec[],
  name: string,
): Tensors | null {
  if (![...tensors.keys()].some((key) => key.startsWith(`${part}.`))) return null;
  const taken = new Map<string, FloatTensor>();
  for (const spec of specs) {
    const key = `${part}.${spec.name}`;
    const tensor = tensors.get(key);
    if (tensor === undefined) throw new FileError(`${name}: got no tensor ${key}, expected [${spec.shape}]`);
    if (tensor.dtype !== 'float32' || !sameShape(tensor.shape, spec.shape)) {
      throw new FileError(
        `${name}: ${key}: got ${tensor.dtype} [${tensor.shape}], expected float32 [${spec.shape}]`,
      );
    }
    taken.set(spec.name, tensor as FloatTensor);
  }
  return taken;
}

/** The tensors that lie one after the other in `flat`, in the order of the specs. */
export function viewsOf(specs: readonly ParameterSpec[], flat: Float32Array): Map<string, FloatTensor> {
  let offset = 0;
  const views = new Map<string, FloatTensor>();
  for (const { name, shape } of specs) {
    const size = sizeOf(shape);
    views.set(name, { dtype: 'float32', shape, data: flat.subarray(offset, offset + size) });
    offset += size;
  }
  return views;
}

/** Number of elements of all specs together. */
export function totalSize(specs: readonly ParameterSpec[]): number {
  return specs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}
