// Opens a network file in a browser.

import { decodeNetworkFile } from '../checkpoints/network-file.ts';
import { FileError } from '../core/errors.ts';
import { openEngine, type WebEngineOptions } from '../runtime/engine.web.ts';
import type { Network } from './network.ts';
import { openNetwork } from './open-network.ts';

/** Largest file that is downloaded: 2 GiB, as in Node. */
const MAX_BYTES = 2 ** 31;

/**
 * Loads `network-snapshot-NNNNNN.safetensors` from a URL, or from bytes at hand. Throws FileError when it cannot be
 * read or is not a network, and DeviceError when the device is not available.
 */
export async function loadNetwork(
  source: string | URL | Uint8Array,
  options: WebEngineOptions = {},
): Promise<Network> {
  const isBytes = source instanceof Uint8Array;
  const file = isBytes
    ? decodeNetworkFile(source, 'network')
    : decodeNetworkFile(await download(source), String(source));
  return openNetwork(file, await openEngine(options));
}

async function download(url: string | URL): Promise<Uint8Array> {
  const cannot = (reason: string) => new FileError(`cannot read ${url}: ${reason}`);
  const response = await fetch(url).catch((error: Error) => {
    throw cannot(error.message);
  });
  if (!response.ok) throw cannot(`the server answered ${response.status}`);
  const length = Number(response.headers.get('content-length') ?? 0);
  if (length > MAX_BYTES) throw cannot(`got ${length} bytes, expected at most ${MAX_BYTES}`);
  return new Uint8Array(await response.arrayBuffer());
}
