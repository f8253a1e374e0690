// The pyramid against its definition: a plain two-dimensional convolution in float64 with mirrored borders.

import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { laplacianPyramid, pyramidDown, pyramidUp } from '../../src/metrics/laplacian-pyramid.ts';

const TAPS = [1, 4, 6, 4, 1];

/** Convolution of one plane with the outer product of the taps, times `gain`/256. */
function blurred(plane: ArrayLike<number>, size: number, gain: number): number[] {
  const mirror = (i: number) => (i < 0 ? -i : i >= size ? 2 * size - 2 - i : i);
  return Array.from({ length: size * size }, (_, at) => {
    let sum = 0;
    for (let i = -2; i <= 2; i++) {
      for (let j = -2; j <= 2; j++) {
        const y = mirror(Math.floor(at / size) + i);
        const x = mirror((at % size) + j);
        sum += TAPS[i + 2] * TAPS[j + 2] * plane[y * size + x];
      }
    }
    return (sum * gain) / 256;
  });
}

const planes = (size: number) => {
  const random = new Random(1, 'planes');
  return new Float32Array(2 * size * size).map(() => random.integer(256));
};

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i])), 0);
};

describe.each([8, 32])('at %i²', (size) => {
  const x = planes(size);
  const area = size * size;

  it('shrinks by the blur, every other pixel', () => {
    const half = size / 2;
    const expected = [0, 1].flatMap((p) => {
      const full = blurred(x.subarray(p * area, (p + 1) * area), size, 1);
      return Array.from(
        { length: half * half },
        (_, i) => full[2 * Math.floor(i / half) * size + 2 * (i % half)],
      );
    });
    expect(largestDifference(pyramidDown(x, size), expected)).toBeLessThan(1e-4);
  });

  it('grows by the blur of pixels among zeros', () => {
    const expected = [0, 1].flatMap((p) => {
      const spread = new Float64Array(4 * area);
      for (let i = 0; i < area; i++) {
        spread[2 * Math.floor(i / size) * 2 * size + 2 * (i % size)] = x[p * area + i];
      }
      return blurred(spread, 2 * size, 4);
    });
    expect(largestDifference(pyramidUp(x, size), expected)).toBeLessThan(1e-4);
  });
});

describe('the pyramid', () => {
  it('adds up to the image', () => {
    const x = planes(64);
    const pyramid = laplacianPyramid(x, 64, 3);
    expect(pyramid.map((level) => Math.sqrt(level.length / 2))).toEqual([64, 32, 16]);
    const rebuilt = pyramid.reduceRight((rest, level, l) => {
      const up = pyramidUp(rest, 64 / 2 ** (l + 1));
      return level.map((value, i) => value + up[i]);
    });
    expect(largestDifference(rebuilt, x)).toBeLessThan(1e-4);
  });

  it('of one level is the image, and of a flat image has flat bands of 0', () => {
    expect(laplacianPyramid(planes(16), 16, 1)).toEqual([planes(16)]);
    const [fine, rest] = laplacianPyramid(new Float32Array(32 * 32).fill(77), 32, 2);
    expect(new Set(fine)).toEqual(new Set([0]));
    expect(new Set(rest)).toEqual(new Set([77]));
  });
});
