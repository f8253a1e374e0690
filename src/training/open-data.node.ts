// Opens the pictures that a run trains on, with their labels where it wants them.

import { OptionError } from '../core/errors.ts';
import type { Dataset } from '../data/dataset.ts';
import { openDataset } from '../data/open-dataset.node.ts';

export interface DataRequest {
  /** A prepared or plain data set, or an open one. */
  readonly data: string | Dataset;
  /** Whether the labels are read. */
  readonly cond?: boolean;
  readonly onLog?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Opens `--data`, preparing it first when it is not yet a data set. Throws FileError, and OptionError for labels that
 * teach nothing.
 */
export async function openData({ data, cond, signal, onLog }: DataRequest): Promise<Dataset> {
  if (typeof data !== 'string') return data;
  const dataset = await openDataset(data, {
    labels: cond === true,
    signal,
    onProgress: ({ done, total }) => {
      if (done === total || done % 1000 === 0)
        onLog?.(`preparing ${data}: ${done} of ${total ?? '?'} images`);
    },
    onSkip: (name, reason) => onLog?.(`skipped ${name}: ${reason}`),
  });
  if (cond !== true || labelsDiffer(dataset)) return dataset;
  await dataset.close();
  throw new OptionError(
    `--cond: got the same label for all ${dataset.length} images of ${data}, expected at least two; leave --cond out`,
  );
}

function labelsDiffer(dataset: Dataset): boolean {
  const first = dataset.label(0);
  for (let i = 1; i < dataset.length; i++) {
    if (dataset.label(i).some((value, k) => value !== first[k])) return true;
  }
  return false;
}
