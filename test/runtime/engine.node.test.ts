// The engine's cache: equal graphs share a session, and only equal ones.

import { afterAll, beforeAll, expect, test } from 'vitest';
import * as g from '../../src/graph/build.ts';
import type { Node } from '../../src/graph/node.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';
import type { Engine } from '../../src/runtime/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine({ device: 'cpu' });
});
afterAll(() => engine.close());

const compile = (y: Node) => engine.compile({ outputs: { y } });
const x = g.input('x', [100]);
const weights = (last: number) => Float32Array.from({ length: 100 }, (_, i) => (i === 99 ? last : i));
const scaled = (last: number) => g.mul(x, g.constant(weights(last), [100]));
const image = g.input('image', [1, 1, 4, 4]);
const filtered = (...taps: number[]) =>
  g.upfirdn(image, { taps: Float32Array.from(taps), tapsShape: [1, 2], up: 1, down: 1, pad: [0, 0, 0, 0] });

test('equal graphs, built apart, share a session', async () => {
  expect(await compile(scaled(1))).toBe(await compile(scaled(1)));
  expect(await compile(filtered(1, 2))).toBe(await compile(filtered(1, 2)));
});

test('one bit of one weight makes another session, with results of its own', async () => {
  const [a, b] = [await compile(scaled(1)), await compile(scaled(1 + 2 ** -23))];
  expect(a).not.toBe(b);
  const feeds = { x: new Float32Array(100).fill(1) };
  expect((await a.run(feeds)).y[99]).toBe(1);
  expect((await b.run(feeds)).y[99]).toBe(1 + 2 ** -23);
  expect(await compile(scaled(0))).not.toBe(await compile(scaled(-0)));
  expect(await compile(filtered(1, 2))).not.toBe(await compile(filtered(2, 1)));
});

test('a released session is compiled anew, and those of equal structure stay', async () => {
  const [a, b] = [await compile(scaled(5)), await compile(scaled(6))];
  await engine.release(a);
  expect(await compile(scaled(5))).not.toBe(a);
  expect(await compile(scaled(6))).toBe(b);
});

test('a shared session lives until all who compiled it have released it', async () => {
  const [a, b] = [await compile(scaled(7)), await compile(scaled(7))];
  const feeds = { x: new Float32Array(100).fill(1) };
  await engine.release(a);
  expect((await b.run(feeds)).y[99]).toBe(7);
  await engine.release(b);
  await expect(b.run(feeds)).rejects.toThrow('released');
});
