// The machine's matrix-multiply rate through the same engine: the yardstick of every speed figure.

import { input, matmul, reshape, sliceAxis } from '../graph/build.ts';
import type { Engine } from './engine.ts';

/** float32 [512, 4608]·[4608, 4096]: the size by which speeds are quoted. */
const M = 512;
const K = 4608;
const N = 4096;

/** Median GFLOP/s over `runs` products, after two to warm up. */
export async function measureGemm(engine: Engine, runs = 5): Promise<number> {
  const product = matmul(input('a', [M, K]), input('b', [K, N]));
  // Only one row leaves the engine: copying the rest out is not part of the product.
  const session = await engine.compile({ outputs: { row: reshape(sliceAxis(product, 0, 0, 1), [N]) } });
  const feeds = { a: new Float32Array(M * K).fill(0.5), b: new Float32Array(K * N).fill(0.25) };
  const seconds: number[] = [];
  for (let run = -2; run < runs; run++) {
    const start = performance.now();
    await session.run(feeds);
    if (run >= 0) seconds.push((performance.now() - start) / 1000);
  }
  await engine.release(session);
  seconds.sort((a, b) => a - b);
  return (2 * M * K * N) / seconds[seconds.length >> 1] / 1e9;
}
