// A network by path, by address or by name: whichever is given, a file on this machine comes back.

import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { FileError, OptionError } from '../core/errors.ts';
import { type DownloadLimits, download, sha256Of } from './download.node.ts';
import { PUBLISHED_NETWORKS, type PublishedNetwork } from './published-networks.ts';

export interface DownloadProgress {
  /** Without `#sha256=`. */
  readonly address: string;
  /** Bytes that are on this machine. */
  readonly done: number;
  /** Bytes of the whole file; null where the server does not say. */
  readonly total: number | null;
  /** What is known of the file, where its address is listed. */
  readonly network: PublishedNetwork | null;
}

export interface FetchOptions {
  /** Stops a download; what has come stays for the next time. */
  readonly signal?: AbortSignal;
  /** Called while something is downloaded, and not at all where the file is on this machine. */
  readonly onDownload?: (progress: DownloadProgress) => void;
  readonly limits?: Partial<DownloadLimits>;
}

/**
 * The path of a network on this machine. `source` is a path; or an address, `https://…` or `https://…#sha256=HEX`,
 * which is downloaded once into {@link cacheFolder}; or a name of {@link PUBLISHED_NETWORKS}, where there is no file
 * of that name. The content of an address is taken never to change: a file in the cache is used without asking the
 * server. A hash in the address is compared at every use, a listed one after downloading. Throws FileError and
 * OptionError.
 */
export async function fetchNetwork(source: string, options: FetchOptions = {}): Promise<string> {
  if (!isAddress(source)) {
    if (!/^[\w.-]+$/.test(source) || (await isFile(source))) return source;
    const listed = PUBLISHED_NETWORKS.find(({ name }) => name === source);
    if (listed !== undefined) return fetchAddress(new URL(listed.address), null, options);
    if (!source.includes('.')) {
      throw new FileError(
        `cannot read ${source}: no such file, and no network of that name; stylegan networks lists those`,
      );
    }
    return source;
  }
  if (!/^https?:/i.test(source) || !URL.canParse(source)) {
    throw new OptionError(`got the address ${source}, expected https://…`);
  }
  const address = new URL(source);
  const sha256 = hashOf(address);
  address.hash = '';
  return fetchAddress(address, sha256, options);
}

/** Whether a network's source is an address rather than a path or a name. */
export function isAddress(source: string): boolean {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(source);
}

/** Where downloads of this user go. `STYLEGAN_CACHE_DIR`, where set, is the folder itself. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env, platform = process.platform): string {
  if (env.STYLEGAN_CACHE_DIR) return resolve(env.STYLEGAN_CACHE_DIR);
  // Relative ones are to be ignored (XDG Base Directory Specification).
  if (env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME)) return join(env.XDG_CACHE_HOME, 'stylegan');
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'stylegan');
  if (platform === 'win32') {
    return join(env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'stylegan', 'Cache');
  }
  return join(homedir(), '.cache', 'stylegan');
}

/** Where the file of an address is kept: names what it is, and differs for every address. */
export function cachePath(address: string): string {
  const url = new URL(address);
  url.hash = '';
  const id = createHash('sha256').update(url.href).digest('hex').slice(0, 16);
  const name = basename(url.pathname)
    .replace(/[^\w.-]/g, '_')
    .slice(-64);
  return join(cacheFolder(), `${id}-${name}`);
}

async function fetchAddress(
  address: URL,
  sha256: string | null,
  { signal, onDownload, limits }: FetchOptions,
): Promise<string> {
  const path = cachePath(address.href);
  const isCached = await isFile(path);
  if (isCached && (sha256 === null || (await sha256Of(path, signal)) === sha256)) return path;
  const network = PUBLISHED_NETWORKS.find((listed) => listed.address === address.href) ?? null;
  await download(address, path, {
    sha256: sha256 ?? network?.sha256,
    signal,
    limits,
    onProgress: (done, total) => onDownload?.({ address: address.href, done, total, network }),
  });
  return path;
}

/** The hash in `#sha256=HEX`; null where there is no fragment. Throws OptionError for any other. */
function hashOf({ hash }: URL): string | null {
  if (hash === '') return null;
  const [, hex] = /^#sha256=([0-9a-f]{64})$/i.exec(hash) ?? [];
  if (hex === undefined)
    throw new OptionError(`got ${hash} in the address, expected #sha256= and 64 hex digits`);
  return hex.toLowerCase();
}

function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
