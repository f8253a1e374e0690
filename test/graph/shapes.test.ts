// Misuse of an operator is refused where the graph is built, with the shapes in the message.

import { describe, expect, test } from 'vitest';
import * as g from '../../src/graph/build.ts';
import { broadcastShapes, ShapeError } from '../../src/graph/shapes.ts';

const x = (...shape: number[]) => g.input('x', shape);
const taps = Float32Array.of(1, 2, 1, 1);
const filter = { taps, tapsShape: [2, 2], up: 1, down: 1, pad: [0, 0, 0, 0] } as const;
const window = { stride: 1, pad: [0, 0, 0, 0] } as const;

describe('refused', () => {
  test.each<[string, () => unknown, RegExp]>([
    ['too few inputs', () => g.apply({ kind: 'add' }, [x(2)]), /add: got 1 inputs, expected 2/],
    ['an input for a leaf', () => g.apply({ kind: 'fill', value: 1, shape: [] }, [x()]), /expected 0/],
    ['nothing to join', () => g.apply({ kind: 'concat', axis: 0 }, []), /got 0 inputs, expected 1/],
    ['shapes that do not broadcast', () => g.add(x(2, 3), x(2, 4)), /add: got \[2,3\], \[2,4\]/],
    ['inner sizes that differ', () => g.matmul(x(2, 3), x(2, 3)), /matmul: got \[2,3\], \[2,3\]/],
    [
      'inner sizes that a transpose makes differ',
      () => g.matmul(x(2, 3), x(3, 4), { transA: true }),
      /inner/,
    ],
    ['batches that differ', () => g.matmul(x(2, 3, 4), x(3, 4, 5)), /batches/],
    ['a matrix with a batch', () => g.matmul(x(3, 4), x(2, 4, 5)), /two batches/],
    ['a product of vectors', () => g.matmul(x(3), x(3)), /two matrices/],
    ['channels that differ', () => g.conv(x(1, 3, 8, 8), x(4, 2, 3, 3)), /conv: got .*x \[N,C,H,W\]/],
    ['a kernel larger than the image', () => g.conv(x(1, 3, 2, 8), x(4, 3, 3, 3)), /fits the padded image/],
    ['a dy of another size', () => g.convInputGrad(x(1, 4, 5, 5), x(4, 3, 3, 3), window, [8, 8]), /6x6/],
    [
      'an image of another batch',
      () => g.convWeightGrad(x(1, 3, 8, 8), x(2, 4, 6, 6), window, [3, 3]),
      /x \[N/,
    ],
    ['a dw of another size', () => g.convWeightGrad(x(1, 3, 8, 8), x(1, 4, 6, 6), window, [4, 4]), /5x5/],
    ['a filter for vectors', () => g.upfirdn(x(3, 8), filter), /upfirdn: got \[3,8\]/],
    [
      'taps that do not fill their shape',
      () => g.upfirdn(x(1, 1, 8, 8), { ...filter, tapsShape: [2, 3] }),
      /upfirdn/,
    ],
    ['a crop that leaves nothing', () => g.upfirdn(x(1, 1, 4, 4), { ...filter, pad: [-4, 0, 0, 0] }), /fits/],
    [
      'one position for two images',
      () => g.sample(x(2, 3, 8, 8), x(1, 2, 4, 4)),
      /sample: got .*at \[N,2,h,w\]/,
    ],
    ['positions with three coordinates', () => g.sample(x(1, 3, 8, 8), x(1, 3, 4, 4)), /sample: got/],
    ['positions for another size', () => g.splat(x(1, 3, 4, 4), x(1, 2, 4, 5), [8, 8]), /splat: got/],
    ['a sum over no such axis', () => g.sum(x(2, 3), [2]), /sum: got \[2,3\]/],
    ['a sum over an axis twice', () => g.sum(x(2, 3), [1, 1]), /rising order/],
    ['a negative axis', () => g.sum(x(2, 3), [-1]), /rising order/],
    ['a broadcast that shrinks', () => g.broadcast(x(2, 3), [2, 1]), /grows to \[2,1\]/],
    ['a broadcast to another rank', () => g.broadcast(x(3), [2, 3]), /rank 2/],
    ['a reshape to another size', () => g.reshape(x(2, 3), [5]), /reshape: got \[2,3\], expected 5 elements/],
    ['a permutation that repeats', () => g.transpose(x(2, 3), [0, 0]), /permutation, not \[0,0\]/],
    ['a permutation too short', () => g.transpose(x(2, 3), [0]), /permutation/],
    ['a slice beyond the end', () => g.slice(x(4), [2], [3]), /slice: got \[4\]/],
    ['a slice before the start', () => g.slice(x(4), [-1], [2]), /slice/],
    ['an empty slice', () => g.slice(x(4), [0], [0]), /slice/],
    ['a slice with a start too many', () => g.slice(x(4), [0, 0], [2]), /slice/],
    ['padding for another rank', () => g.pad(x(2, 3), [1], [1]), /pad: got \[2,3\]/],
    ['negative padding', () => g.pad(x(4), [-1], [0]), /at least 0/],
    ['pieces that differ elsewhere', () => g.concat([x(2, 3), x(3, 3)], 1), /concat: got \[2,3\], \[3,3\]/],
    ['pieces joined along no axis', () => g.concat([x(2, 3), x(2, 3)], 2), /axis 2/],
    ['pieces joined along a negative axis', () => g.concat([x(2, 3), x(2, 3)], -1), /axis -1/],
    [
      'a constant of another size',
      () => g.constant(new Float32Array(5), [2, 3]),
      /constant: got \[2,3\], .* 5/,
    ],
  ])('%s', (_name, build, message) => {
    expect(build).toThrow(ShapeError);
    expect(build).toThrow(message);
  });
});

test('shapes broadcast as in NumPy', () => {
  expect(broadcastShapes([2, 1, 4], [3, 1])).toEqual([2, 3, 4]);
  expect(broadcastShapes([], [5])).toEqual([5]);
  expect(broadcastShapes([1], [7])).toEqual([7]);
  expect(broadcastShapes([2], [3])).toBeNull();
});

test('sizes round as published code rounds them', () => {
  const half = { stride: 2, pad: [1, 1, 1, 1] } as const;
  expect(g.conv(x(1, 3, 8, 9), x(4, 3, 3, 3), half).shape).toEqual([1, 4, 4, 5]);
  const up = { ...filter, up: 2, pad: [1, 1, 0, 0] } as const;
  expect(g.upfirdn(x(2, 3, 4, 5), up).shape).toEqual([2, 3, 8, 10]);
  expect(g.upfirdn(x(2, 3, 5, 5), { ...filter, down: 2 }).shape).toEqual([2, 3, 2, 2]);
});

test('compositions that change nothing make no node', () => {
  const node = x(2, 3);
  expect(g.reshape(node, [2, 3])).toBe(node);
  expect(g.broadcast(node, [2, 3])).toBe(node);
  expect(g.sum(node, [])).toBe(node);
  expect(g.concat([node], 0)).toBe(node);
  expect(g.sumTo(node, [2, 3])).toBe(node);
});
