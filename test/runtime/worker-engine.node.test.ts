// The engine in a worker thread: the same results as the direct one, a free main thread, and errors of one line.

import type { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, test } from 'vitest';
import { DeviceError } from '../../src/core/errors.ts';
import { add, constant, conv, input, leakyRelu, matmul, mul } from '../../src/graph/build.ts';
import type { Graph, Node } from '../../src/graph/node.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';
import { openWorkerEngine } from '../../src/runtime/worker-engine.node.ts';

const direct = await openEngine({ device: 'cpu' });
const worker = await openWorkerEngine({ device: 'cpu' });

afterAll(async () => {
  await direct.close();
  await worker.close();
});

const ramp = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i));

function convolution(): Graph {
  const x = input('x', [2, 16, 8, 8]);
  const w = constant(ramp(16 * 16 * 9), [16, 16, 3, 3]);
  const y = leakyRelu(conv(x, w, { pad: [1, 1, 1, 1] }), 0.2);
  return { outputs: { y, twice: add(y, y) } };
}

/** Some tenths of a second of matrix products. */
function longRun() {
  const x = input('x', [1024, 1024]);
  let y: Node = x;
  for (let i = 0; i < 16; i++) y = matmul(y, mul(x, 1 / 1024));
  return { graph: { outputs: { y } }, feeds: { x: new Float32Array(1024 * 1024).fill(1) } };
}

describe('a worker engine', () => {
  test('gives what the direct engine gives, bit for bit', async () => {
    const feeds = { x: ramp(2 * 16 * 64) };
    const expected = await (await direct.compile(convolution())).run(feeds);
    const session = await worker.compile(convolution());
    expect(worker.device).toBe('cpu');
    expect(worker.target).toEqual(direct.target);
    expect(session.inputs).toEqual({ x: [2, 16, 8, 8] });
    expect(session.outputs).toEqual({ y: [2, 16, 8, 8], twice: [2, 16, 8, 8] });
    expect(await session.run(feeds)).toEqual(expected);
  });

  test('leaves feeds to the caller, and takes views of larger buffers', async () => {
    const x = input('x', [3]);
    const session = await worker.compile({ outputs: { y: mul(x, 2), z: add(x, 1) } });
    const whole = Float32Array.of(1, 2, 3, 4, 5);
    expect(await session.run({ x: whole.subarray(1, 4) })).toEqual({
      y: Float32Array.of(4, 6, 8),
      z: Float32Array.of(3, 4, 5),
    });
    expect(whole).toEqual(Float32Array.of(1, 2, 3, 4, 5));
  });

  test('shares the session of equal graphs until it is released', async () => {
    const graph = () => ({ outputs: { y: mul(input('x', [2]), 3) } });
    const session = await worker.compile(graph());
    expect(await worker.compile(graph())).toBe(session);
    await worker.release(session);
    await expect(session.run({ x: new Float32Array(2) })).rejects.toThrow('released');
    expect(await (await worker.compile(graph())).run({ x: Float32Array.of(1, 2) })).toEqual({
      y: Float32Array.of(3, 6),
    });
  });

  test('takes graphs deeper than the call stack', async () => {
    let y: Node = input('x', [1]);
    for (let i = 0; i < 8_000; i++) y = mul(y, -1);
    // What is posted is the graph; only its constant result is compiled.
    const session = await worker.compile({ outputs: { y: mul(input('x', [1]), 1), deep: mul(y, 0) } });
    expect((await session.run({ x: Float32Array.of(1) })).y).toEqual(Float32Array.of(1));
  });

  test('lets timers tick during a long run', async () => {
    const { graph, feeds } = longRun();
    const session = await worker.compile(graph);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    const start = performance.now();
    await session.run(feeds);
    const elapsed = performance.now() - start;
    clearInterval(timer);
    // A blocked thread would tick once or twice, however long it takes.
    expect(elapsed).toBeGreaterThan(50);
    expect(ticks).toBeGreaterThan(elapsed / 50);
  });

  test('runs several requests that overlap', async () => {
    const x = input('x', [1]);
    const session = await worker.compile({ outputs: { y: mul(x, x) } });
    const results = await Promise.all([1, 2, 3, 4].map((v) => session.run({ x: Float32Array.of(v) })));
    expect(results.map(({ y }) => y[0])).toEqual([1, 4, 9, 16]);
  });
});

describe('errors', () => {
  test('cross with their class and message', async () => {
    const session = await worker.compile({ outputs: { y: mul(input('x', [2]), 3) } });
    await expect(session.run({})).rejects.toThrow(RangeError);
    await expect(session.run({ x: new Float32Array(5) })).rejects.toThrow('input x: got 5, expected [2]');
    await expect(openWorkerEngine({ device: 'cuda' })).rejects.toThrow(DeviceError);
  });

  test('do not come to what was asked before the engine was closed, but to what is asked after', async () => {
    const engine = await openWorkerEngine({ device: 'cpu', threads: 1 });
    const session = await engine.compile({ outputs: { y: mul(input('x', [1]), 3) } });
    const asked = session.run({ x: Float32Array.of(2) });
    await engine.close();
    expect(await asked).toEqual({ y: Float32Array.of(6) });
    await expect(session.run({ x: Float32Array.of(2) })).rejects.toThrow('the engine is closed');
    await engine.close();
  });

  test('come to what is pending when the thread dies', async () => {
    process.once('worker', (worker: Worker) => worker.terminate());
    await expect(openWorkerEngine({ device: 'cpu' })).rejects.toThrow('thread ended with exit code');
  });
});
