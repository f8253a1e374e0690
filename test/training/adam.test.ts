// The optimizer against the published algorithm in float64, lazy rates, and the generator's average.

import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import {
  type AdamRates,
  adamState,
  adamStep,
  averageBeta,
  lazyRates,
  resetAdam,
  updateAverage,
} from '../../src/training/adam.ts';

const SIZE = 50;
const ratesOf = (lr: number, beta1 = 0, beta2 = 0.99): AdamRates => ({ lr, beta1, beta2, eps: 1e-8 });

/** Adam as Kingma & Ba 2015, algorithm 1, has it, with both moments, in float64. */
class Adam {
  readonly m = new Float64Array(SIZE);
  readonly v = new Float64Array(SIZE);
  private t = 0;

  step(p: Float64Array, g: ArrayLike<number>, lr: number, beta1: number, beta2: number, eps: number): void {
    this.t++;
    for (let i = 0; i < p.length; i++) {
      this.m[i] = beta1 * this.m[i] + (1 - beta1) * g[i];
      this.v[i] = beta2 * this.v[i] + (1 - beta2) * g[i] ** 2;
      const mHat = this.m[i] / (1 - beta1 ** this.t);
      const vHat = this.v[i] / (1 - beta2 ** this.t);
      p[i] -= (lr * mHat) / (Math.sqrt(vHat) + eps);
    }
  }
}

describe('adamStep', () => {
  it.each([
    [0, 0.99],
    [0.5, 0.999],
    [0.9, 0.999],
  ])(
    'with β1 %d and β2 %d follows the algorithm over many steps, with gradients of all sizes',
    (beta1, beta2) => {
      const random = new Random(1, 'adam');
      const p = random.fillNormal(new Float32Array(SIZE));
      const expected = Float64Array.from(p);
      const reference = new Adam();
      const state = adamState(SIZE, beta1);
      const rates = lazyRates(ratesOf(0.0025, beta1, beta2), 16);
      for (let step = 0; step < 200; step++) {
        const gradient = random.fillNormal(new Float32Array(SIZE));
        for (let i = 0; i < SIZE; i++) gradient[i] *= 10 ** ((i % 12) - 9);
        const norm = adamStep(p, gradient, 0.5, state, rates);
        const scaled = Float64Array.from(gradient, (g) => 0.5 * g);
        reference.step(expected, scaled, rates.lr, rates.beta1, rates.beta2, 1e-8);
        const sum = scaled.reduce((total, g) => total + g * g, 0);
        expect(Math.abs(norm - sum)).toBeLessThan(1e-12 * sum);
      }
      expect(state.steps).toBe(200);
      expect(state.m === null).toBe(beta1 === 0);
      for (let i = 0; i < SIZE; i++) {
        expect(p[i]).toBeCloseTo(expected[i], 4);
        expect(Math.abs(state.v[i] / reference.v[i] - 1)).toBeLessThan(1e-4);
        const size = 1e-3 * Math.sqrt(reference.v[i]);
        if (state.m !== null) expect(Math.abs(state.m[i] - reference.m[i])).toBeLessThan(size);
      }
    },
  );

  it.each([0, 0.5])(
    'moves each parameter by the learning rate at first, whatever its gradient; β1 %d',
    (beta1) => {
      const p = new Float32Array(3);
      adamStep(p, Float32Array.of(1e-4, -1, 1e4), 1, adamState(3, beta1), ratesOf(0.01, beta1));
      expect(p[0]).toBeCloseTo(-0.01, 5);
      expect(p[1]).toBeCloseTo(0.01, 7);
      expect(p[2]).toBeCloseTo(-0.01, 7);
    },
  );

  it('leaves parameters without gradient where they are', () => {
    const p = Float32Array.of(1, 2);
    expect(adamStep(p, new Float32Array(2), 1, adamState(2, 0), ratesOf(0.01))).toBe(0);
    expect([...p]).toEqual([1, 2]);
  });

  it.each([0, 0.5])('of ranges is that of their parameters alone, and leaves the others; β1 %d', (beta1) => {
    const random = new Random(2, 'ranges');
    const ranges = [
      { start: 1, end: 3 },
      { start: 6, end: 9 },
    ];
    const inside = [1, 2, 6, 7, 8];
    const all = random.fillNormal(new Float32Array(10));
    const before = all.slice();
    const alone = Float32Array.from(inside, (i) => all[i]);
    const [state, other] = [adamState(10, beta1), adamState(5, beta1)];
    for (let step = 0; step < 3; step++) {
      const gradient = random.fillNormal(new Float32Array(5));
      const norm = adamStep(all, gradient, 2, state, ratesOf(0.1, beta1), ranges);
      expect(norm).toBeCloseTo(adamStep(alone, gradient, 2, other, ratesOf(0.1, beta1)), 10);
    }
    expect(inside.map((i) => all[i])).toEqual([...alone]);
    expect(inside.map((i) => state.v[i])).toEqual([...other.v]);
    for (const i of [0, 3, 4, 5, 9]) {
      expect([all[i], state.v[i], state.m?.[i] ?? 0]).toEqual([before[i], 0, 0]);
    }
  });

  it.each([0, 0.5])('begins anew after a reset; β1 %d', (beta1) => {
    const state = adamState(2, beta1);
    for (let step = 0; step < 5; step++)
      adamStep(new Float32Array(2), Float32Array.of(3, -7), 1, state, ratesOf(0.1, beta1));
    resetAdam(state);
    expect(state).toEqual(adamState(2, beta1));
  });

  it.each([0, 0.5])('tells of gradients that are not finite; β1 %d', (beta1) => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const gradient = Float32Array.of(1, bad);
      const norm = adamStep(new Float32Array(2), gradient, 1, adamState(2, beta1), ratesOf(0.01, beta1));
      expect(Number.isFinite(norm)).toBe(false);
    }
  });
});

