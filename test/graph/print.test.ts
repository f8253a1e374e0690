// Printed graphs as snapshots, and hashes that tell apart what differs.

import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/graph/autodiff.ts';
import * as g from '../../src/graph/build.ts';
import { digest128, digestText } from '../../src/graph/digest.ts';
import type { Graph, Node } from '../../src/graph/node.ts';
import { hashGraph, print, printNode } from '../../src/graph/print.ts';

const weights = Float32Array.from({ length: 54 }, (_, i) => Math.fround(i * 0.1));

function network(): Graph {
  const x = g.input('x', [1, 3, 8, 8]);
  const y = g.conv(x, g.constant(weights, [2, 3, 3, 3]), { stride: 2, pad: [1, 1, 1, 1] });
  const blurred = g.upfirdn(y, {
    taps: Float32Array.of(0.1, 0.9),
    tapsShape: [1, 2],
    up: 2,
    down: 1,
    pad: [0, -1, 1, 0],
  });
  return { outputs: { img: g.leakyRelu(g.add(blurred, g.fill(-0, [2, 1, 1])), 0.2), mean: g.mean(y) } };
}

test('a graph is printed line by line', () => {
  expect(print(network())).toMatchInlineSnapshot(`
    "%0 = input name="x" : [1,3,8,8]
    %1 = constant data=#18e8f55f : [2,3,3,3]
    %2 = conv(%0, %1) pad=[1,1,1,1] stride=2 : [1,2,4,4]
    %3 = upfirdn(%2) down=1 pad=[0,-1,1,0] taps=[0.1,0.9] tapsShape=[1,2] up=2 : [1,2,9,6]
    %4 = fill value=-0 : [2,1,1]
    %5 = add(%3, %4) : [1,2,9,6]
    %6 = leakyRelu(%5) slope=0.2 : [1,2,9,6]
    %7 = sum(%2) axes=[0,1,2,3] : [1,1,1,1]
    %8 = fill value=0.03125 : []
    %9 = mul(%7, %8) : [1,1,1,1]
    "img" -> %6
    "mean" -> %9"
  `);
});

test('a derivative is printed with what it shares', () => {
  const x = g.input('x', []);
  const [dx] = gradients(g.mul(g.sin(x), x), [x]);
  expect(print({ outputs: { dx } })).toMatchInlineSnapshot(`
    "%0 = fill value=1 : []
    %1 = input name="x" : []
    %2 = sin(%1) : []
    %3 = mul(%0, %2) : []
    %4 = mul(%0, %1) : []
    %5 = cos(%1) : []
    %6 = mul(%4, %5) : []
    %7 = add(%3, %6) : []
    "dx" -> %7"
  `);
});

test('a node is printed with its inputs shapes', () => {
  expect(printNode(network().outputs.img)).toBe('leakyRelu([1,2,9,6]) slope=0.2 : [1,2,9,6]');
});

describe('the hash', () => {
  const hashOf = (node: Node, name = 'y') => hashGraph({ outputs: { [name]: node } });

  test('is that of an equal graph built again', () => {
    expect(hashGraph(network())).toBe(hashGraph(network()));
    expect(hashGraph(network())).toMatch(/^[0-9a-f]{32}$/);
  });

  test('differs where anything differs', () => {
    const x = g.input('x', [2]);
    const z = g.input('z', [2]);
    const long = (last: number) =>
      g.constant(
        Float32Array.from({ length: 40 }, (_, i) => (i === 39 ? last : i)),
        [40],
      );
    const taps = (...values: number[]) =>
      g.upfirdn(g.input('i', [1, 1, 4, 4]), {
        taps: Float32Array.from(values),
        tapsShape: [1, 2],
        up: 1,
        down: 1,
        pad: [0, 0, 0, 0],
      });
    const hashes = [
      hashOf(g.add(x, z)),
      hashOf(g.add(z, x)),
      hashOf(g.add(x, x)),
      hashOf(g.sub(x, z)),
      hashOf(g.add(x, z), 'other'),
      hashOf(g.input('x', [2, 1])),
      hashOf(g.input('x y', [2])),
      hashOf(g.fill(0, [2])),
      hashOf(g.fill(-0, [2])),
      hashOf(g.fill(0.1, [2])),
      hashOf(g.fill(Math.fround(0.1), [2])),
      hashOf(g.leakyRelu(x, 0.1)),
      hashOf(g.leakyRelu(x, 0.2)),
      hashOf(g.constant(Float32Array.of(0, 1), [2])),
      hashOf(g.constant(Float32Array.of(0, 1), [1, 2])),
      hashOf(g.constant(Float32Array.of(0, 1, 0), [3])),
      hashOf(long(1)),
      hashOf(taps(1, 2)),
      hashOf(g.matmul(g.input('a', [2, 2]), g.input('b', [2, 2]))),
      hashOf(g.matmul(g.input('a', [2, 2]), g.input('b', [2, 2]), { transA: true })),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  test('sees what is shared', () => {
    const x = g.input('x', [2]);
    const shared = g.exp(x);
    expect(hashOf(g.mul(shared, shared))).not.toBe(hashOf(g.mul(g.exp(x), g.exp(x))));
  });
});

describe('the digest', () => {
  test('is MurmurHash3_x86_128', () => {
    expect(digestText('')).toBe('0'.repeat(32));
    expect(digestText('The quick brown fox jumps over the lazy dog')).toBe(
      '2f1583c3ecee2c675d7bf66ce5e91d2c',
    );
  });

  test('depends on every bit, on the length and not on the alignment', () => {
    const seen = new Set<string>();
    const bytes = new Uint8Array(40);
    for (let bit = 0; bit < 320; bit++) {
      bytes[bit >> 3] = 1 << (bit & 7);
      seen.add(digest128(bytes));
      bytes[bit >> 3] = 0;
    }
    for (let length = 0; length <= 40; length++) seen.add(digest128(bytes.subarray(0, length)));
    expect(seen.size).toBe(320 + 41);
    const text = new TextEncoder().encode('xyz and some more than one block of text');
    expect(digest128(text.subarray(3))).toBe(digest128(text.slice(3)));
  });
});
