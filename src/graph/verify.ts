// Checks what every graph must hold, after the passes that build and rewrite graphs.

import { type Shape, sameShape } from '../core/tensor.ts';
import { type Graph, type Kind, type Node, type OpOf, topologicalOrder } from './node.ts';
import { printNode } from './print.ts';
import { inferShape } from './shapes.ts';

/** A graph breaks a rule: a mistake in the code that built or rewrote it. */
export class VerifyError extends Error {
  override name = 'VerifyError';
}

/** What is wrong with an operator's parameters, or null. Ranges that depend on the inputs are shape rules. */
type ParameterRule<K extends Kind> = (op: OpOf<K>) => string | null;

const none = (): null => null;

const integers = (values: readonly number[], least: number, name: string): string | null =>
  values.every((value) => Number.isSafeInteger(value) && value >= least)
    ? null
    : `${name} [${values}] must hold integers of at least ${least}`;

const finite = (value: number, name: string): string | null =>
  Number.isFinite(value) ? null : `${name} ${value} must be finite`;

const shaped = ({ shape }: { shape: Shape }): string | null => integers(shape, 1, 'shape');

/** Below 0 the gradient rule could not read the sign of x from the result; above 1 nobody calls it leaky. */
const slope = (op: { slope: number }): string | null =>
  op.slope >= 0 && op.slope <= 1 ? null : `slope ${op.slope} must lie in [0, 1]`;

const window = (op: { stride: number; pad: readonly number[] }): string | null =>
  integers([op.stride], 1, 'stride') ?? fourSides(op.pad) ?? integers(op.pad, 0, 'pad');

const fourSides = (pad: readonly number[]): string | null =>
  pad.length === 4 ? null : `pad [${pad}] must hold top, left, bottom, right`;

const pair = (values: readonly number[], name: string): string | null =>
  values.length === 2 ? integers(values, 1, name) : `${name} [${values}] must hold height and width`;

const parameterRules: { readonly [K in Kind]: ParameterRule<K> } = {
  input: (op) => (op.name === '' ? 'the name must not be empty' : shaped(op)),
  constant: shaped,
  fill: (op) => shaped(op) ?? finite(op.value, 'value'),
  exp: none,
  log: none,
  sin: none,
  cos: none,
  tanh: none,
  sigmoid: none,
  softplus: none,
  abs: none,
  sign: none,
  pow: (op) => finite(op.exponent, 'exponent'),
  leakyRelu: slope,
  leakyMask: slope,
  add: none,
  sub: none,
  mul: none,
  div: none,
  matmul: none,
  conv: window,
  convInputGrad: (op) => window(op) ?? pair(op.size, 'size'),
  convWeightGrad: (op) => window(op) ?? pair(op.kernel, 'kernel'),
  upfirdn: (op) =>
    integers([op.up, op.down], 1, 'up and down') ??
    fourSides(op.pad) ??
    integers(op.pad, Number.MIN_SAFE_INTEGER, 'pad') ??
    pair(op.tapsShape, 'tapsShape'),
  sample: none,
  splat: (op) => pair(op.size, 'size'),
  sum: (op) => integers(op.axes, 0, 'axes'),
  broadcast: shaped,
  reshape: shaped,
  transpose: (op) => integers(op.perm, 0, 'perm'),
  slice: (op) => integers(op.starts, 0, 'starts') ?? integers(op.sizes, 1, 'sizes'),
  pad: (op) => integers(op.before, 0, 'before') ?? integers(op.after, 0, 'after'),
  concat: (op) => integers([op.axis], 0, 'axis'),
};

function verifyNode(node: Node): void {
  const fail = (reason: string): never => {
    throw new VerifyError(`${printNode(node)}: ${reason}`);
  };
  const rule = parameterRules[node.op.kind] as ParameterRule<Kind>;
  const reason = rule(node.op);
  if (reason !== null) fail(reason);
  let shape: Shape = [];
  try {
    shape = inferShape(
      node.op,
      node.inputs.map((source) => source.shape),
    );
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  }
  if (!sameShape(shape, node.shape)) fail(`its inputs give [${shape}]`);
}

/**
 * Throws VerifyError, naming the operator, its inputs' shapes and its own, where a node has parameters out of range
 * or another shape than its inputs give, or where two inputs of one name have different shapes.
 */
export function verify(graph: Graph): void {
  const inputs = new Map<string, Shape>();
  for (const node of topologicalOrder(Object.values(graph.outputs))) {
    verifyNode(node);
    if (node.op.kind !== 'input') continue;
    const known = inputs.get(node.op.name);
    if (known !== undefined && !sameShape(known, node.shape))
      throw new VerifyError(
        `input "${node.op.name}": got shapes [${known}] and [${node.shape}], expected one`,
      );
    inputs.set(node.op.name, node.shape);
  }
}
