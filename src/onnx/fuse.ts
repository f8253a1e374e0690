// Finds leakyRelu(conv + bias + addend) where nothing else reads what lies between, so that the convolution's own
// epilogue can do it without further passes over the image.

import { type Shape, sameShape } from '../core/tensor.ts';
import type { Node } from '../graph/node.ts';
import type { Lowering } from './layout.ts';
import { takesEpilogue } from './lower-conv.ts';
import { filterTakesEpilogue } from './lower-fir.ts';
import { scaleTakesEpilogue } from './lower-scale.ts';

/** A convolution, filter or scaling, and the nodes that its epilogue takes over. */
export interface FusedConv {
  readonly conv: Node;
  /** [1, O, 1, 1] */
  readonly bias?: Node;
  /** Of the result's shape, or [1|N, 1, H, W]. */
  readonly addend?: Node;
  readonly slope?: number;
}

export interface Fusion {
  /** Nodes that are computed as a convolution with an epilogue. */
  readonly epilogues: ReadonlyMap<Node, FusedConv>;
  /** Nodes that no longer exist by themselves. */
  readonly absorbed: ReadonlySet<Node>;
}

const isBias = ({ shape }: Node, of: Shape): boolean =>
  shape.length === 4 && shape[0] === 1 && shape[1] === of[1] && shape[2] === 1 && shape[3] === 1;

const isPerPixel = ({ shape }: Node, of: Shape): boolean =>
  shape.length === 4 && shape[1] === 1 && shape[2] === of[2] && shape[3] === of[3];

class Matcher {
  private readonly ctx: Lowering;
  private readonly uses: ReadonlyMap<Node, number>;

  constructor(ctx: Lowering, order: readonly Node[], roots: readonly Node[]) {
    this.ctx = ctx;
    const uses = new Map<Node, number>();
    for (const node of [...order.flatMap((n) => n.inputs), ...roots])
      uses.set(node, (uses.get(node) ?? 0) + 1);
    this.uses = uses;
  }

  /** The fusion that ends in `node`, and the nodes between. */
  match(node: Node): { fused: FusedConv; between: Node[] } | null {
    const between: Node[] = [];
    let inner = node;
    let slope: number | undefined;
    if (node.op.kind === 'leakyRelu') {
      slope = node.op.slope;
      inner = node.inputs[0];
      if (!this.isPrivate(inner)) return null;
      between.push(inner);
    }
    const sum = this.matchSum(inner, between, {});
    return sum === null || sum.conv === node ? null : { fused: { ...sum, slope }, between };
  }

  private isPrivate(node: Node): boolean {
    return this.uses.get(node) === 1;
  }

  private isConv(node: Node): boolean {
    const { ctx } = this;
    return takesEpilogue(ctx, node) || filterTakesEpilogue(ctx, node) || scaleTakesEpilogue(ctx, node);
  }

  /** Peels additions off until the convolution is reached. */
  private matchSum(node: Node, between: Node[], found: Omit<FusedConv, 'conv'>): FusedConv | null {
    if (this.isConv(node)) return { conv: node, ...found };
    if (node.op.kind !== 'add') return null;
    for (const [main, other] of [node.inputs, [...node.inputs].reverse()]) {
      if (!this.isPrivate(main) || !sameShape(main.shape, node.shape)) continue;
      const next = this.take(other, node.shape, found);
      if (next === null) continue;
      const mark = between.length;
      between.push(main);
      const sum = this.matchSum(main, between, next);
      if (sum !== null) return sum;
      between.length = mark;
    }
    return null;
  }

  private take(other: Node, shape: Shape, found: Omit<FusedConv, 'conv'>): Omit<FusedConv, 'conv'> | null {
    if (found.bias === undefined && isBias(other, shape)) return { ...found, bias: other };
    const isAddend = isPerPixel(other, shape) || sameShape(other.shape, shape);
    return found.addend === undefined && isAddend ? { ...found, addend: other } : null;
  }
}

export function fuseEpilogues(ctx: Lowering, order: readonly Node[], roots: readonly Node[]): Fusion {
  const matcher = new Matcher(ctx, order, roots);
  const epilogues = new Map<Node, FusedConv>();
  const absorbed = new Set<Node>();
  // Backwards, so that an activation claims its convolution before the bare sum does.
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i];
    if (absorbed.has(node)) continue;
    const match = matcher.match(node);
    if (match === null || match.between.some((n) => absorbed.has(n))) continue;
    epilogues.set(node, match.fused);
    for (const inner of match.between) absorbed.add(inner);
  }
  return { epilogues, absorbed };
}
