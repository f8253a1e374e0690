// Spectral normalization against singular values worked out in plain float64, and its gradient against differences.

import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { sizeOf } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { input, mul, reshape, square, sum } from '../../src/graph/build.ts';
import type { Node } from '../../src/graph/node.ts';
import { evaluate } from '../../src/graph/reference.ts';
import { verify } from '../../src/graph/verify.ts';
import { parameterInputs } from '../../src/models/network-graph.ts';
import { convLayer, convParameters } from '../../src/nn/conv.ts';
import { linear, linearParameters } from '../../src/nn/linear.ts';
import { filled, type ParameterSpec, type Parameters, prefixed, scoped } from '../../src/nn/parameters.ts';
import { spectrallyNormalized, spectralNorm, spectralSpecs } from '../../src/nn/spectral-norm.ts';
import { gradientPenalty } from '../../src/training/losses.ts';
import { expectGradients } from '../graph/finite-difference.ts';

const SHAPES = [
  [5, 3, 3, 3],
  [3, 8],
  [8, 3],
  [1, 6],
  [4, 1],
] as const;

const normals = (size: number, name: string): Float64Array => {
  const random = new Random(1, name);
  return Float64Array.from({ length: size }, () => random.normal());
};

/** Largest singular value of a matrix [rows, …], by power iteration on W Wᵀ until nothing moves. */
function largestSingularValue(w: Float64Array, rows: number): number {
  const columns = w.length / rows;
  let u = normals(rows, 'start');
  let [sigma, last] = [0, -1];
  while (Math.abs(sigma - last) > 1e-14 * sigma) {
    last = sigma;
    const v = Float64Array.from({ length: columns }, (_, k) =>
      u.reduce((total, x, i) => total + x * w[i * columns + k], 0),
    );
    sigma = Math.hypot(...v);
    const wv = u.map((_, i) => v.reduce((total, x, k) => total + x * w[i * columns + k], 0));
    const length = Math.hypot(...wv);
    u = wv.map((x) => x / length);
  }
  return sigma;
}

describe.each(SHAPES.map((shape) => [shape] as const))('W [%s]', (shape) => {
  const w = input('w', shape);
  const u = input('u', [shape[0]]);
  const { weight, nextU } = spectralNorm(w, u);
  const feeds = { w: normals(sizeOf(shape), 'w'), u: normals(shape[0], 'u') };
  const settled = (): Float64Array => {
    let values = feeds.u;
    for (let i = 0; i < 500; i++) [values] = evaluate([nextU], { ...feeds, u: values });
    return values;
  };

  it('has norm 1 once u has settled, and more before', () => {
    verify({ outputs: { weight, nextU } });
    const normAt = (uValues: Float64Array): number => {
      const [values] = evaluate([weight], { ...feeds, u: uValues });
      return largestSingularValue(values, shape[0]);
    };
    const end = settled();
    expect(normAt(end)).toBeCloseTo(1, 10);
    expect(Math.hypot(...end)).toBeCloseTo(1, 12);
    expect(normAt(feeds.u)).toBeGreaterThanOrEqual(1 - 1e-12);
    // σ is the largest singular value itself, not any that happens to be one of W/σ.
    const [values] = evaluate([weight], { ...feeds, u: end });
    expect(feeds.w[0] / values[0]).toBeCloseTo(largestSingularValue(feeds.w, shape[0]), 9);
  });

  it('does not depend on the length of u', () => {
    const [ones, tens] = [1, 10].map((k) =>
      evaluate([weight, nextU], { ...feeds, u: feeds.u.map((x) => k * x) }),
    );
    ones.forEach((values, i) => {
      values.forEach((value, k) => {
        expect(tens[i][k]).toBeCloseTo(value, 12);
      });
    });
  });

  it('has the published gradient: (G - <G, W/σ> u vᵀ)/σ with u and v fixed', () => {
    const g = input('g', shape);
    const loss = reshape(sum(mul(weight, g)), []);
    const all = { ...feeds, g: normals(sizeOf(shape), 'g') };
    expectGradients(loss, [w], all);
    const columns = sizeOf(shape) / shape[0];
    const length = Math.hypot(...feeds.u);
    const right = Float64Array.from({ length: columns }, (_, k) =>
      feeds.u.reduce((total, x, i) => total + (x / length) * feeds.w[i * columns + k], 0),
    );
    const sigma = Math.hypot(...right);
    const inner = all.g.reduce((total, x, i) => total + (x * feeds.w[i]) / sigma, 0);
    const [gradient] = evaluate(gradients(loss, [w]), all);
    gradient.forEach((value, i) => {
      const uv = ((feeds.u[Math.floor(i / columns)] / length) * right[i % columns]) / sigma;
      expect(value).toBeCloseTo((all.g[i] - inner * uv) / sigma, 10);
    });
  });
});

