// Graphs as text, one line for each node in topological order, and the hash that names a graph in caches.

import { digestFloats, digestText } from './digest.ts';
import { type Graph, type Node, type Op, topologicalOrder } from './node.ts';

/** Arrays up to this length are printed in full; longer ones (weights) as the start of their digest. */
const INLINE_LENGTH = 16;

type DescribeArray = (data: Float32Array) => string;

const shortArray: DescribeArray = (data) =>
  data.length <= INLINE_LENGTH ? numbers(data) : `#${digestFloats(data).slice(0, 8)}`;

/** Shortest decimal that reads back as the same number, -0 included. */
const decimal = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));

/** float32 values with the digits that tell them apart. */
const numbers = (data: Float32Array): string => `[${Array.from(data, shortFloat).join(',')}]`;

function shortFloat(value: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return decimal(rounded);
  }
  return decimal(value);
}

/** ` key=value` for each parameter, in the order of the keys' names. */
function parameters(op: Op, describeArray: DescribeArray): string {
  return Object.entries(op)
    .filter(([key]) => key !== 'kind' && key !== 'shape')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => ` ${key}=${parameter(value, describeArray)}`)
    .join('');
}

function parameter(value: unknown, describeArray: DescribeArray): string {
  if (value instanceof Float32Array) return describeArray(value);
  if (Array.isArray(value)) return `[${value.map((item) => parameter(item, describeArray)).join(',')}]`;
  return typeof value === 'number' ? decimal(value) : JSON.stringify(value);
}

function lines(graph: Graph, describeArray: DescribeArray): string {
  const outputs = Object.entries(graph.outputs);
  const ids = new Map<Node, string>();
  const text = topologicalOrder(outputs.map(([, node]) => node)).map((node, i) => {
    ids.set(node, `%${i}`);
    const inputs = node.inputs.map((source) => ids.get(source)).join(', ');
    const call = node.inputs.length > 0 ? `${node.op.kind}(${inputs})` : node.op.kind;
    return `%${i} = ${call}${parameters(node.op, describeArray)} : [${node.shape}]`;
  });
  return [...text, ...outputs.map(([name, node]) => `${JSON.stringify(name)} -> ${ids.get(node)}`)].join(
    '\n',
  );
}

/**
 * The graph as text: `%3 = conv(%1, %2) pad=[1,1,1,1] stride=2 : [16,64,32,32]`, then one line for each output.
 * The same graph gives the same text; long constants appear as the start of their digest.
 */
export const print = (graph: Graph): string => lines(graph, shortArray);

/** One node with its inputs' shapes, for messages. */
export function printNode(node: Node): string {
  const inputs = node.inputs.map((source) => `[${source.shape}]`).join(', ');
  return `${node.op.kind}(${inputs})${parameters(node.op, shortArray)} : [${node.shape}]`;
}

/**
 * 128-bit name of the graph's structure and names as 32 hexadecimal digits. Of long arrays only the length counts, so
 * that weights are not read: who takes graphs of equal hash for equal compares their constants. Nodes that are equal
 * but not shared count as different structure.
 */
export const hashGraph = (graph: Graph): string => digestText(lines(graph, (data) => `#${data.length}`));
