// Metrics of a run's snapshots: the averaged generator against the data it is trained on.

import { Random } from '../core/random.ts';
import type { Dataset } from '../data/dataset.ts';
import { DEFAULT_NUM, type MetricRecord, measure, metricRecord } from '../metrics/measure.ts';
import { openEngine } from '../runtime/engine.node.ts';
import type { TrainingOptions } from './options.ts';
import type { Sampler } from './sampler.ts';

export interface SnapshotRequest {
  readonly sampler: Sampler;
  readonly dataset: Dataset;
  readonly options: TrainingOptions;
  /** The network's file name. */
  readonly snapshot: string;
  readonly kimg: number;
  readonly signal?: AbortSignal;
}

/** Measures one metric; the latents are the same at every snapshot. Rejects with the signal's reason. */
export async function measureSnapshot(name: string, request: SnapshotRequest): Promise<MetricRecord> {
  const { sampler, dataset, options, snapshot, kimg, signal } = request;
  const { seed, mirror, zDim, cond } = options;
  const latents = new Random(seed, 'metric-latents');
  const choice = new Random(seed, 'metric-labels');
  const generate = (count: number) => {
    const z = latents.fillNormal(new Float32Array(count * zDim));
    const c = cond ? new Float32Array(count * dataset.labelDim) : null;
    for (let i = 0; c !== null && i < count; i++) {
      c.set(dataset.label(choice.integer(dataset.length)), i * dataset.labelDim);
    }
    return sampler.draw({ z, c });
  };
  // The arithmetic beside the networks: few operators, on arrays that are larger than GPUs take.
  const engine = await openEngine({ device: 'cpu' });
  const start = performance.now();
  try {
    const results = await measure(name, { engine, dataset, mirror, seed, generate, signal });
    const seconds = (performance.now() - start) / 1000;
    return metricRecord(name, results, { snapshot, kimg, seconds, num: DEFAULT_NUM, seed, psi: 1 });
  } finally {
    await engine.close();
  }
}
