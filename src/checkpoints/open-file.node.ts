// Opens a network file of any format on disk.

import { readFileBounded, readFileRange, readFileStart } from '../core/files.node.ts';
import {
  decodeNetworkPart,
  describeNetwork,
  type NetworkPart,
  type OpenedNetwork,
  type Tensors,
} from './network-file.ts';
import { isSafetensors, readForeign } from './read-foreign.ts';
import { readSafetensorsHeader, type SafetensorsHeader, safetensorsDataStart } from './safetensors.ts';

/** Enough for the header of every published size; a longer one is read again. */
const HEADER_GUESS = 1 << 18;

/**
 * Opens a network of ours, of which a part stays on disk until it is asked for, or a published checkpoint, which is read
 * whole; told apart by content. Throws FileError.
 */
export async function openNetworkFile(path: string): Promise<OpenedNetwork> {
  const start = await readFileStart(path, HEADER_GUESS);
  if (!isSafetensors(start.bytes)) return readForeign(await readFileBounded(path), path).open();
  const header = await readHeader(path, start);
  const description = describeNetwork(header, path);
  return {
    ...description,
    hasAverageW: true,
    part: (part) => readPart(path, header, part, description.config),
  };
}

async function readHeader(
  path: string,
  { bytes, fileBytes }: { bytes: Uint8Array; fileBytes: number },
): Promise<SafetensorsHeader> {
  const start = safetensorsDataStart(bytes.subarray(0, 8), fileBytes, path);
  const whole = start <= bytes.length ? bytes : (await readFileStart(path, start)).bytes;
  return readSafetensorsHeader(whole, fileBytes, path);
}

/** One network's tensors lie together: one read from the first to the last. */
async function readPart(
  path: string,
  header: SafetensorsHeader,
  part: NetworkPart,
  config: OpenedNetwork['config'],
): Promise<Tensors | null> {
  const own = [...header.entries].filter(([name]) => name.startsWith(`${part}.`)).map(([, entry]) => entry);
  if (own.length === 0) return null;
  const begin = Math.min(...own.map((entry) => entry.begin));
  const end = Math.max(...own.map((entry) => entry.end));
  const bytes = await readFileRange(path, header.dataStart + begin, end - begin);
  return decodeNetworkPart(header, { bytes, begin }, part, config, path);
}
