// Opens a data set for training: a prepared zip or folder as it is, anything else after preparing it.
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { FileError } from '../core/errors.ts';
import type { Dataset } from './dataset.ts';
import { fingerprint } from './file-tree.node.ts';
import { type PrepareOptions, type PrepareProgress, prepareDataset } from './prepare.node.ts';
import { openPrepared, preparedDataset } from './prepared.node.ts';
import { FACES } from './sources/faces.ts';

export interface OpenDatasetOptions {
  /** Read labels (class folders of a plain source); without it, labelDim is 0. */
  readonly labels?: boolean;
  /** Use at most this many images, a seeded choice among all. */
  readonly maxImages?: number;
  /** Side wanted; a source of another size is prepared again. Default: the source's own. */
  readonly resolution?: number;
  /** Channels wanted; likewise. */
  readonly channels?: 1 | 3 | 4;
  /** Where a plain source is prepared into; default: `stylegan` in the user's cache folder. */
  readonly cacheDir?: string;
  readonly onProgress?: (progress: PrepareProgress) => void;
  readonly onSkip?: (name: string, reason: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Opens `path`: a prepared zip or folder (this project's or the published tools'), any source that
 * `prepareDataset` takes, or `faces`. What is not prepared, or not of the wanted resolution and channels, is
 * prepared once into `cacheDir` and found there the next time, as long as the source does not change.
 * @throws FileError when the source is missing, empty, or has no labels where they are asked for.
 */
export async function openDataset(path: string, options: OpenDatasetOptions = {}): Promise<Dataset> {
  const prepared = path === FACES ? null : await openPrepared(path);
  if (prepared) {
    const { resolution = prepared.width, channels = prepared.channels } = options;
    const fits = resolution === prepared.width && channels === prepared.channels;
    if (fits) return preparedDataset(prepared, nameOf(path), options);
    await prepared.tree.close();
  }
  const cached = await prepareIntoCache(path, options);
  const reopened = await openPrepared(cached);
  if (reopened === null) throw new FileError(`${cached} is damaged: remove it, and it is prepared again`);
  return preparedDataset(reopened, nameOf(path), options);
}

async function prepareIntoCache(path: string, options: OpenDatasetOptions): Promise<string> {
  const { labels, maxImages, resolution, channels, onProgress, onSkip, signal } = options;
  const wanted: PrepareOptions = { labels: labels ? 'any' : undefined, maxImages, resolution, channels };
  const identity = path === FACES ? FACES : await fingerprint(path);
  const key = createHash('sha256')
    .update(`1 ${identity} ${JSON.stringify(wanted)}`)
    .digest('hex')
    .slice(0, 12);
  const cached = join(options.cacheDir ?? defaultCache(), `${nameOf(path)}-${key}.zip`);
  if (!(await stat(cached).catch(() => null))) {
    await prepareDataset(path, cached, { ...wanted, onProgress, onSkip, signal });
  }
  return cached;
}

function defaultCache(): string {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'stylegan');
}

function nameOf(path: string): string {
  return (
    basename(path)
      .replace(/\.(zip|npz|npy|tgz|tar|gz)$/i, '')
      .replace(/\.tar$/i, '') || 'data'
  );
}
