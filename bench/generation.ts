// Generation workloads: one image at a time from random weights of the published widths.

import { openNetwork } from '../src/generate/open-network.ts';
import { latentsOf } from '../src/generate/seeds.ts';
import { input } from '../src/graph/build.ts';
import { countFlops } from '../src/graph/cost.ts';
import { simplify } from '../src/graph/simplify.ts';
import { broadcastW, parameterInputs } from '../src/models/network-graph.ts';
import type { NetworkConfig } from '../src/models/registry.ts';
import { createModel } from '../src/models/registry.ts';
import { openEngine } from '../src/runtime/engine.node.ts';
import { measureGemm } from '../src/runtime/gemm-rate.ts';
import { TrainingState } from '../src/training/state.ts';
import { type BenchResult, median, spreadOf } from './result.ts';

export interface GenerationWorkload {
  readonly config: NetworkConfig;
  readonly rounds: number;
}

function flopsOfOneImage(config: NetworkConfig): number {
  const model = createModel(config);
  const p = parameterInputs(model.generator, 'G.');
  const w = model.mapping(p, input('z', [1, config.zDim]), null);
  return countFlops(
    simplify({ outputs: { image: model.synthesis(p, broadcastW(w, model.config.numWs), () => null) } }),
  );
}

export async function benchGeneration(
  name: string,
  { config, rounds }: GenerationWorkload,
): Promise<BenchResult> {
  const { G_ema } = new TrainingState(createModel(config), 0).networkFile();
  const engine = await openEngine();
  const network = openNetwork({ config, kimg: null, G_ema, D: null }, engine);
  const z = (seed: number) => latentsOf([seed], config.zDim);
  await network.generate(z(0), null);
  await network.generate(z(1), null);
  const gemm: number[] = [];
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round++) {
    gemm.push(await measureGemm(engine, 3));
    const start = performance.now();
    await network.generate(z(round), null);
    seconds.push((performance.now() - start) / 1000);
  }
  const peakMemoryMB = process.resourceUsage().maxRSS / 1024;
  await network.close();
  const gflops = flopsOfOneImage(config) / median(seconds) / 1e9;
  const gemmGflops = median(gemm);
  const value = 1 / median(seconds);
  const spread = spreadOf(seconds);
  return {
    name,
    value,
    unit: 'images/s',
    gflops,
    gemmGflops,
    ratio: gflops / gemmGflops,
    peakMemoryMB,
    spread,
  };
}
