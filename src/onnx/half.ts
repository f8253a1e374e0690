// Which nodes of a graph a model in half precision computes in float16: convolutions, and what is done to images
// between them. Sums, norms, matrix products and everything before the first convolution stay in float32, as in the
// published code, whose mapping network, styles and demodulation never left it.

import type { Kind, Node } from '../graph/node.ts';

const IMAGE_KINDS: ReadonlySet<Kind> = new Set([
  'leakyRelu',
  'add',
  'mul',
  'upfirdn',
  'reshape',
  'transpose',
  'slice',
  'pad',
  'concat',
]);

/** `order`: all nodes, inputs before their users. */
export function halfNodes(order: readonly Node[]): ReadonlySet<Node> {
  const half = new Set<Node>();
  for (const node of order) {
    const { kind } = node.op;
    const isConv = kind === 'conv' || kind === 'convInputGrad';
    if (isConv || (IMAGE_KINDS.has(kind) && !isSquare(node) && node.inputs.some((x) => half.has(x)))) {
      half.add(node);
    }
  }
  return half;
}

/** x² belongs to a sum and would leave half precision's range from 256 on. */
function isSquare({ op, inputs }: Node): boolean {
  return op.kind === 'mul' && inputs[0] === inputs[1];
}
