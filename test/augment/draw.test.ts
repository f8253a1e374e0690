// The random side of the augmentations: how often, how far, and what the host makes of it.

import { describe, expect, it } from 'vitest';
import { augmentationShapes } from '../../src/augment/augment.ts';
import { drawAugmentation } from '../../src/augment/draw.ts';
import { seededDraws } from '../../src/augment/draws.ts';
import { type Affine, drawAffine } from '../../src/augment/geometry.ts';
import { drawGains } from '../../src/augment/image-filter.ts';
import { PIPELINES, TRANSFORMS, type Transform } from '../../src/augment/pipeline.ts';
import { reflect } from '../../src/augment/reflect.ts';
import { enlargingMatrix, marginsOf } from '../../src/augment/warp.ts';
import { BANDS, FILTER_BANK, SYM6 } from '../../src/augment/wavelets.ts';
import { Random } from '../../src/core/random.ts';
import { sizeOf } from '../../src/core/tensor.ts';

const draws = (seed = 1) => seededDraws(new Random(seed, 'augment'));
const SIZE = [16, 16] as const;
const many = (transforms: readonly Transform[], p: number, count = 4000): Affine[] => {
  const source = draws();
  return Array.from({ length: count }, () => drawAffine(source, transforms, p, SIZE));
};
const share = (maps: readonly Affine[], test: (map: Affine) => boolean): number =>
  maps.filter(test).length / maps.length;
const isIdentity = (map: Affine): boolean => map.every((x, i) => Math.abs(x - (i % 4 === 0 ? 1 : 0)) < 1e-12);
const deviation = (values: readonly number[]): number => {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
};

describe('drawAugmentation', () => {
  it.each([1, 3, 4])('fills every input of %i channels, the same for the same seed', (channels) => {
    for (const transforms of Object.values(PIPELINES)) {
      const shape = [3, channels, 8, 12];
      const drawn = drawAugmentation(draws(), transforms, 0.7, shape);
      const sizes = Object.fromEntries(Object.entries(drawn).map(([name, { length }]) => [name, length]));
      const shapes = Object.entries(augmentationShapes(transforms, shape));
      expect(sizes).toEqual(Object.fromEntries(shapes.map(([name, each]) => [name, sizeOf(each)])));
      expect(drawAugmentation(draws(), transforms, 0.7, shape)).toEqual(drawn);
      expect(Object.values(drawn).every((data) => data.every(Number.isFinite))).toBe(true);
    }
  });

  it('leaves images alone at strength 0', () => {
    const { inverse, colorMatrix, colorOffset, noise, keep } = drawAugmentation(
      draws(),
      TRANSFORMS,
      0,
      [1, 3, 8, 8],
    );
    expect([...inverse]).toEqual([1, 0, 0, 0, 1, 0]);
    expect([...colorMatrix]).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
    expect([...colorOffset, ...noise].every((x) => x === 0)).toBe(true);
    expect(keep.every((x) => x === 1)).toBe(true);
  });

  it('cuts a square of half the side', () => {
    const { keep } = drawAugmentation(draws(), ['cutout'], 1, [200, 1, 16, 16]);
    const holes = Array.from({ length: 200 }, (_, i) =>
      keep.subarray(i * 256, (i + 1) * 256).reduce((sum, x) => sum + 1 - x, 0),
    );
    expect(Math.max(...holes)).toBe(64);
    expect(Math.min(...holes)).toBeLessThan(40); // reaches over a corner
    expect(Math.min(...holes)).toBeGreaterThanOrEqual(16);
  });

  it('draws a strength of noise for each image', () => {
    const { noise } = drawAugmentation(draws(), ['noise'], 0.5, [400, 1, 8, 8]);
    const sigmas = Array.from({ length: 400 }, (_, i) =>
      deviation([...noise.subarray(i * 64, (i + 1) * 64)]),
    );
    const noisy = sigmas.filter((sigma) => sigma > 0);
    expect(noisy.length / 400).toBeCloseTo(0.5, 1);
    // Of |N(0, 0.1)|, the mean square is 0.01.
    expect(Math.sqrt(noisy.reduce((sum, x) => sum + x * x, 0) / noisy.length)).toBeCloseTo(0.1, 1.5);
  });
});

