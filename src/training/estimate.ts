// What a run will take, before it starts: parameters, memory and time.

import { totalSize } from '../checkpoints/network-file.ts';
import { countFlops, peakBytes } from '../graph/cost.ts';
import { simplify } from '../graph/simplify.ts';
import type { Model } from '../models/contract.ts';
import type { TrainingOptions } from './options.ts';
import { buildPhases, trainable } from './phases.ts';
import { phaseInterval, phaseOptions } from './trainer.ts';

export interface Estimate {
  readonly parametersG: number;
  readonly parametersD: number;
  /** Floating-point operations for a thousand images, all phases at their rates. */
  readonly flopsPerKimg: number;
  /** Weights, moments and averages, and the results alive at once in the largest phase. */
  readonly memoryMB: number;
}

/** What the program and its compiled sessions take beside the tensors, in MB (measured at 32² and 64²). */
const BASE_MB = 350;

export function estimateRun(model: Model, options: TrainingOptions): Estimate {
  const parametersG = totalSize(trainable(model.generator));
  const parametersD = totalSize(trainable(model.discriminator));
  const graphs = buildPhases(model, phaseOptions(options)).map((phase) => ({
    interval: phaseInterval(phase.name),
    graph: simplify(phase.graph),
  }));
  const rounds = options.batch / options.batchGpu;
  const flops = graphs.reduce((sum, { interval, graph }) => sum + (countFlops(graph) * rounds) / interval, 0);
  const activations = Math.max(...graphs.map(({ graph }) => peakBytes(graph)));
  // G: weights, average, moment, gradient; D: weights, moment, gradient; each gradient leaves the engine as a copy.
  const weights = 4 * (5 * parametersG + 4 * parametersD);
  return {
    parametersG,
    parametersD,
    flopsPerKimg: (flops / options.batch) * 1000,
    memoryMB: BASE_MB + (activations + weights) / 2 ** 20,
  };
}
