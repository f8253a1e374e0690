// Opens a network file in a browser.

import { networkSource } from '../checkpoints/network-file.ts';
import { openNetworkBytes } from '../checkpoints/open-bytes.ts';
import { FileError } from '../core/errors.ts';
import { openEngine, type WebEngineOptions } from '../runtime/engine.web.ts';
import { sourceWithAverageW } from './average-w.ts';
import type { Network } from './network.ts';
import { openNetwork } from './open-network.ts';

/** Largest file that is downloaded: 2 GiB, as in Node. */
const MAX_BYTES = 2 ** 31;

/**
 * Loads a network of ours or a published checkpoint from a URL, or from bytes at hand. `use` is the generator, the averaged
 * one by default. Throws FileError when it cannot be
 * read or is not a network, and DeviceError when the device is not available.
 */
export async function loadNetwork(
  source: string | URL | Uint8Array,
  options: WebEngineOptions & { readonly use?: 'G_ema' | 'G' } = {},
): Promise<Network> {
  const isBytes = source instanceof Uint8Array;
  const name = isBytes ? 'network' : String(source);
  const opened = openNetworkBytes(isBytes ? source : await download(source), name);
  const file = await networkSource(opened, options.use ?? 'G_ema', name);
  const engine = await openEngine(options);
  return openNetwork(opened.hasAverageW ? file : await sourceWithAverageW(file, engine), engine);
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
