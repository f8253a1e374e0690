// The interpolation is the periodic cubic spline: through every keyframe, closed, twice continuously differentiable.

import { describe, expect, it } from 'vitest';
import { closedSpline } from '../../src/generate/interpolate.ts';

function curve(...values: number[]): (t: number) => number {
  const spline = closedSpline(values.map((v) => Float32Array.of(v)));
  return (t) => spline(t)[0];
}

describe('closedSpline', () => {
  it("gives SciPy's CubicSpline with periodic ends", () => {
    const five = curve(0, 3, -1, 2, 5);
    expect(five(0.25)).toBeCloseTo(0.353693, 5);
    expect(five(2.5)).toBeCloseTo(-0.488636, 5);
    expect(five(4.75)).toBeCloseTo(0.768466, 5);
    const two = curve(1, -2);
    expect(two(0.25)).toBeCloseTo(0.53125, 5);
    expect(two(1.5)).toBeCloseTo(-0.5, 5);
  });

  it('passes through the keyframes and wraps', () => {
    const values = [4, -1, 0.5, 3, 3, -2, 8];
    const at = curve(...values);
    values.forEach((value, k) => {
      expect(at(k)).toBeCloseTo(value, 5);
      expect(at(k + 7)).toBeCloseTo(value, 5);
      expect(at(k - 7)).toBeCloseTo(value, 5);
    });
  });

  it('has continuous first and second derivatives at the keyframes, the seam included', () => {
    const at = curve(4, -1, 0.5, 3, 8);
    const h = 0.05;
    for (let k = 0; k < 5; k++) {
      // Differences that reach across the keyframe's two sides; cubic pieces make each side's exact up to O(h).
      const left = (at(k) - 2 * at(k - h) + at(k - 2 * h)) / h ** 2;
      const right = (at(k) - 2 * at(k + h) + at(k + 2 * h)) / h ** 2;
      const third = 200; // bound of the third derivative here
      expect(Math.abs(left - right)).toBeLessThan(2 * h * third);
      const slopes = (at(k + h) - at(k)) / h - (at(k) - at(k - h)) / h;
      expect(Math.abs(slopes - h * ((left + right) / 2))).toBeLessThan(h ** 2 * third);
    }
  });

  it('stays at a single keyframe, and treats every element alike', () => {
    expect(curve(3)(0.3)).toBeCloseTo(3, 6);
    const pair = closedSpline([Float32Array.of(0, 1, 7), Float32Array.of(2, 5, 7)])(0.5);
    expect([...pair].map((v) => Number(v.toFixed(5)))).toEqual([1, 3, 7]);
  });
});
