// The operator case table through ONNX Runtime: values, first and second derivatives against the float64 reference,
// for every lowering on the CPU, and on WebGPU where an adapter is found.

import * as ort from 'onnxruntime-node';
import { afterAll, describe, expect, test } from 'vitest';
import { evaluateGraph } from '../../src/graph/reference.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { OrtEngine } from '../../src/runtime/ort-engine.ts';
import { differentiate, type OperatorCase } from '../graph/case.ts';
import { operatorCases } from '../graph/cases.ts';
import { chains } from './chains.ts';

/** Largest error, relative to the largest element. float32 has 6e-8; sums of a few thousand products lose the rest. */
const TOLERANCE = 2e-5;

/** WGSL allows sin and cos an absolute error of 2^-11, and some adapters take it. */
const WGSL_TOLERANCE = 2 ** -11;

/** A lowering for other machines, run on this one's CPU, so that what they get is tested here. */
function onThisCpu(provider: 'cpu' | 'webgpu'): Engine {
  const sessionOptions = { executionProviders: ['cpu'], logSeverityLevel: 3 } as const;
  return new OrtEngine(ort, { device: 'cpu', target: { provider, block: 0 }, sessionOptions });
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const webgpu = await openEngine({ device: 'webgpu' }).catch(reasonOf);

const engines: Readonly<Record<string, Engine | string>> = {
  cpu: await openEngine({ device: 'cpu' }),
  'cpu without blocked kernels': onThisCpu('cpu'),
  'the portable lowering': onThisCpu('webgpu'),
  webgpu,
};

interface Entry {
  readonly kind: string;
  readonly row: OperatorCase;
}

const table: readonly Entry[] = Object.entries(operatorCases).flatMap(([kind, cases]) =>
  cases.map((row) => ({ kind, row })),
);
const chained: readonly Entry[] = chains.map((row) => ({ kind: 'chain:', row }));

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

for (const [name, engine] of Object.entries(engines)) {
  if (typeof engine === 'string') {
    test.skip(`${name}: skipped, ${engine}`, () => {});
    continue;
  }
  const isWebgpu = engine.device === 'webgpu';
  // Chains are about layouts that only the CPU lowering has, and a software adapter is slow.
  const entries = isWebgpu ? table : [...table, ...chained];
  describe(name, () => {
    afterAll(() => engine.close());
    const named = entries.map((entry) => [`${entry.kind} ${entry.row.name}`, entry] as const);
    test.each(named)('%s', async (_name, { kind, row }) => {
      const { graph, feeds, expected } = expectations.get(row) ?? expectationOf(row);
      expectations.set(row, { graph, feeds, expected });
      const session = await engine.compile(graph);
      const actual = await session.run(feeds);
      await engine.release(session);
      const tolerance = isWebgpu && (kind === 'sin' || kind === 'cos') ? WGSL_TOLERANCE : TOLERANCE;
      for (const [output, values] of Object.entries(expected))
        expectClose(output, actual[output], values, tolerance);
    });
  });
}
