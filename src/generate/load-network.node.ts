// Opens a network file from disk.

import { type FetchOptions, fetchNetwork } from '../checkpoints/fetch-network.node.ts';
import { networkSource } from '../checkpoints/network-file.ts';
import { openNetworkFile } from '../checkpoints/open-file.node.ts';
import type { EngineOptions } from '../runtime/engine.ts';
import { sourceWithAverageW } from './average-w.ts';
import type { Network } from './network.ts';

export interface LoadOptions extends EngineOptions {
  /** Which generator: the averaged one, or the one that was trained. Default G_ema. */
  readonly use?: 'G_ema' | 'G';
}

/**
 * Loads `network-snapshot-NNNNNN.safetensors`, by its path; by its address, `https://…`, which is downloaded once; or
 * by the name of a published network (see {@link fetchNetwork}). Throws FileError when it cannot be read or is not a
 * network, and DeviceError when the device is not available.
 */
export async function loadNetwork(
  source: string,
  options: LoadOptions & FetchOptions = {},
): Promise<Network> {
  const path = await fetchNetwork(source, options);
  // The engine's modules load while the file is read.
  const [opened, { openEngine }, { openNetwork }] = await Promise.all([
    openNetworkFile(path),
    import('../runtime/engine.node.ts'),
    import('./open-network.ts'),
  ]);
  const file = await networkSource(opened, options.use ?? 'G_ema', path);
  const engine = await openEngine(options);
  return openNetwork(opened.hasAverageW ? file : await sourceWithAverageW(file, engine), engine);
}
