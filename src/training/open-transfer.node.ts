// Opens the network that `--resume` names, and compares it with those of the run.

import { fetchNetwork } from '../checkpoints/fetch-network.node.ts';
import { openNetworkFile } from '../checkpoints/open-file.node.ts';
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
  return planTransfer(model, await openNetworkFile(await locate(source)), source);
}
