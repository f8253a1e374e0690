// Opens the network that `--resume` names, and compares it with those of the run.

import { resolve } from 'node:path';
import { fetchNetwork, isAddress } from '../checkpoints/fetch-network.node.ts';
import { openNetworkFile } from '../checkpoints/open-file.node.ts';
import { PUBLISHED_NETWORKS } from '../checkpoints/published-networks.ts';
import type { Model } from '../models/contract.ts';
import type { NetworkConfig } from '../models/registry.ts';
import { planTransfer, type Transfer } from './transfer.ts';

/** Gives the file on this machine of a network that is named by path, address or name. */
export type NetworkLocator = (source: string) => Promise<string>;

/** `source` as for `--network`: a path, an address, or a published name. Throws FileError and OptionError. */
export async function openTransfer(
  source: string,
  model: Model<NetworkConfig>,
  locate: NetworkLocator = fetchNetwork,
): Promise<Transfer> {
  return planTransfer(model, await openNetworkFile(await locate(source)), lastingName(source));
}

/**
 * What a run calls its source, whether or not that is still there: a path in full, so that it is the same from any
 * folder, and an address without user name and password.
 */
export function lastingName(source: string): string {
  if (isAddress(source)) {
    if (!URL.canParse(source)) return source;
    const address = new URL(source);
    address.username = '';
    address.password = '';
    return address.href;
  }
  const isListed = PUBLISHED_NETWORKS.some(({ name }) => name === source);
  return source === '' || isListed ? source : resolve(source);
}
