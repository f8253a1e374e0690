// Adaptive instance normalization against its formula, element by element.

import { expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { sizeOf } from '../../src/core/tensor.ts';
import { constant, fill, input, mul, sum } from '../../src/graph/build.ts';
import type { Node } from '../../src/graph/node.ts';
import { evaluate } from '../../src/graph/reference.ts';
import { adaptiveInstanceNorm } from '../../src/nn/adain.ts';
import { expectGradients } from '../graph/finite-difference.ts';

const random = new Random(7, 'adain');
const draw = (...shape: number[]): Float64Array =>
  Float64Array.from({ length: sizeOf(shape) }, () => random.normal());

const [N, C, H, W] = [2, 3, 2, 4];
const PIXELS = H * W;

/** Every channel of every image to mean `b` and deviation `1 + s`. */
function formula(x: Float64Array, style: Float64Array, images: number): number[] {
  return Array.from({ length: N * C * PIXELS }, (_, i) => {
    const [n, c] = [Math.floor(i / (C * PIXELS)), Math.floor(i / PIXELS) % C];
    const start = ((n % images) * C + c) * PIXELS;
    const channel = x.subarray(start, start + PIXELS);
    const mean = channel.reduce((a, b) => a + b, 0) / PIXELS;
    const variance = channel.reduce((a, b) => a + (b - mean) ** 2, 0) / PIXELS;
    const [s, b] = [style[n * 2 * C + c], style[n * 2 * C + C + c]];
    return ((channel[i % PIXELS] - mean) / Math.sqrt(variance + 1e-8)) * (1 + s) + b;
  });
}

it.each([N, 1])('gives %i image(s) the statistics of two styles', (images) => {
  const feeds = { x: draw(images, C, H, W).map((v) => 3 * v + 5), style: draw(N, 2 * C) };
  const y = adaptiveInstanceNorm(input('x', [images, C, H, W]), input('style', [N, 2 * C]));
  expect(y.shape).toEqual([N, C, H, W]);
  const expected = formula(feeds.x, feeds.style, images);
  evaluate([y], feeds)[0].forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i], 6);
  });
});

it('leaves the bias where a channel has no contrast, in float32 too', () => {
  const style = constant(Float32Array.from(draw(1, 2 * C)), [1, 2 * C]);
  const y = adaptiveInstanceNorm(fill(1, [1, C, 4, 4]), style);
  const [values, styles] = evaluate([y, style]);
  values.forEach((value, i) => {
    expect(value).toBe(styles[C + Math.floor(i / 16)]);
  });
});

it('has the gradients of finite differences', () => {
  const inputs = [input('x', [N, C, H, W]), input('style', [N, 2 * C])];
  const weights: Node = constant(Float32Array.from(draw(N, C, H, W)), [N, C, H, W]);
  const feeds = { x: draw(N, C, H, W), style: draw(N, 2 * C) };
  expectGradients(sum(mul(adaptiveInstanceNorm(inputs[0], inputs[1]), weights)), inputs, feeds);
});