describe('geometry', () => {
  it('flips and turns so that every outcome is as likely', () => {
    const maps = many(['xflip', 'rotate90'], 1);
    const key = (map: Affine) => map.map((x) => Math.round(x)).join();
    const counts = new Map<string, number>();
    for (const map of maps) counts.set(key(map), (counts.get(key(map)) ?? 0) + 1);
    expect(counts.size).toBe(8);
    for (const count of counts.values()) expect(count / maps.length).toBeCloseTo(1 / 8, 1);
  });

  it('shifts by whole pixels up to an eighth', () => {
    const maps = many(['xint'], 1);
    expect(maps.every(([, , x, , , y]) => Number.isInteger(x) && Number.isInteger(y))).toBe(true);
    expect(Math.max(...maps.map(([, , x]) => x))).toBe(2);
    expect(Math.min(...maps.map(([, , , , , y]) => y))).toBe(-2);
  });

  it('has the published deviations of scale, stretch and shift', () => {
    expect(deviation(many(['scale'], 1).map(([a]) => Math.log2(a)))).toBeCloseTo(0.2, 2);
    const stretched = many(['aniso'], 1);
    expect(deviation(stretched.map(([a]) => Math.log2(a)))).toBeCloseTo(0.2, 2);
    expect(stretched.every(([a, , , , e]) => Math.abs(a * e - 1) < 1e-12)).toBe(true);
    expect(deviation(many(['xfrac'], 1).map(([, , x]) => x / 16))).toBeCloseTo(0.125, 2);
  });

  it.each(['scale', 'aniso', 'xfrac', 'rotate'] as const)('applies %s with probability p', (transform) => {
    expect(share(many([transform], 0.3), (map) => !isIdentity(map))).toBeCloseTo(0.3, 1);
    expect(share(many([transform], 1.7), isIdentity)).toBe(0); // p has no bound above
  });

  it('rotates about the middle, either way', () => {
    const angles = many(['rotate'], 1).map(([cos, , , sin]) => Math.atan2(sin, cos));
    for (const quarter of [-2, -1, 0, 1]) {
      const inside = angles.filter((a) => a >= (quarter * Math.PI) / 2 && a < ((quarter + 1) * Math.PI) / 2);
      expect(inside.length / angles.length).toBeCloseTo(0.25, 1);
    }
  });
});

describe('reflection', () => {
  it('continues a row without repeating its ends, as often as it takes', () => {
    const row = Array.from({ length: 12 }, (_, i) => reflect(i - 5, 3));
    expect(row).toEqual([1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]);
    expect(reflect(-7, 1)).toBe(0);
  });

  it('needs room for the corners and the filter, at most all pixels but one', () => {
    expect(marginsOf([[1, 0, 0, 0, 1, 0]], [16, 32])).toEqual({ x: [6, 6], y: [6, 6] });
    const shifted: Affine = [1, 0, 3.5, 0, 1, -2];
    expect(marginsOf([shifted], [16, 32])).toEqual({ x: [3, 10], y: [8, 4] });
    const far: Affine = [9, 0, 0, 0, 9, 0];
    expect(marginsOf([far, shifted], [16, 32])).toEqual({ x: [31, 31], y: [15, 15] });
  });

  it('is in the enlarging matrix, which ends at the margins', () => {
    const [size, length] = [4, 20];
    const matrix = enlargingMatrix(size, [1, 3]);
    const columns = Array.from({ length }, (_, i) =>
      Array.from({ length: size }, (_, row) => matrix[row * length + i]).reduce((sum, x) => sum + x, 0),
    );
    // Two pixels of three before, none after: nothing is there.
    expect(columns.slice(0, 4)).toEqual([0, 0, 0, 0]);
    expect(columns.slice(4).every((x) => x !== 0)).toBe(true);
    // A flat row stays flat where the filter has all it reaches for; both phases of the filter sum to one.
    expect(columns[12]).toBeCloseTo(1, 2);
  });
});

describe('wavelets', () => {
  it('are orthonormal: enlarging and reducing again changes nothing', () => {
    for (let shift = 0; shift < SYM6.length; shift += 2) {
      const product = SYM6.slice(shift).reduce((sum, tap, i) => sum + tap * SYM6[i], 0);
      expect(2 * product).toBeCloseTo(shift === 0 ? 1 : 0, 10);
    }
  });

  it('split an image into bands that sum to it', () => {
    expect(FILTER_BANK).toHaveLength(BANDS);
    const total = FILTER_BANK[0].map((_, i) => FILTER_BANK.reduce((sum, band) => sum + band[i], 0));
    total.forEach((tap, i) => {
      expect(tap).toBeCloseTo(i === (total.length - 1) / 2 ? 1 : 0, 11);
    });
    // Only the lowest lets a flat image through.
    const sums = FILTER_BANK.map((band) => band.reduce((sum, tap) => sum + tap, 0));
    expect(sums.map((x) => Math.abs(Math.round(x * 1e9) / 1e9))).toEqual([1, 0, 0, 0]);
  });

  it('are amplified so that the power of a natural spectrum stays', () => {
    const source = draws();
    for (let band = 0; band < BANDS; band++) {
      let asked = 0;
      const gains = drawGains({ ...source, chance: () => asked++ === band }, 1);
      const power = gains.reduce((sum, gain, i) => sum + (i === 0 ? 10 : 1) * gain ** 2, 0) / 13;
      expect(power).toBeCloseTo(1, 12);
      const others = gains.filter((_, i) => i !== band);
      expect(new Set(others).size).toBe(1);
      expect(others[0]).not.toBeCloseTo(gains[band], 2);
    }
    expect(drawGains(source, 0)).toEqual([1, 1, 1, 1]);
  });
});
