// Opens a network file from disk.

import { decodeNetworkFile } from '../checkpoints/network-file.ts';
import { readFileBounded } from '../core/files.node.ts';
import { openEngine } from '../runtime/engine.node.ts';
import type { EngineOptions } from '../runtime/engine.ts';
import type { Network } from './network.ts';
import { openNetwork } from './open-network.ts';

/**
 * Loads `network-snapshot-NNNNNN.safetensors`. Throws FileError when it cannot be read or is not a network, and
 * DeviceError when the device is not available.
 */
export async function loadNetwork(path: string, options: EngineOptions = {}): Promise<Network> {
  const file = decodeNetworkFile(await readFileBounded(path), path);
  return openNetwork(file, await openEngine(options));
}
