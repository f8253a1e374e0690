// Metrics of a run's snapshots: the averaged generator against the data it is trained on.

import { Random } from '../core/random.ts';
import type { Dataset } from '../data/dataset.ts';
import { DEFAULT_NUM, type MetricRecord, measure, metricRecord } from '../metrics/measure.ts';
import { openEngine } from '../runtime/engine.node.ts';
import type { Engine } from '../runtime/engine.ts';
import type { TrainingOptions } from './options.ts';
import { Sampler } from './sampler.ts';
import type { TrainingState } from './state.ts';

export interface SnapshotRequest {
  /** The run's engine, which draws. */
  readonly drawing: Engine;
  readonly state: TrainingState;
  readonly dataset: Dataset;
  readonly options: TrainingOptions;
  /** The network's file name. */
  readonly snapshot: string;
  readonly signal?: AbortSignal;
}

/** Measures one metric, with random noise as published; latents and noise are the same at every snapshot. Rejects with the signal's reason. */
export async function measureSnapshot(name: string, request: SnapshotRequest): Promise<MetricRecord> {
  const { drawing, state, dataset, options, snapshot, signal } = request;
  const { seed, mirror, zDim, cond } = options;
  const latents = new Random(seed, 'metric-latents');
  const sampler = new Sampler(drawing, state, new Random(seed, 'metric-noise'));
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
    return metricRecord(name, results, {
      snapshot,
      kimg: state.kimg,
      seconds,
      num: DEFAULT_NUM,
      seed,
      psi: 1,
    });
  } finally {
    await sampler.release();
    await engine.close();
  }
}
