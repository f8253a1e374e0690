// Simplification: rebuilds a graph bottom-up with common subexpressions shared, constants folded, and the
// algebraic identities applied that first and second derivatives leave behind. What is not reached is dropped.

import { sameShape, sizeOf } from '../core/tensor.ts';
import { apply, constant, fill } from './build.ts';
import { type Graph, type Node, type Op, topologicalOrder } from './node.ts';
import { evaluate } from './reference.ts';
import { rewriteRules } from './rewrite.ts';

/** Gives each distinct (operator, inputs) one node. */
class Interner {
  private readonly known = new Map<string, Node>();
  private readonly ids = new Map<Node, number>();
  private readonly arrays = new Map<Float32Array, number>();

  intern(node: Node): Node {
    const key = `${this.opKey(node.op)}(${node.inputs.map((n) => this.idOf(n)).join(',')})[${node.shape}]`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    this.known.set(key, node);
    return node;
  }

  private idOf(node: Node): number {
    let id = this.ids.get(node);
    if (id === undefined) {
      id = this.ids.size;
      this.ids.set(node, id);
    }
    return id;
  }

  private opKey(op: Op): string {
    if (op.kind === 'fill') return `fill ${Object.is(op.value, -0) ? '-0' : op.value}`;
    return JSON.stringify(op, (_key, value: unknown) =>
      value instanceof Float32Array ? this.arrayKey(value) : value,
    );
  }

  // Small arrays (filters) by value, so that equal ones meet; large ones (weights) by identity.
  private arrayKey(data: Float32Array): string {
    if (data.length <= 64) return data.join(' ');
    let id = this.arrays.get(data);
    if (id === undefined) {
      id = this.arrays.size;
      this.arrays.set(data, id);
    }
    return `#${id}`;
  }
}

/** Largest constant that is folded here; larger ones are left to the engine's own folding. */
const FOLD_LIMIT = 1 << 14;

function isConstant(node: Node): boolean {
  return node.op.kind === 'constant' || node.op.kind === 'fill';
}

/** number · weights, of any size: a network's gains belong in its constants. */
function foldScale({ op, inputs, shape }: Node): Node | null {
  const [a, b] = inputs;
  if (op.kind !== 'mul' || a.op.kind !== 'constant' || b.op.kind !== 'fill' || b.shape.length > 0)
    return null;
  const { value } = b.op;
  const data = new Float32Array(a.op.data.length);
  for (let i = 0; i < data.length; i++) data[i] = a.op.data[i] * value;
  return constant(data, shape);
}

/** Σ w² of weights over their last axes, of any size: what demodulation needs of them. */
function foldEnergy({ op, inputs: [product], shape }: Node): Node | null {
  if (op.kind !== 'sum' || product.op.kind !== 'mul') return null;
  const [a, b] = product.inputs;
  if (a !== b || a.op.kind !== 'constant' || op.axes[0] !== a.shape.length - op.axes.length) return null;
  const { data } = a.op;
  const energy = new Float32Array(sizeOf(shape));
  const count = data.length / energy.length;
  for (let i = 0; i < energy.length; i++) {
    let sum = 0;
    for (let k = i * count; k < (i + 1) * count; k++) sum += data[k] * data[k];
    energy[i] = sum;
  }
  return constant(energy, shape);
}

function foldConstants(node: Node): Node | null {
  if (node.inputs.length === 0) return null;
  if (!node.inputs.every(isConstant)) return foldEnergy(node);
  if (sizeOf(node.shape) > FOLD_LIMIT) return foldScale(node);
  const data = Float32Array.from(evaluate([node], {})[0]);
  const first = data[0];
  return data.every((value) => value === first) ? fill(first, node.shape) : constant(data, node.shape);
}

/** Applies identities to one node until none fits. New nodes made on the way are simplified as well. */
function rewrite(node: Node, interner: Interner): Node {
  let current = interner.intern(node);
  for (let round = 0; round < 64; round++) {
    const next = foldConstants(current) ?? rewriteRules[current.op.kind]?.(current) ?? null;
    if (next === null) return current;
    if (!sameShape(next.shape, node.shape)) throw new Error(`simplify changed the shape of ${node.op.kind}`);
    const inputs = next.inputs.map((source) => (source === current ? source : rewrite(source, interner)));
    current = interner.intern(rebuild(next, inputs));
  }
  return current;
}

function rebuild(node: Node, inputs: readonly Node[]): Node {
  return inputs.every((source, i) => source === node.inputs[i]) ? node : apply(node.op, inputs);
}

function simplifyOnce(roots: readonly Node[]): Node[] {
  const interner = new Interner();
  const done = new Map<Node, Node>();
  for (const node of topologicalOrder(roots)) {
    done.set(
      node,
      rewrite(
        rebuild(
          node,
          node.inputs.map((source) => done.get(source)!),
        ),
        interner,
      ),
    );
  }
  return roots.map((root) => done.get(root)!);
}

/** The same function with less work. Outputs keep their names and shapes. */
export function simplify(graph: Graph): Graph {
  const names = Object.keys(graph.outputs);
  const once = simplifyOnce(names.map((name) => graph.outputs[name]));
  // A second pass shares what the first one made equal.
  const twice = simplifyOnce(once);
  return { outputs: Object.fromEntries(names.map((name, i) => [name, twice[i]])) };
}
