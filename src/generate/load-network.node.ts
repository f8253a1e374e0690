// Opens a network file from disk.

import { type FetchOptions, fetchNetwork } from '../checkpoints/fetch-network.node.ts';
import {
  decodeNetworkPart,
  describeNetwork,
  type NetworkPart,
  type NetworkSource,
  type Tensors,
} from '../checkpoints/network-file.ts';
import {
  readSafetensorsHeader,
  type SafetensorsHeader,
  safetensorsDataStart,
} from '../checkpoints/safetensors.ts';
import { FileError } from '../core/errors.ts';
import { readFileRange, readFileStart } from '../core/files.node.ts';
import type { EngineOptions } from '../runtime/engine.ts';
import type { Network } from './network.ts';

/** Enough for the header of every published size; a longer one is read again. */
const HEADER_GUESS = 1 << 18;

/**
 * Loads `network-snapshot-NNNNNN.safetensors`, by its path; by its address, `https://…`, which is downloaded once; or
 * by the name of a published network (see {@link fetchNetwork}). Throws FileError when it cannot be read or is not a
 * network, and DeviceError when the device is not available.
 */
export async function loadNetwork(
  source: string,
  options: EngineOptions & FetchOptions = {},
): Promise<Network> {
  const path = await fetchNetwork(source, options);
  // The engine's modules load while the file is read.
  const [file, { openEngine }, { openNetwork }] = await Promise.all([
    readSource(path),
    import('../runtime/engine.node.ts'),
    import('./open-network.ts'),
  ]);
  return openNetwork(file, await openEngine(options));
}

/** Reads the generator in use; the discriminator stays on disk until it is asked for. */
async function readSource(path: string): Promise<NetworkSource> {
  const header = await readHeader(path);
  const description = describeNetwork(header, path);
  const part = (name: NetworkPart) => readPart(path, header, name, description.config);
  const generator = await part('G_ema');
  if (generator === null)
    throw new FileError(`${path}: got no tensor G_ema.*, expected the averaged generator`);
  return { ...description, G_ema: generator, D: () => part('D') };
}

async function readHeader(path: string): Promise<SafetensorsHeader> {
  const { bytes, fileBytes } = await readFileStart(path, HEADER_GUESS);
  const start = safetensorsDataStart(bytes.subarray(0, 8), fileBytes, path);
  const whole = start <= bytes.length ? bytes : (await readFileStart(path, start)).bytes;
  return readSafetensorsHeader(whole, fileBytes, path);
}

/** One network's tensors lie together: one read from the first to the last. */
async function readPart(
  path: string,
  header: SafetensorsHeader,
  part: NetworkPart,
  config: NetworkSource['config'],
): Promise<Tensors | null> {
  const own = [...header.entries].filter(([name]) => name.startsWith(`${part}.`)).map(([, entry]) => entry);
  if (own.length === 0) return null;
  const begin = Math.min(...own.map((entry) => entry.begin));
  const end = Math.max(...own.map((entry) => entry.end));
  const bytes = await readFileRange(path, header.dataStart + begin, end - begin);
  return decodeNetworkPart(header, { bytes, begin }, part, config, path);
}
