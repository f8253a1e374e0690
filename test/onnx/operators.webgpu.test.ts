// The operator case table on WebGPU, where an adapter is found. A file of its own, and so a process of its own: a
// driver that crashes takes nothing else along.

import { afterAll, describe, test } from 'vitest';
import { openWebgpu } from '../webgpu.ts';
import { expectRow, named, TOLERANCE, table } from './rows.ts';

/** WGSL allows sin and cos an absolute error of 2^-11, and some adapters take it. */
const WGSL_TOLERANCE = 2 ** -11;

const { engine, reason } = await openWebgpu();

// The chains are left out: they are about layouts that only the CPU lowering has, and a software adapter is slow.
describe.skipIf(engine === null)(`webgpu${reason}`, () => {
  afterAll(() => engine?.close());
  test.each(named(table))('%s', (_name, { kind, row }) =>
    expectRow(engine!, row, kind === 'sin' || kind === 'cos' ? WGSL_TOLERANCE : TOLERANCE),
  );
});