describe('lazyRates', () => {
  it('shrinks the rate and the memory by n/(n+1)', () => {
    const g = lazyRates(ratesOf(0.0025), 4);
    expect(g).toMatchObject({ beta1: 0, eps: 1e-8 });
    expect(g.lr).toBeCloseTo(0.002, 12);
    expect(g.beta2).toBeCloseTo(0.99 ** 0.8, 12);
    const d = lazyRates(ratesOf(0.0025, 0.5), 16);
    expect(d.lr).toBeCloseTo((0.0025 * 16) / 17, 12);
    expect(d.beta1).toBeCloseTo(0.5 ** (16 / 17), 12);
    expect(d.beta2).toBeCloseTo(0.99 ** (16 / 17), 12);
  });

  it('changes nothing without a regularizer', () => {
    expect(lazyRates(ratesOf(0.002, 0.5), null)).toEqual(ratesOf(0.002, 0.5));
  });
});

describe('the average', () => {
  it('has forgotten half after its half-life', () => {
    const beta = averageBeta(32, 1e9, 10, null);
    expect(beta ** (10_000 / 32)).toBeCloseTo(0.5, 9);
    expect(averageBeta(16, 1e9, 5, 0.05)).toBeCloseTo(0.5 ** (16 / 5000), 12);
  });

  it('has a shorter half-life at the start: a share of the images seen', () => {
    // 2000 images seen, of which .05: a half-life of 100 images.
    expect(averageBeta(10, 2000, 10, 0.05)).toBeCloseTo(0.5 ** 0.1, 12);
    // Before the first batch there is nothing worth keeping.
    expect(averageBeta(10, 0, 10, 0.05)).toBe(0);
  });

  it('moves towards the parameters', () => {
    const average = Float32Array.of(1, -1, 4);
    updateAverage(average, Float32Array.of(3, -1, 0), 0.75);
    expect([...average]).toEqual([1.5, -1, 3]);
    updateAverage(average, Float32Array.of(3, -1, 0.5), 0);
    expect([...average]).toEqual([3, -1, 0.5]);
  });
});
