// Opens a data set for training: a prepared zip or folder as it is, anything else after preparing it.
import type { Dataset } from './dataset.ts';
import type { PrepareProgress } from './prepare.node.ts';

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
  readonly signal?: AbortSignal;
}

/** @throws FileError when the source is missing, empty, or has no labels where they are asked for. */
export async function openDataset(path: string, options: OpenDatasetOptions = {}): Promise<Dataset> {
  throw new Error(`not written yet: ${path} ${JSON.stringify(options)}`);
}
