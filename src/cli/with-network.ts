// Opens the network of a command, on the device asked for, and frees it whatever happens.

import type { Network } from '../generate/network.ts';
import type { Device } from './options.ts';

/** Runs `use` on the network in the file. The engine is loaded only here, so that help and mistakes are quick. */
export async function withNetwork<T>(
  options: { network: string; device: Device },
  use: (network: Network) => Promise<T>,
): Promise<T> {
  const { loadNetwork } = await import('../generate/load-network.node.ts');
  const network = await loadNetwork(options.network, { device: options.device });
  try {
    return await use(network);
  } finally {
    await network.close();
  }
}
