// Training workloads: whole steps, with all phases at their lazy rates, optimizer, averaging and data.

import { Random } from '../src/core/random.ts';
import { EndlessBatches } from '../src/data/batches.ts';
import type { Dataset } from '../src/data/dataset.ts';
import { createModel } from '../src/models/registry.ts';
import { openEngine } from '../src/runtime/engine.node.ts';
import type { Engine } from '../src/runtime/engine.ts';
import { measureGemm } from '../src/runtime/gemm-rate.ts';
import { estimateRun } from '../src/training/estimate.ts';
import { networkConfigOf, resolveOptions, type TrainingRequest } from '../src/training/options.ts';
import { TrainingState } from '../src/training/state.ts';
import { Trainer } from '../src/training/trainer.ts';
import { type BenchResult, median, spreadOf } from './result.ts';

export interface TrainingWorkload extends TrainingRequest {
  readonly resolution: number;
  /** Measured rounds; one round times each kind of step once. */
  readonly rounds: number;
}

/** Seeded noise pictures, decoded on demand as a real data set's are held: uint8 in memory. */
function noiseDataset(resolution: number): Dataset {
  const random = new Random(0, 'bench-data');
  const pixels = Uint8Array.from({ length: 256 * 3 * resolution ** 2 }, () => random.integer(256));
  const size = 3 * resolution ** 2;
  return {
    name: 'noise',
    path: 'noise',
    length: 256,
    channels: 3,
    resolution,
    labelDim: 0,
    readImage: async (index) => pixels.subarray(index * size, (index + 1) * size),
    label: () => new Float32Array(0),
    close: async () => {},
  };
}

interface Course {
  readonly flopsPerKimg: number;
  /** Seconds per kimg, by running every kind of step once. */
  measure(): Promise<number>;
}

/**
 * A cycle runs all phases once (16 steps with the published lazy rates), G's regularizer some times more, and else the
 * two main phases; each kind of step is timed in every round and weighted by how often it occurs.
 */
async function openCourse(engine: Engine, request: TrainingRequest, dataset: Dataset): Promise<Course> {
  const options = resolveOptions(request, dataset);
  const state = new TrainingState(createModel(networkConfigOf(options, dataset)), 0, { p: options.p ?? 0 });
  const batches = new EndlessBatches(dataset, { batch: options.batch, seed: 0 });
  const trainer = await Trainer.open(engine, state, options, () => new Float32Array(0));
  const step = async (index: number): Promise<number> => {
    state.batches = index;
    const start = performance.now();
    await trainer.step(await batches.next());
    return (performance.now() - start) / 1000;
  };
  const { gRegInterval: g, dRegInterval: d } = options;
  const cycleSteps = Math.max(g, d);
  const kinds = [
    { index: 0, count: 1 },
    { index: g, count: cycleSteps / g - 1 },
    { index: 1, count: cycleSteps - cycleSteps / g },
  ];
  const measure = async () => {
    let cycle = 0;
    for (const { index, count } of kinds) cycle += count * (await step(index));
    return (cycle / cycleSteps / options.batch) * 1000;
  };
  await measure(); // warm up
  return { flopsPerKimg: estimateRun(state.model, options).flopsPerKimg, measure };
}

/** Where images are augmented, the same training without that is measured in turns, and the difference reported. */
export async function benchTraining(name: string, workload: TrainingWorkload): Promise<BenchResult> {
  const { resolution, rounds, ...request } = workload;
  const dataset = noiseDataset(resolution);
  const engine = await openEngine();
  const course = await openCourse(engine, request, dataset);
  const { aug, p: _p, augpipe: _pipe, ...rest } = request;
  const plain = aug === 'noaug' ? null : await openCourse(engine, { ...rest, aug: 'noaug' }, dataset);
  const [gemm, secPerKimg, costs]: number[][] = [[], [], []];
  for (let round = 0; round < rounds; round++) {
    gemm.push(await measureGemm(engine));
    const seconds = await course.measure();
    secPerKimg.push(seconds);
    if (plain !== null) costs.push(seconds / (await plain.measure()) - 1);
  }
  gemm.push(await measureGemm(engine));
  const peakMemoryMB = process.resourceUsage().maxRSS / 1024;
  await engine.close();
  const value = median(secPerKimg);
  // What augmentation multiplies counts as time only: its matrices are mostly zero.
  const gflops = (plain ?? course).flopsPerKimg / value / 1e9;
  const gemmGflops = median(gemm);
  const spread = spreadOf(secPerKimg);
  return {
    name,
    value,
    unit: 'sec/kimg',
    gflops,
    gemmGflops,
    ratio: gflops / gemmGflops,
    peakMemoryMB,
    spread,
    ...(costs.length > 0 && { augmentation: median(costs) }),
  };
}
