// The average w of networks whose files do not hold it: rosinality's code measures it at every use.

import type { NetworkSource, Tensors } from '../checkpoints/network-file.ts';
import { Random } from '../core/random.ts';
import { floatTensor } from '../core/tensor.ts';
import { input, mean, reshape } from '../graph/build.ts';
import { parameterConstants } from '../models/network-graph.ts';
import { createModel, type NetworkConfig } from '../models/registry.ts';
import type { Engine } from '../runtime/engine.ts';

const BATCHES = 16;
const BATCH = 256;

/** The generator with its w_avg, the mean over 4096 latents that are always the same. For networks without labels. */
export async function withAverageW(G: Tensors, config: NetworkConfig, engine: Engine): Promise<Tensors> {
  const { zDim, wDim } = config;
  const { mapping, wAvg } = createModel(config);
  if (wAvg === null) return G;
  const w = mapping(parameterConstants(G), input('z', [BATCH, zDim]), null);
  const session = await engine.compile({ outputs: { mean: reshape(mean(w, [0]), [wDim]) } });
  const random = new Random(0, 'w_avg');
  const total = new Float64Array(wDim);
  for (let batch = 0; batch < BATCHES; batch++) {
    const { mean } = await session.run({ z: random.fillNormal(new Float32Array(BATCH * zDim)) });
    mean.forEach((value, i) => {
      total[i] += value / BATCHES;
    });
  }
  await engine.release(session);
  return new Map([...G, [wAvg, floatTensor(Float32Array.from(total), [wDim])]]);
}

/** The same for a network in use. */
export const sourceWithAverageW = async (source: NetworkSource, engine: Engine): Promise<NetworkSource> => ({
  ...source,
  G_ema: await withAverageW(source.G_ema, source.config, engine),
});
