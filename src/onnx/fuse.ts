// Finds leakyRelu(conv(x, w) + bias) where nothing else reads what lies between, so that the convolution's own
// epilogue can do it without another pass over the image.

import type { Node, OpOf } from '../graph/node.ts';
import type { Lowering } from './layout.ts';
import { canBlockConv } from './lower-conv.ts';

interface FusedConv {
  readonly conv: Node;
  readonly bias?: Node;
  readonly slope?: number;
}

export interface Fusion {
  /** Nodes that are computed as a convolution with an epilogue. */
  readonly epilogues: ReadonlyMap<Node, FusedConv>;
  /** Nodes that no longer exist by themselves. */
  readonly absorbed: ReadonlySet<Node>;
}

export function fuseEpilogues(ctx: Lowering, order: readonly Node[], roots: readonly Node[]): Fusion {
  const uses = new Map<Node, number>();
  for (const node of [...order.flatMap((n) => n.inputs), ...roots]) uses.set(node, (uses.get(node) ?? 0) + 1);
  const epilogues = new Map<Node, FusedConv>();
  const absorbed = new Set<Node>();
  const isConv = (node: Node) => node.op.kind === 'conv' && uses.get(node) === 1 && canBlockConv(ctx, node);

  const matchBias = (node: Node): FusedConv | null => {
    if (node.op.kind !== 'add') return null;
    const [conv, bias] = node.inputs;
    const perChannel = bias.shape.length === 4 && bias.shape[1] === node.shape[1] && bias.shape[0] === 1;
    return isConv(conv) && perChannel && bias.shape[2] * bias.shape[3] === 1 ? { conv, bias } : null;
  };

  // Later nodes come last: going backwards, an activation claims its convolution before the bare bias does.
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i];
    if (absorbed.has(node)) continue;
    let match = matchBias(node);
    if (node.op.kind === 'leakyRelu') {
      const [x] = node.inputs;
      const { slope } = node.op as OpOf<'leakyRelu'>;
      const biased = uses.get(x) === 1 ? matchBias(x) : null;
      if (biased) absorbed.add(x);
      match = biased ? { ...biased, slope } : isConv(x) ? { conv: x, slope } : null;
    }
    if (match === null) continue;
    epilogues.set(node, match);
    absorbed.add(match.conv);
  }
  return { epilogues, absorbed };
}
