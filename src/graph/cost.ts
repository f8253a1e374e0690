// What a graph costs: floating-point operations of its convolutions and products, and the memory it holds at once.

import { sizeOf } from '../core/tensor.ts';
import { type Graph, type Node, topologicalOrder } from './node.ts';

/** Multiplications and additions of one convolution or matrix product, 0 for anything else. */
function flopsOf({ op, inputs, shape }: Node): number {
  const [a, b] = inputs.map((node) => node.shape);
  switch (op.kind) {
    case 'conv':
      return 2 * sizeOf(shape) * sizeOf(b.slice(1));
    case 'convInputGrad':
      return 2 * sizeOf(a) * sizeOf(b.slice(1));
    case 'convWeightGrad':
      return 2 * sizeOf(b) * sizeOf(shape.slice(1));
    case 'matmul':
      return 2 * sizeOf(shape) * (op.transA ? a[a.length - 2] : a[a.length - 1]);
    default:
      return 0;
  }
}

/** FLOPs that the mathematics of the graph's convolutions and matrix products needs. */
export function countFlops(graph: Graph): number {
  return topologicalOrder(Object.values(graph.outputs)).reduce((sum, node) => sum + flopsOf(node), 0);
}

/** Largest number of bytes of float32 results alive at once when nodes run in order; inputs and constants apart. */
export function peakBytes(graph: Graph): number {
  const order = topologicalOrder(Object.values(graph.outputs));
  const lastUse = new Map<Node, number>();
  order.forEach((node, i) => {
    for (const source of node.inputs) lastUse.set(source, i);
  });
  for (const node of Object.values(graph.outputs)) lastUse.set(node, order.length);
  const freed = new Map<number, number>();
  let live = 0;
  let peak = 0;
  order.forEach((node, i) => {
    if (!['input', 'constant', 'fill', 'reshape'].includes(node.op.kind)) {
      const bytes = 4 * sizeOf(node.shape);
      live += bytes;
      const end = lastUse.get(node) ?? i;
      freed.set(end, (freed.get(end) ?? 0) + bytes);
    }
    peak = Math.max(peak, live);
    live -= freed.get(i) ?? 0;
  });
  return peak;
}
