// Parameters as named inputs or constants of a graph, and the compositions that training and generation share.

import type { FloatTensor } from '../core/tensor.ts';
import { add, broadcast, constant, input, mul, reshape, sub } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import type { ParameterSpec, Parameters } from '../nn/parameters.ts';

/** Parameters as graph inputs called `<prefix><name>`: for training, where they change. */
export function parameterInputs(specs: readonly ParameterSpec[], prefix: string): Parameters {
  const nodes = new Map(specs.map(({ name, shape }) => [name, input(`${prefix}${name}`, shape)]));
  return lookUp(nodes);
}

/** Parameters as constants: for use, where the engine may lay them out and fuse them. */
export function parameterConstants(tensors: ReadonlyMap<string, FloatTensor>): Parameters {
  const nodes = new Map([...tensors].map(([name, { data, shape }]) => [name, constant(data, shape)]));
  return lookUp(nodes);
}

function lookUp(nodes: ReadonlyMap<string, Node>): Parameters {
  return (name) => {
    const node = nodes.get(name);
    if (node === undefined) throw new Error(`no parameter ${name}`);
    return node;
  };
}

/** w [N, wDim] → ws [N, numWs, wDim], the same for every layer. */
export function broadcastW(w: Node, numWs: number): Node {
  const [n, wDim] = w.shape;
  return broadcast(reshape(w, [n, 1, wDim]), [n, numWs, wDim]);
}

/** Style mixing (StyleGAN, section 3.1): layers where `mask` [numWs] is 1 take w2, the others w1. */
export function mixStyles(w1: Node, w2: Node, mask: Node, numWs: number): Node {
  const [a, b] = [broadcastW(w1, numWs), broadcastW(w2, numWs)];
  return add(a, mul(sub(b, a), reshape(mask, [1, numWs, 1])));
}

/** Truncation: w_avg + ψ_l·(w - w_avg), with ψ [numWs] for each layer. */
export function truncate(w: Node, wAvg: Node, psi: Node, numWs: number): Node {
  const center = broadcast(reshape(wAvg, [1, 1, wAvg.shape[0]]), [w.shape[0], numWs, wAvg.shape[0]]);
  return add(center, mul(sub(broadcastW(w, numWs), center), reshape(psi, [1, numWs, 1])));
}
