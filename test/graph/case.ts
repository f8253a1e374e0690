// What a row of the operator case table is, and the values and derivatives that tests take from it.

import { Random } from '../../src/core/random.ts';
import { type Shape, sizeOf } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { add, fill, input, mul, sum } from '../../src/graph/build.ts';
import type { Node } from '../../src/graph/node.ts';

/** Where an input's values are drawn from, or the values themselves. */
export type Values =
  | 'normal' // N(0, 1)
  | 'positive' // uniform in [0.5, 2]
  | 'nonzero' // either sign, magnitude in [0.3, 1.5]: away from kinks and poles
  | readonly number[];

export interface CaseInput {
  readonly shape: Shape;
  readonly values: Values;
}

export interface OperatorCase {
  readonly name: string;
  readonly inputs: readonly CaseInput[];
  readonly build: (...inputs: Node[]) => Node;
  /** Inputs on a kink, or that count as constants: finite differences do not tell the derivative that we define. */
  readonly kink?: true;
}

export const normal = (...shape: number[]): CaseInput => ({ shape, values: 'normal' });
export const positive = (...shape: number[]): CaseInput => ({ shape, values: 'positive' });
export const nonzero = (...shape: number[]): CaseInput => ({ shape, values: 'nonzero' });
export const vector = (...values: number[]): CaseInput => ({ shape: [values.length], values });

/** float32 values, so that every evaluator is fed the same numbers. */
export function draw({ shape, values }: CaseInput, random: Random): Float32Array {
  if (typeof values !== 'string') return Float32Array.from(values);
  return Float32Array.from({ length: sizeOf(shape) }, () => {
    if (values === 'normal') return random.normal();
    const u = random.uniform();
    if (values === 'positive') return 0.5 + 1.5 * u;
    return random.uniform() < 0.5 ? 0.3 + 1.2 * u : -0.3 - 1.2 * u;
  });
}

/** A row as graph: the result, a scalar of it, and its derivatives, all over the same named inputs. */
export interface Derivatives {
  /** y = op(x0, x1, …) */
  readonly y: Node;
  /** L = Σ y·r */
  readonly loss: Node;
  /** g_i = dL/dx_i, under `x0`, `x1`, … */
  readonly first: Readonly<Record<string, Node>>;
  /** S = Σ_i Σ g_i·u_i */
  readonly slope: Node;
  /** dS/dx_i and dS/dr */
  readonly second: Readonly<Record<string, Node>>;
  readonly feeds: Readonly<Record<string, Float32Array>>;
}

const inner = (a: Node, b: Node): Node => sum(mul(a, b));

/** Differentiates a row twice, along random vectors that are inputs too. */
export function differentiate(row: OperatorCase): Derivatives {
  const random = new Random(1, row.name);
  const feeds: Record<string, Float32Array> = {};
  const named = (name: string, spec: CaseInput): Node => {
    feeds[name] = draw(spec, random);
    return input(name, spec.shape);
  };
  const xs = row.inputs.map((spec, i) => named(`x${i}`, spec));
  const y = row.build(...xs);
  const r = named('r', normal(...y.shape));
  const loss = inner(y, r);
  const first = gradients(loss, xs);
  const slope = first.reduce(
    (total, g, i) => add(total, inner(g, named(`u${i}`, normal(...g.shape)))),
    fill(0),
  );
  const second = gradients(slope, [...xs, r]);
  const record = (nodes: readonly Node[]) =>
    Object.fromEntries(nodes.map((node, i) => [i < xs.length ? `x${i}` : 'r', node]));
  return { y, loss, first: record(first), slope, second: record(second), feeds };
}
