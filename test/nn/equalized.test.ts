// Convolutions that resample: one strided operator must equal the published sequence of steps.

import { expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { type Shape, sizeOf } from '../../src/core/tensor.ts';
import { constant, conv, convInputGrad, mul, transpose } from '../../src/graph/build.ts';
import type { Node } from '../../src/graph/node.ts';
import { evaluate } from '../../src/graph/reference.ts';
import { equalizedConv, equalizedConvDown, equalizedConvUp, equalizedDense } from '../../src/nn/equalized.ts';
import { downsampleBox, upsampleNearest } from '../../src/nn/resample.ts';

const random = new Random(4, 'equalized');
const normal = (...shape: number[]): Node =>
  constant(random.fillNormal(new Float32Array(sizeOf(shape))), shape);
const valuesOf = (node: Node): Float64Array => evaluate([node])[0];

/** Kernels with every row and column in reverse order. */
function flipped(weight: Node): Node {
  const data = valuesOf(weight);
  const taps = sizeOf(weight.shape.slice(2));
  const out = Float32Array.from(data, (_, i) => data[i - (i % taps) + (taps - 1 - (i % taps))]);
  return constant(out, weight.shape);
}

/** The published kernel of fused layers: four copies of the 3×3 one, shifted. [A,B,3,3] → [A,B,4,4] */
function fusedKernel(weight: Node): Node {
  const data = valuesOf(weight);
  const [a, b] = weight.shape;
  const out = new Float32Array(a * b * 16);
  for (let k = 0; k < a * b; k++)
    for (let y = 0; y < 4; y++)
      for (let x = 0; x < 4; x++)
        for (const [dy, dx] of [
          [0, 0],
          [0, 1],
          [1, 0],
          [1, 1],
        ]) {
          const [i, j] = [y - dy, x - dx];
          if (i >= 0 && i < 3 && j >= 0 && j < 3) out[k * 16 + y * 4 + x] += data[k * 9 + i * 3 + j];
        }
  return constant(out, [a, b, 4, 4]);
}

function expectClose(got: Node, expected: Node): void {
  expect(got.shape).toEqual(expected.shape);
  const [a, b] = evaluate([got, expected]);
  const largest = b.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  expect(largest).toBeGreaterThan(0.1);
  expect(a.reduce((max, x, i) => Math.max(max, Math.abs(x - b[i])), 0) / largest).toBeLessThan(1e-6);
}

// Sizes from a single pixel, even and odd, wider and higher.
const UP: [number, number][] = [
  [1, 1],
  [1, 3],
  [2, 2],
  [3, 2],
  [5, 4],
];
const IN = 2;
const OUT = 3;
const GAIN = Math.SQRT2 / Math.sqrt(9 * IN);

it.each(UP)('enlarges %i×%i images by repeated pixels, then convolves', (h, w) => {
  const [x, weight] = [normal(2, IN, h, w), normal(OUT, IN, 3, 3)];
  const direct = conv(upsampleNearest(x, 2), mul(weight, GAIN), { pad: [1, 1, 1, 1] });
  expectClose(
    equalizedConvUp(() => weight, x, false),
    direct,
  );
  expectClose(
    equalizedConvUp(() => flipped(weight), x, true),
    direct,
  );
});

it.each(UP)('enlarges %i×%i images by the published transposed convolution', (h, w) => {
  const [x, weight] = [normal(2, IN, h, w), normal(OUT, IN, 3, 3)];
  const kernel = transpose(mul(fusedKernel(weight), GAIN), [1, 0, 2, 3]);
  const window = { stride: 2, pad: [1, 1, 1, 1] } as const;
  expectClose(
    equalizedConvUp(() => weight, x, true),
    convInputGrad(x, kernel, window, [2 * h, 2 * w]),
  );
});

it.each(UP)('reduces images to %i×%i: convolves, then averages squares', (h, w) => {
  const [x, weight] = [normal(2, IN, 2 * h, 2 * w), normal(OUT, IN, 3, 3)];
  const p = () => weight;
  const reduced = equalizedConvDown(p, x);
  expectClose(reduced, downsampleBox(equalizedConv(p, x), 2));
  expectClose(reduced, conv(x, mul(fusedKernel(weight), GAIN / 4), { stride: 2, pad: [1, 1, 1, 1] }));
});

it.each<[Shape, number]>([
  [[OUT, IN, 1, 1], 2],
  [[OUT, IN, 3, 3], 18],
])('convolves with %j at √2/√fan_in', (shape, fanIn) => {
  const [x, weight] = [normal(2, IN, 4, 3), normal(...shape)];
  const same = (shape[2] - 1) / 2;
  const expected = conv(x, mul(weight, Math.SQRT2 / Math.sqrt(fanIn)), { pad: [same, same, same, same] });
  expectClose(
    equalizedConv(() => weight, x),
    expected,
  );
});

it('gives the bias no gain', () => {
  const [x, weight, bias] = [normal(2, 4), normal(3, 4), normal(3)];
  const p = (name: string) => (name === 'weight' ? weight : bias);
  const [xs, ws, bs] = [x, weight, bias].map(valuesOf);
  const got = valuesOf(equalizedDense(p, x, 0.1));
  got.forEach((value, i) => {
    const [n, o] = [Math.floor(i / 3), i % 3];
    let sum = 0.1 * bs[o];
    for (let k = 0; k < 4; k++) sum += ((xs[n * 4 + k] * ws[o * 4 + k]) / 2) * Math.SQRT2 * 0.1;
    expect(value).toBeCloseTo(sum > 0 ? sum : 0.2 * sum, 7);
  });
});
