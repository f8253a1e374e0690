// The reference evaluator against numbers worked out by hand, so that it can serve as the definition.

import { describe, expect, test } from 'vitest';
import * as g from '../../src/graph/build.ts';
import type { Node } from '../../src/graph/node.ts';
import { evaluate, evaluateGraph, evaluateNode } from '../../src/graph/reference.ts';

const of = (shape: number[], ...values: number[]): Node => g.constant(Float32Array.from(values), shape);
const count = (...shape: number[]): Node =>
  of(shape, ...Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i + 1));
const values = (node: Node): number[] => [...evaluateNode(node)];

describe('by hand', () => {
  test.each<[string, Node, number[]]>([
    [
      'broadcast of a row and a column',
      g.add(of([2, 1], 10, 20), of([3], 1, 2, 3)),
      [11, 12, 13, 21, 22, 23],
    ],
    ['a quotient', g.div(of([2], 1, 9), 4), [0.25, 2.25]],
    ['a difference from a number', g.sub(1, of([2], 3, -1)), [-2, 2]],
    ['a matrix product', g.matmul(count(2, 2), of([2, 2], 5, 6, 7, 8)), [19, 22, 43, 50]],
    ['aᵀb', g.matmul(count(2, 2), of([2, 2], 5, 6, 7, 8), { transA: true }), [26, 30, 38, 44]],
    ['abᵀ', g.matmul(count(2, 2), of([2, 2], 5, 6, 7, 8), { transB: true }), [17, 23, 39, 53]],
    ['a batch of products', g.matmul(count(2, 1, 2), count(2, 2, 1)), [5, 25]],
    ['correlation, not convolution', g.conv(count(1, 1, 1, 3), of([1, 1, 1, 2], 1, 10)), [21, 32]],
    [
      'asymmetric padding and stride',
      g.conv(count(1, 1, 1, 4), of([1, 1, 1, 2], 1, 10), { stride: 2, pad: [0, 1, 0, 1] }),
      [10, 32, 4],
    ],
    ['channels add up', g.conv(count(1, 2, 1, 2), of([2, 2, 1, 1], 1, 10, 100, 1000)), [31, 42, 3100, 4200]],
    [
      'a transposed convolution',
      g.convInputGrad(
        of([1, 1, 1, 2], 1, 2),
        of([1, 1, 1, 3], 1, 10, 100),
        { stride: 2, pad: [0, 0, 0, 0] },
        [1, 5],
      ),
      [1, 10, 102, 20, 200],
    ],
    [
      'a weight gradient',
      g.convWeightGrad(count(1, 1, 1, 3), of([1, 1, 1, 2], 1, 10), { stride: 1, pad: [0, 0, 0, 0] }, [1, 2]),
      [21, 32],
    ],
    [
      'zero-stuffing puts samples first',
      g.upfirdn(count(1, 1, 1, 2), {
        taps: Float32Array.of(1),
        tapsShape: [1, 1],
        up: 2,
        down: 1,
        pad: [0, 0, 0, 0],
      }),
      [1, 0, 2, 0, 0, 0, 0, 0],
    ],
    [
      'negative padding crops after zero-stuffing',
      g.upfirdn(count(1, 1, 1, 3), {
        taps: Float32Array.of(1, 10),
        tapsShape: [1, 2],
        up: 1,
        down: 1,
        pad: [0, -1, 0, 1],
      }),
      [32, 3],
    ],
    ['a sum over the middle', g.sum(count(2, 2, 2), [1]), [4, 6, 12, 14]],
    ['a mean', g.mean(count(2, 3), [1]), [2, 5]],
    ['a transpose', g.transpose(count(2, 3), [1, 0]), [1, 4, 2, 5, 3, 6]],
    ['a rotation of axes', g.transpose(count(2, 1, 3), [2, 0, 1]), [1, 4, 2, 5, 3, 6]],
    ['a slice', g.slice(count(2, 3), [0, 1], [2, 2]), [2, 3, 5, 6]],
    ['padding', g.pad(count(1, 2), [1, 0], [0, 1]), [0, 0, 0, 1, 2, 0]],
    ['pieces along the last axis', g.concat([count(2, 1), count(2, 2)], 1), [1, 1, 2, 2, 3, 4]],
    ['a broadcast', g.broadcast(count(2, 1), [2, 2]), [1, 1, 2, 2]],
    ['a leaky slope', g.leakyRelu(of([3], -1, 0, 2), 0.5), [-0.5, 0, 2]],
    ['the mask counts 0 as negative', g.leakyMask(of([3], -1, 0, 2), 0.5), [0.5, 0.5, 1]],
    ['the sign of 0', g.sign(of([3], -4, 0, 5)), [-1, 0, 1]],
    ['softplus without overflow', g.softplus(of([2], -1000, 1000)), [0, 1000]],
    ['sigmoid without overflow', g.sigmoid(of([3], -1000, 0, 1000)), [0, 0.5, 1]],
    ['a sum to a smaller rank', g.sumTo(count(2, 3), [3]), [5, 7, 9]],
    ['gradients in one vector', g.flatten([count(2, 1), of([], 7)]), [1, 2, 7]],
  ])('%s', (_name, node, expected) => {
    expect(values(node)).toEqual(expected);
  });
});

test('inputs are read by name and checked', () => {
  const x = g.input('x', [2]);
  expect(evaluate([g.mul(x, x), x], { x: [3, 4] }).map((y) => [...y])).toEqual([
    [9, 16],
    [3, 4],
  ]);
  expect(() => evaluate([x])).toThrow('input x: got no values, expected [2]');
  expect(() => evaluate([x], { x: [1] })).toThrow('input x: got 1 values, expected 2 for [2]');
});

test('a graph gives its outputs under their names', () => {
  const outputs = evaluateGraph({ outputs: { double: g.mul(g.fill(2), 2), one: g.fill(1, [2]) } });
  expect(outputs).toEqual({ double: Float64Array.of(4), one: Float64Array.of(1, 1) });
});

test('a node that is used often is computed once', () => {
  let node: Node = g.fill(1);
  for (let i = 0; i < 100; i++) node = g.add(node, node);
  expect(values(node)).toEqual([2 ** 100]);
});
