// Reverse-mode differentiation: walks the graph backwards and builds the gradient as more graph.

import { add, fill } from './build.ts';
import { gradientOf } from './gradients.ts';
import { type Node, topologicalOrder } from './node.ts';

/**
 * Gradients of sum(y) with respect to each of `wrt`, as nodes of their shapes. For a vector-Jacobian product,
 * multiply y by the vector first. The result is ordinary graph: differentiate it again for second derivatives.
 * A node that y does not depend on gets zeros.
 */
export function gradients(y: Node, wrt: readonly Node[]): Node[] {
  const order = topologicalOrder([y]);
  const active = new Set<Node>(wrt);
  for (const node of order) {
    if (node.inputs.some((source) => active.has(source))) active.add(node);
  }
  const cotangent = new Map<Node, Node>([[y, fill(1, y.shape)]]);
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i];
    const gy = cotangent.get(node);
    if (gy === undefined || !active.has(node)) continue;
    const parts = gradientOf(node, gy);
    node.inputs.forEach((source, k) => {
      const part = parts[k];
      if (part === null || !active.has(source)) return;
      const known = cotangent.get(source);
      cotangent.set(source, known === undefined ? part : add(known, part));
    });
  }
  return wrt.map((node) => cotangent.get(node) ?? fill(0, node.shape));
}
