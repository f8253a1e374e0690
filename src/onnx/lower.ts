// Lowers a graph to an ONNX model: the table of operators, in order, with a few fusions.

import type { Graph, Kind, Node, OpOf } from '../graph/node.ts';
import { topologicalOrder } from '../graph/node.ts';
import type { Epilogue } from './blocked-conv.ts';
import { type FusedConv, fuseEpilogues } from './fuse.ts';
import { halfNodes } from './half.ts';
import { type Forms, Lowering } from './layout.ts';
import { lowerConv, lowerConvInputGrad, lowerConvWeightGrad } from './lower-conv.ts';
import { leakyMask, leakyRelu, lowerBinary, lowerUnary, power, unaryLowerings } from './lower-elementwise.ts';
import { lowerUpFirDn } from './lower-fir.ts';
import { lowerMatmul } from './lower-matmul.ts';
import { lowerSum } from './lower-reduce.ts';
import { lowerSample, lowerSplat } from './lower-sample.ts';
import { lowerScale } from './lower-scale.ts';
import { lowerConcat, lowerFill, lowerPad, lowerReshape, lowerSlice } from './lower-shape.ts';
import { ModelBuilder, type OnnxModel } from './model.ts';
import type { Target } from './target.ts';

type Rule<K extends Kind> = (ctx: Lowering, op: OpOf<K>, node: Node) => Forms;

const unary = (kind: keyof typeof unaryLowerings) => (ctx: Lowering, _op: unknown, node: Node) =>
  lowerUnary(ctx, node, (x) => unaryLowerings[kind](ctx, x));
const binary = (ctx: Lowering, _op: unknown, node: Node) => lowerBinary(ctx, node);

/** The table: one rule for each operator; a missing one does not compile. */
const loweringRules: { readonly [K in Kind]: Rule<K> } = {
  input: (ctx, op) => ({ plain: ctx.model.input(op.name, op.shape) }),
  constant: () => ({}), // written out where it is read
  fill: lowerFill,
  exp: unary('exp'),
  log: unary('log'),
  sin: unary('sin'),
  cos: unary('cos'),
  tanh: unary('tanh'),
  sigmoid: unary('sigmoid'),
  softplus: unary('softplus'),
  abs: unary('abs'),
  sign: unary('sign'),
  pow: (ctx, op, node) => lowerUnary(ctx, node, (x) => power(ctx, x, op)),
  leakyRelu: (ctx, op, node) => lowerUnary(ctx, node, (x) => leakyRelu(ctx, x, op)),
  leakyMask: (ctx, op, node) => lowerUnary(ctx, node, (x) => leakyMask(ctx, x, op)),
  add: binary,
  sub: binary,
  mul: binary,
  div: binary,
  matmul: lowerMatmul,
  conv: (ctx, op, node) => lowerConv(ctx, node, op),
  convInputGrad: (ctx, op, node) => lowerConvInputGrad(ctx, node, op),
  convWeightGrad: (ctx, op, node) => lowerConvWeightGrad(ctx, node, op),
  upfirdn: (ctx, op, node) => lowerUpFirDn(ctx, node, op),
  sample: (ctx, _op, node) => lowerSample(ctx, node),
  splat: (ctx, _op, node) => lowerSplat(ctx, node),
  sum: (ctx, op, node) => lowerSum(ctx, node, op),
  broadcast: (ctx, op, node) => ({
    plain: ctx.emit('Expand', [ctx.plain(node.inputs[0]), ctx.model.ints(op.shape)]),
  }),
  reshape: lowerReshape,
  transpose: (ctx, { perm }, node) => ({ plain: ctx.transpose(ctx.plain(node.inputs[0]), perm) }),
  slice: lowerSlice,
  pad: lowerPad,
  concat: lowerConcat,
};

function lowerNode(ctx: Lowering, node: Node): Forms {
  const rule = loweringRules[node.op.kind] as Rule<Kind>;
  return rule(ctx, node.op, node);
}

/** A convolution or filter with its epilogue; see fuse.ts. */
function lowerFused(ctx: Lowering, { conv, bias, addend, slope }: FusedConv): Forms {
  const epilogue: Epilogue = {
    slope,
    bias: bias && ctx.reshape(ctx.plain(bias), [conv.shape[1]]),
    addend: addend && ctx.blockedAddend(addend, conv.shape),
  };
  const { op } = conv;
  if (op.kind === 'conv') return lowerConv(ctx, conv, op, epilogue);
  if (op.kind === 'mul') return lowerScale(ctx, conv, epilogue);
  if (op.kind === 'convInputGrad') return lowerConvInputGrad(ctx, conv, op, epilogue);
  return lowerUpFirDn(ctx, conv, op as OpOf<'upfirdn'>, epilogue);
}

/** The ONNX model of `graph` for `target`: same input names, same output names, static shapes. */
export function lower(graph: Graph, target: Target): OnnxModel {
  const model = new ModelBuilder();
  const values = lowerInto(model, graph, target);
  for (const [name, { shape }] of Object.entries(graph.outputs)) model.output(name, values[name], shape);
  return model.build();
}

/** Adds the inputs and nodes of `graph` to a model and returns the values, float32, that are its outputs. */
export function lowerInto(model: ModelBuilder, graph: Graph, target: Target): Record<string, string> {
  const ctx = new Lowering(model, target);
  const roots = Object.values(graph.outputs);
  const order = topologicalOrder(roots);
  const fused = fuseEpilogues(ctx, order, roots);
  const half = target.half ? halfNodes(order) : new Set<Node>();
  for (const node of order) {
    if (fused.absorbed.has(node)) continue;
    const epilogue = fused.epilogues.get(node);
    model.floatType = half.has(node) ? 'float16' : 'float32';
    ctx.define(node, epilogue === undefined ? lowerNode(ctx, node) : lowerFused(ctx, epilogue));
  }
  model.floatType = 'float32';
  return Object.fromEntries(Object.entries(graph.outputs).map(([name, node]) => [name, ctx.plain(node)]));
}