it('starts sanely: a normal matrix comes out with a norm near 1 after one iteration from any u', () => {
  for (const shape of [
    [24, 24, 3, 3],
    [64, 3, 1, 1],
    [1, 64],
  ] as const) {
    const [w, u] = [input('w', shape), input('u', [shape[0]])];
    const { weight, nextU } = spectralNorm(w, u);
    const feeds = { w: normals(sizeOf(shape), 'w'), u: normals(shape[0], 'u') };
    const [next] = evaluate([nextU], feeds);
    const [values] = evaluate([weight], { ...feeds, u: next });
    expect(largestSingularValue(values, shape[0])).toBeLessThan(1.6);
  }
});

const SPECS: readonly ParameterSpec[] = [
  ...prefixed('conv', convParameters(2, 3, 3)),
  ...prefixed('fc', linearParameters(12, 5, { lrMultiplier: 0.01 })),
  filled('noise_strength', [], 0),
  { name: 'frozen.weight', shape: [2, 2], init: { value: 1 }, trainable: false },
];

describe('spectrallyNormalized', () => {
  const buffers = spectralSpecs(SPECS);
  const inputs = parameterInputs([...SPECS, ...buffers], 'D.');

  it('adds a buffer for each trainable weight', () => {
    expect(buffers).toEqual([
      { name: 'conv.weight_u', shape: [3], init: { std: 1 }, trainable: false, follow: 0 },
      { name: 'fc.weight_u', shape: [5], init: { std: 1 }, trainable: false, follow: 0 },
    ]);
  });

  it('observes the next u once for each weight, and passes everything else through', () => {
    const seen: string[] = [];
    const observe = (name: string): void => {
      seen.push(name);
    };
    const observed: Parameters = Object.assign((name: string) => inputs(name), { observe });
    const p = spectrallyNormalized(observed, SPECS, { equalized: true });
    expect(p('conv.weight')).toBe(p('conv.weight'));
    p('fc.weight');
    for (const name of ['conv.bias', 'noise_strength', 'frozen.weight']) expect(p(name)).toBe(inputs(name));
    expect(seen).toEqual(['conv.weight_u', 'fc.weight_u']);
    scoped(p, 'norm').observe?.('mean', inputs('noise_strength'));
    expect(seen).toEqual(['conv.weight_u', 'fc.weight_u', 'norm.mean']);
    expect(spectrallyNormalized(inputs, SPECS, { equalized: true }).observe).toBeUndefined();
  });

  it.each([
    ['fc', 2],
    ['conv', 4],
  ] as const)('gives equalized layers (%s) an effective weight of norm 1', (name, rank) => {
    const p = spectrallyNormalized(inputs, SPECS, { equalized: true });
    const x = input('x', rank === 2 ? [1, 12] : [1, 2, 5, 5]);
    const layer =
      rank === 2
        ? linear(scoped(p, name), x, { lrMultiplier: 0.01 })
        : convLayer(scoped(p, name), x, { activation: 'linear' });
    const spec = SPECS.find((each) => each.name === `${name}.weight`)!;
    // Settled u of a weight of norm 7: any multiple of one outer product has but one singular value.
    const [left, right] = [normals(spec.shape[0], 'l'), normals(sizeOf(spec.shape) / spec.shape[0], 'r')];
    const scale = 7 / Math.hypot(...left) / Math.hypot(...right);
    const feeds = {
      x: new Float64Array(sizeOf(x.shape)),
      [`D.${name}.weight`]: Float64Array.from(left, () => 0),
      [`D.${name}.weight_u`]: left,
      [`D.${name}.bias`]: new Float64Array(spec.shape[0]),
    };
    feeds[`D.${name}.weight`] = Float64Array.from(
      { length: left.length * right.length },
      (_, i) => scale * left[Math.floor(i / right.length)] * right[i % right.length],
    );
    // The input that the right singular vector matches comes out, in the middle of the image, with its own length.
    const unit = right.map((v) => v / Math.hypot(...right));
    if (rank === 2) feeds.x.set(unit);
    else
      unit.forEach((v, k) => {
        feeds.x[Math.floor(k / 9) * 25 + (1 + (Math.floor(k / 3) % 3)) * 5 + 1 + (k % 3)] = v;
      });
    const [y] = evaluate([layer], feeds);
    const middle = rank === 2 ? y : y.filter((_, i) => i % 25 === 12);
    expect(Math.hypot(...middle)).toBeCloseTo(1, 12);
  });

  it('has right gradients through two derivatives: a gradient penalty of a normalized critic', () => {
    const p = spectrallyNormalized(inputs, SPECS, { equalized: true });
    const images = input('images', [2, 2, 2, 2]);
    const features = convLayer(scoped(p, 'conv'), images); // [2, 3, 2, 2]
    const out: Node = linear(scoped(p, 'fc'), reshape(features, [2, 12]), { lrMultiplier: 0.01 });
    const { penalty } = gradientPenalty(sum(square(out), [1]), images, 1);
    const weights = ['conv.weight', 'fc.weight'].map(inputs);
    const feeds: Record<string, Float64Array> = { images: normals(16, 'images') };
    for (const { name, shape } of [...SPECS, ...buffers]) feeds[`D.${name}`] = normals(sizeOf(shape), name);
    for (const length of expectGradients(reshape(sum(penalty), []), weights, feeds)) {
      expect(length).toBeGreaterThan(1e-3);
    }
  });
});
