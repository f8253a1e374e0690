// Runs a graph and compares its outputs with the reference tensors of the same names.

import type { Tensor } from '../../src/core/tensor.ts';
import type { Graph } from '../../src/graph/node.ts';
import type { Engine, Feeds } from '../../src/runtime/engine.ts';
import { compare, type Deviation } from './check.ts';
import { KinkSearch } from './kinks.ts';

/** One deviation for each output. The engine is closed at the end. */
export async function compareGraph(
  graph: Graph,
  feeds: Feeds,
  reference: (name: string) => Tensor,
  engine: Engine,
): Promise<Deviation[]> {
  const names = Object.keys(graph.outputs);
  const compareAll = (results: Record<string, Float32Array>) =>
    names.map((name) => compare(name, results[name], reference(name)));
  try {
    const session = await engine.compile(graph);
    const direct = compareAll(await session.run(feeds));
    // Only derivatives jump at an activation's zero.
    if (!direct.some(({ name, error, limit }) => /grad/.test(name) && !(error <= limit))) return direct;
    const search = await KinkSearch.open(engine, graph, feeds);
    const total = (results: Record<string, Float32Array>) =>
      compareAll(results).reduce((sum, { error, limit }) => sum + error / limit, 0);
    const { results, moved } = await search.best(total);
    if (moved > 0)
      console.log(`  note: ${moved} activation(s) within rounding of zero taken on the reference's side`);
    return moved > 0 ? compareAll(results) : direct;
  } finally {
    await engine.close();
  }
}
