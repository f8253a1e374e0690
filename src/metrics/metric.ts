// What every metric is: a function of a data set and of a way to draw images, so that it asks for no network file.

import type { FloatTensor } from '../core/tensor.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Engine } from '../runtime/engine.ts';

export interface MetricRequest {
  /** Computes the metric's own arithmetic. */
  readonly engine: Engine;
  /** The real images. */
  readonly dataset: Dataset;
  /** Real images also flipped left to right, as in a run with `--mirror`. */
  readonly mirror: boolean;
  /** `count` images that it has not given before: [count, C, R, R] as the data set's, nominally [-1, 1]. */
  readonly generate: (count: number) => Promise<FloatTensor>;
  /** Images of each kind, real and generated. */
  readonly num: number;
  /** Of everything that the metric draws itself; `generate` has its own. */
  readonly seed: number;
  readonly onProgress?: (progress: MetricProgress) => void;
  /** Stops between pieces of work, and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** `done` of `total` units are finished in the present stage of the work. */
export interface MetricProgress {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  /** What is counted, in the plural. */
  readonly unit: string;
}

/** Values by name. */
export type MetricResults = Readonly<Record<string, number>>;

export type Metric = (request: MetricRequest) => Promise<MetricResults>;
