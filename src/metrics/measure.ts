// The table of metrics, and how one is computed by its name.

import { OptionError } from '../core/errors.ts';
import type { Metric, MetricRequest, MetricResults } from './metric.ts';
import { swd } from './swd.ts';

/** By the names of `--metrics`. */
export const METRICS: Readonly<Record<string, Metric>> = { swd };

/** Images of each kind, when the caller does not say. */
export const DEFAULT_NUM = 2048;

/** {@link MetricRequest} where what has a default may be left out. */
export type MeasureRequest = Omit<MetricRequest, 'mirror' | 'num' | 'seed'> &
  Partial<Pick<MetricRequest, 'mirror' | 'num' | 'seed'>>;

/**
 * Computes the metric `name` of the images that `generate` draws against those of `dataset`. The same request, with a
 * `generate` that draws the same, gives the same numbers. By default 2048 images of each kind, seed 0, no mirroring.
 * @returns values by their published names, such as `SWDx1e3_avg`
 * @throws OptionError for an unknown name; what reading the data set throws; the reason of an aborted `signal`
 */
export async function measure(name: string, request: MeasureRequest): Promise<MetricResults> {
  const { mirror = false, num = DEFAULT_NUM, seed = 0 } = request;
  return metricOf(name)({ ...request, mirror, num, seed });
}

/** The metric of that name. Throws OptionError naming those there are. */
export function metricOf(name: string): Metric {
  if (!Object.hasOwn(METRICS, name)) {
    throw new OptionError(`--metrics: got ${name}, expected one of ${Object.keys(METRICS).join(', ')}`);
  }
  return METRICS[name];
}

/** A line of `metric-NAME.jsonl`: the keys of the published tools, then what the numbers depend on. */
export interface MetricRecord {
  readonly results: MetricResults;
  readonly metric: string;
  /** Seconds. */
  readonly total_time: number;
  /** File name of the network, under the published key. */
  readonly snapshot_pkl: string;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly kimg: number | null;
  readonly num: number;
  readonly seed: number;
  readonly trunc: number;
}

/** The record of a finished measurement. `snapshot` is the network's file name, `psi` its truncation. */
export function metricRecord(
  metric: string,
  results: MetricResults,
  about: { snapshot: string; kimg: number | null; seconds: number; num: number; seed: number; psi: number },
): MetricRecord {
  const { snapshot, kimg, seconds, num, seed, psi } = about;
  const timestamp = Date.now() / 1000;
  return {
    results,
    metric,
    total_time: seconds,
    snapshot_pkl: snapshot,
    timestamp,
    kimg,
    num,
    seed,
    trunc: psi,
  };
}
