// Leaky ReLU has no derivative at zero. Where a pre-activation lies within float32 rounding of zero, two correct
// implementations may take different sides, and gradients then differ by whole terms. This finds such elements and
// asks whether the reference's gradients are those of the other side; no limit is widened for it.

import { sizeOf } from '../../src/core/tensor.ts';
import { add, apply, input } from '../../src/graph/build.ts';
import { type Graph, type Node, topologicalOrder } from '../../src/graph/node.ts';
import { simplify } from '../../src/graph/simplify.ts';
import type { Engine, Feeds, Session } from '../../src/runtime/engine.ts';

/** Relative to the largest element of its layer: a few roundings of float32. */
const ROUNDING = 1e-6;
/** An element that is exactly zero, or next to it, moves by this much, relative to the largest of its layer. */
const LEAST = 1e-9;
/** More than this many elements at zero are no accident of rounding. */
const MAX_KINKS = 8;

/** The same graph with `nudge<i>` added to the input of the i-th leaky ReLU, and those inputs as outputs `pre<i>`. */
function withNudges(graph: Graph): { graph: Graph; shapes: number[] } {
  const simple = simplify(graph);
  const done = new Map<Node, Node>();
  const pre: Record<string, Node> = {};
  const shapes: number[] = [];
  for (const node of topologicalOrder(Object.values(simple.outputs))) {
    let inputs = node.inputs.map((source) => done.get(source)!);
    if (node.op.kind === 'leakyRelu') {
      const index = shapes.length;
      shapes.push(sizeOf(node.shape));
      pre[`pre${index}`] = inputs[0];
      inputs = [add(inputs[0], input(`nudge${index}`, node.shape))];
    }
    done.set(node, inputs.length === 0 ? node : apply(node.op, inputs));
  }
  const outputs = Object.entries(simple.outputs).map(([name, node]) => [name, done.get(node)!]);
  return { graph: { outputs: { ...Object.fromEntries(outputs), ...pre } }, shapes };
}

/** An element near zero, of the i-th leaky ReLU. */
interface Candidate {
  readonly layer: number;
  readonly element: number;
  readonly value: number;
  /** Largest magnitude in its layer. */
  readonly largest: number;
}

/** Runs the graph with chosen elements pushed across zero. */
export class KinkSearch {
  private readonly session: Session;
  private readonly feeds: Record<string, Float32Array>;
  private readonly layers: number;

  private constructor(session: Session, feeds: Record<string, Float32Array>, layers: number) {
    this.session = session;
    this.feeds = feeds;
    this.layers = layers;
  }

  static async open(engine: Engine, graph: Graph, feeds: Feeds): Promise<KinkSearch> {
    const nudged = withNudges(graph);
    const all: Record<string, Float32Array> = { ...feeds };
    nudged.shapes.forEach((size, i) => {
      all[`nudge${i}`] = new Float32Array(size);
    });
    return new KinkSearch(await engine.compile(nudged.graph), all, nudged.shapes.length);
  }

  /**
   * Takes each element near zero to its other side and keeps it there when `distance` of the results falls.
   * Returns the best results and how many elements were moved.
   */
  async best(
    distance: (results: Record<string, Float32Array>) => number,
  ): Promise<{ results: Record<string, Float32Array>; moved: number }> {
    let results = await this.session.run(this.feeds);
    let score = distance(results);
    let moved = 0;
    for (const { layer, element, value, largest } of this.candidates(results)) {
      const nudge = this.feeds[`nudge${layer}`];
      nudge[element] = (value > 0 ? -1 : 1) * Math.max(2 * Math.abs(value), LEAST * largest);
      const trial = await this.session.run(this.feeds);
      const trialScore = distance(trial);
      if (trialScore < score) {
        [results, score] = [trial, trialScore];
        moved++;
      } else {
        nudge[element] = 0;
      }
    }
    return { results, moved };
  }

  private candidates(results: Record<string, Float32Array>): Candidate[] {
    const found: Candidate[] = [];
    for (let layer = 0; layer < this.layers; layer++) {
      const values = results[`pre${layer}`];
      const largest = values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      values.forEach((value, element) => {
        if (Math.abs(value) <= ROUNDING * largest) found.push({ layer, element, value, largest });
      });
    }
    return found.length > MAX_KINKS ? [] : found;
  }
}
