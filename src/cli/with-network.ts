// Opens the network of a command, on the device asked for, and frees it whatever happens.

import type { Network } from '../generate/network.ts';
import { networkFile } from './network-file.ts';
import type { Device } from './options.ts';

/**
 * Runs `use` on the network that is named by path, address or name, and on the path of its file. The engine is loaded
 * only here, so that help and mistakes are quick.
 */
export async function withNetwork<T>(
  options: { network: string; device: Device },
  use: (network: Network, file: string) => Promise<T>,
): Promise<T> {
  const { loadNetwork } = await import('../generate/load-network.node.ts');
  const file = await networkFile(options.network);
  const network = await loadNetwork(file, { device: options.device });
  try {
    return await use(network, file);
  } finally {
    await network.close();
  }
}
