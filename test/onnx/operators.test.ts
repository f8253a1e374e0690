// The operator case table through ONNX Runtime: values, first and second derivatives against the float64 reference,
// for every lowering on the CPU.

import * as ort from 'onnxruntime-node';
import { afterAll, describe, test } from 'vitest';
import { openEngine } from '../../src/runtime/engine.node.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { OrtEngine } from '../../src/runtime/ort-engine.ts';
import { chained, expectRow, named, table } from './rows.ts';

/** A lowering for other machines, run on this one's CPU, so that what they get is tested here. */
function onThisCpu(provider: 'cpu' | 'webgpu'): Engine {
  const sessionOptions = { executionProviders: ['cpu'], logSeverityLevel: 3 } as const;
  return new OrtEngine(ort, { device: 'cpu', target: { provider, block: 0 }, sessionOptions });
}

const engines: Readonly<Record<string, Engine>> = {
  cpu: await openEngine({ device: 'cpu' }),
  'cpu without blocked kernels': onThisCpu('cpu'),
  'the portable lowering': onThisCpu('webgpu'),
};

describe.each(Object.entries(engines))('%s', (_name, engine) => {
  afterAll(() => engine.close());
  test.each(named([...table, ...chained]))('%s', (_name, { row }) => expectRow(engine, row));
});
