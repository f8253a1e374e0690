// Batch norm against numbers by hand: training, use, running statistics, and first and second derivatives.

import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { constant, input, mul, square, sum, tanh } from '../../src/graph/build.ts';
import type { Node } from '../../src/graph/node.ts';
import { evaluate } from '../../src/graph/reference.ts';
import { batchNorm, batchNormParameters } from '../../src/nn/batch-norm.ts';
import { initialValue, type Parameters, unobserved } from '../../src/nn/parameters.ts';
import { expectGradients } from '../graph/finite-difference.ts';

/** Two channels of four values each: 1, 3, 5, 7 with mean 4 and Σ(x - 4)² = 20, and 2, 2, 2, 6 with mean 3 and 12. */
const VALUES = [1, 3, 2, 2, 5, 7, 2, 6]; // [2, 2, 1, 2]
const IMAGES = constant(Float32Array.from(VALUES), [2, 2, 1, 2]);

const TENSORS: Record<string, readonly number[]> = {
  weight: [2, -3],
  bias: [0.5, 10],
  running_mean: [1, -1],
  running_var: [4, 0.25],
};
const inUse: Parameters = (name) => constant(Float32Array.from(TENSORS[name]), [2]);

function inTraining(): { p: Parameters; observed: Map<string, Node> } {
  const observed = new Map<string, Node>();
  const observe = (name: string, value: Node) => observed.set(name, value);
  return { p: Object.assign((name: string) => inUse(name), { observe }), observed };
}

function expectValues(node: Node, expected: readonly number[]): void {
  const [values] = evaluate([node]);
  expect(values).toHaveLength(expected.length);
  expected.forEach((value, i) => {
    expect(values[i]).toBeCloseTo(value, 8);
  });
}

const channelOf = (i: number): 0 | 1 => ((i >> 1) % 2) as 0 | 1;

describe('of images', () => {
  it("uses the batch's mean and biased variance in training", () => {
    const [mean, variance] = [
      [4, 3],
      [20 / 4, 12 / 4],
    ];
    const expected = VALUES.map((x, i) => {
      const c = channelOf(i);
      return TENSORS.weight[c] * ((x - mean[c]) / Math.sqrt(variance[c] + 1e-5)) + TENSORS.bias[c];
    });
    expectValues(batchNorm(inTraining().p, IMAGES), expected);
    expectValues(batchNorm(unobserved(inUse), IMAGES), expected);
  });

  it('observes the mean and the unbiased variance', () => {
    const { p, observed } = inTraining();
    batchNorm(p, IMAGES);
    expect([...observed.keys()]).toEqual(['running_mean', 'running_var']);
    expectValues(observed.get('running_mean')!, [4, 3]);
    expectValues(observed.get('running_var')!, [20 / 3, 12 / 3]);
  });

  it('uses the running statistics in use', () => {
    // (x - 1)/√4·2 + 0.5, and (x + 1)/√0.25·(-3) + 10, but for ε
    const rough = [0.5, 2.5, -8, -8, 4.5, 6.5, -8, -32];
    const expected = VALUES.map((x, i) => {
      const c = channelOf(i);
      const deviation = Math.sqrt(TENSORS.running_var[c] + 1e-5);
      return (TENSORS.weight[c] * (x - TENSORS.running_mean[c])) / deviation + TENSORS.bias[c];
    });
    expected.forEach((value, i) => {
      expect(value).toBeCloseTo(rough[i], 2);
    });
    expectValues(batchNorm(inUse, IMAGES), expected);
  });
});

describe('of rows', () => {
  const rows = constant(Float32Array.of(1, 2, 3, 6), [2, 2]);

  it('looks at columns', () => {
    const unit = (half: number) => half / Math.sqrt(half * half + 1e-5);
    const [a, b] = [2 * unit(1), -3 * unit(2)];
    const { p, observed } = inTraining();
    expectValues(batchNorm(p, rows), [0.5 - a, 10 - b, 0.5 + a, 10 + b]);
    expectValues(observed.get('running_var')!, [2, 8]);
  });

  it('refuses a single one', () => {
    const one = constant(Float32Array.of(1, 2), [1, 2]);
    expect(() => batchNorm(inTraining().p, one)).toThrow('got one value a channel, expected at least 2');
    expect(() => batchNorm(inUse, one)).not.toThrow();
  });
});

it('starts as the identity in use, up to its scale', () => {
  const specs = batchNormParameters(2, 0);
  expect(specs.map(({ name, trainable, follow }) => [name, trainable, follow])).toEqual([
    ['weight', true, undefined],
    ['bias', true, undefined],
    ['running_mean', false, 0.9],
    ['running_var', false, 0.9],
  ]);
  const start = new Map(specs.map((spec) => [spec.name, initialValue(spec, new Random(1))]));
  const y = batchNorm((name) => constant(start.get(name)!, [2]), IMAGES);
  expectValues(
    y,
    VALUES.map((x) => x / Math.sqrt(1 + 1e-5)),
  );
});

it('has first and second derivatives', () => {
  const random = new Random(4, 'values');
  const draw = (size: number) => Float64Array.from({ length: size }, () => random.normal());
  const feeds = { x: draw(24), weight: draw(2), bias: draw(2), r: draw(24) };
  const x = input('x', [3, 2, 2, 2]);
  const weight = input('weight', [2]);
  const bias = input('bias', [2]);
  const p = unobserved((name) => (name === 'weight' ? weight : bias));
  const loss = sum(mul(tanh(batchNorm(p, x)), input('r', [3, 2, 2, 2])));
  const penalty = sum(square(gradients(loss, [x])[0]));
  for (const scalar of [loss, penalty])
    for (const length of expectGradients(scalar, [x, weight, bias], feeds))
      expect(length).toBeGreaterThan(0.01);
});
