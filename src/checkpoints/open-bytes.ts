// Opens a network file of any format that lies in memory.

import { decodeNetworkPart, describeNetwork, type NetworkPart, type OpenedNetwork } from './network-file.ts';
import { isSafetensors, readForeign } from './read-foreign.ts';
import { readSafetensorsHeader, type SafetensorsData } from './safetensors.ts';

/** Throws FileError naming `name`. Keeps `bytes` as long as the result is in use. */
export function openNetworkBytes(bytes: Uint8Array, name: string): OpenedNetwork {
  if (!isSafetensors(bytes)) return readForeign(bytes, name).open();
  const header = readSafetensorsHeader(bytes, bytes.length, name);
  const description = describeNetwork(header, name);
  const data: SafetensorsData = { bytes: bytes.subarray(header.dataStart), begin: 0 };
  return {
    ...description,
    hasAverageW: true,
    part: async (part: NetworkPart) => decodeNetworkPart(header, data, part, description.config, name),
  };
}
