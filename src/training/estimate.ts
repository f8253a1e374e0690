// What a run will take, before it starts: parameters, memory and time.

import { totalSize } from '../checkpoints/network-file.ts';
import { countFlops, peakBytes } from '../graph/cost.ts';
import { simplify } from '../graph/simplify.ts';
import type { Model } from '../models/contract.ts';
import { lodAt, type Stage, stageAt } from './growth.ts';
import { growthOf, ratesAt, type TrainingOptions } from './options.ts';
import { buildPhases, trainable } from './phases.ts';
import { phaseInterval, phaseOptions } from './trainer.ts';

export interface Estimate {
  readonly parametersG: number;
  readonly parametersD: number;
  /** Floating-point operations for a thousand images, all phases at their rates: the mean over the run. */
  readonly flopsPerKimg: number;
  /** Weights, moments and averages, and the results alive at once in the largest phase. */
  readonly memoryMB: number;
}

/** What the program and its compiled sessions take beside the tensors, in MB (measured at 32² and 64²). */
const BASE_MB = 350;

export function estimateRun(model: Model, options: TrainingOptions): Estimate {
  const parametersG = totalSize(trainable(model.generator));
  const parametersD = totalSize(trainable(model.discriminator));
  const costs = stagesOf(model, options).map(({ stage, share }) => ({
    share,
    ...costOf(model, options, stage),
  }));
  // G: weights, average, moments, gradient; D: weights, moments, gradient; each gradient leaves the engine as a copy.
  const moments = options.beta1 > 0 ? 2 : 1;
  const weights = 4 * ((4 + moments) * parametersG + (3 + moments) * parametersD);
  return {
    parametersG,
    parametersD,
    flopsPerKimg: costs.reduce((sum, { share, flopsPerKimg }) => sum + share * flopsPerKimg, 0),
    memoryMB: BASE_MB + (Math.max(...costs.map(({ activations }) => activations)) + weights) / 2 ** 20,
  };
}

/** Stages of growing with their shares of the run, by sampling its schedule. */
function stagesOf(model: Model, options: TrainingOptions): { stage: Stage; share: number }[] {
  const samples = 1000;
  const growth = growthOf(options);
  const { resumeKimg } = options;
  const { imgResolution } = model.config;
  const shares = new Map<string, { stage: Stage; share: number }>();
  for (let i = 0; i < samples; i++) {
    const kimg = resumeKimg + ((options.kimg - resumeKimg) * i) / samples;
    const stage = stageAt(lodAt(kimg, growth, imgResolution), growth, imgResolution);
    const key = JSON.stringify(stage);
    shares.set(key, { stage, share: (shares.get(key)?.share ?? 0) + 1 / samples });
  }
  return [...shares.values()];
}

function costOf(
  model: Model,
  options: TrainingOptions,
  stage: Stage,
): { flopsPerKimg: number; activations: number } {
  const { batch } = ratesAt(options, model.config.imgResolution / 2 ** stage.level);
  const graphs = buildPhases(model, phaseOptions(options, batch), stage).map((phase) => ({
    interval: phaseInterval(phase.name, options),
    rounds: batch / phase.batch,
    graph: simplify(phase.graph),
  }));
  const flops = graphs.reduce((sum, g) => sum + (countFlops(g.graph) * g.rounds) / g.interval, 0);
  return {
    flopsPerKimg: (flops / batch) * 1000,
    activations: Math.max(...graphs.map(({ graph }) => peakBytes(graph))),
  };
}
