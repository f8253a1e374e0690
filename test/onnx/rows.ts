// The rows of the operator case table as engines run them: the graph, what is fed, and what must come out.

import { expect } from 'vitest';
import { evaluateGraph } from '../../src/graph/reference.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { differentiate, type OperatorCase } from '../graph/case.ts';
import { operatorCases } from '../graph/cases.ts';
import { chains } from './chains.ts';

/** Largest error, relative to the largest element. float32 has 6e-8; sums of a few thousand products lose the rest. */
export const TOLERANCE = 2e-5;

export interface Entry {
  readonly kind: string;
  readonly row: OperatorCase;
}

export const table: readonly Entry[] = Object.entries(operatorCases).flatMap(([kind, cases]) =>
  cases.map((row) => ({ kind, row })),
);
export const chained: readonly Entry[] = chains.map((row) => ({ kind: 'chain:', row }));

/** Rows with the name of a test. */
export const named = (entries: readonly Entry[]) =>
  entries.map((entry) => [`${entry.kind} ${entry.row.name}`, entry] as const);

/** Everything a row gives, under names of its own, and what must come out: worked out once for all engines. */
function expectationOf(row: OperatorCase) {
  const { y, first, second, feeds } = differentiate(row);
  const prefixed = (prefix: string, nodes: typeof first) =>
    Object.fromEntries(Object.entries(nodes).map(([name, node]) => [`${prefix} ${name}`, node]));
  const graph = { outputs: { y, ...prefixed('first', first), ...prefixed('second', second) } };
  return { graph, feeds, expected: evaluateGraph(graph, feeds) };
}

const expectations = new Map<OperatorCase, ReturnType<typeof expectationOf>>();

function expectClose(name: string, actual: Float32Array, expected: Float64Array, tolerance: number): void {
  expect(actual.length, name).toBe(expected.length);
  let [largest, worst] = [1e-3, 0];
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]));
    worst = Math.max(worst, Math.abs(actual[i] - expected[i])); // NaN stays NaN, and fails
  }
  expect(worst / largest, `${name}: relative error`).toBeLessThan(tolerance);
}

/** Runs a row with its first and second derivatives, and compares everything with the float64 reference. */
export async function expectRow(engine: Engine, row: OperatorCase, tolerance = TOLERANCE): Promise<void> {
  const { graph, feeds, expected } = expectations.get(row) ?? expectationOf(row);
  expectations.set(row, { graph, feeds, expected });
  const session = await engine.compile(graph);
  const actual = await session.run(feeds);
  await engine.release(session);
  for (const [output, values] of Object.entries(expected))
    expectClose(output, actual[output], values, tolerance);
}
