// The mode-collapse gauge against its formula, and when it is taken for a collapse.

import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { floatTensor } from '../../src/core/tensor.ts';
import { bestOf, collapseWarning, deviationAcross, hasFallen } from '../../src/training/monitor.ts';

describe('deviationAcross', () => {
  it('is the mean over pixels of the deviation across images, of what a picture can show', () => {
    const [n, size] = [7, 3 * 4 * 4];
    const images = new Random(1, 'gauge').fillNormal(new Float32Array(n * size));
    let total = 0;
    for (let i = 0; i < size; i++) {
      const values = Array.from({ length: n }, (_, k) => Math.min(Math.max(images[k * size + i], -1), 1));
      const mean = values.reduce((sum, x) => sum + x, 0) / n;
      total += Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / n);
    }
    expect(deviationAcross(floatTensor(images, [n, 3, 4, 4]))).toBeCloseTo(total / size, 12);
  });

  it('is 0 for images that are alike, whatever they show, and 1 between black and white', () => {
    const image = new Random(2, 'alike').fillNormal(new Float32Array(12));
    const alike = Float32Array.from({ length: 36 }, (_, i) => image[i % 12]);
    expect(deviationAcross(floatTensor(alike, [3, 3, 2, 2]))).toBeLessThan(1e-7);
    expect(deviationAcross(floatTensor(Float32Array.of(-5, 5), [2, 1, 1, 1]))).toBe(1);
  });
});

describe('the gauge', () => {
  it.each([
    [0.44, 0.9, true],
    [0.46, 0.9, false],
    [0.19, 0.4, true],
    [0.01, 0.39, false], // has yet to learn
    [0.01, 0, false],
  ])('at %d after %d has fallen: %s', (ratio, best, fallen) => {
    expect(hasFallen(ratio, best)).toBe(fallen);
  });

  it('takes more than the data for no better than the data', () => {
    expect(bestOf(0.5, 1.9)).toBe(1);
    expect(bestOf(0.9, 0.7)).toBe(0.9);
    expect(bestOf(0.2, 0.7)).toBe(0.7);
  });

  it('says both values, and what to do, in one line', () => {
    const warning = collapseWarning(0.21, 0.87, ['r1']);
    expect(warning).toMatch(
      /^warning: generated images differ 0\.21 times .* after 0\.87 before: .*--gamma.*--glr$/,
    );
    expect(warning).not.toContain('\n');
    expect(collapseWarning(0.21, 0.87, ['gp'])).toMatch(/--reg r1 or a smaller --glr$/);
  });
});
