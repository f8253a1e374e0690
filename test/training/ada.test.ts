// The strength of adaptive augmentation follows D's signs on real images, by the published rule.

import { describe, expect, it } from 'vitest';
import { adapted, gathered, type Strength } from '../../src/training/ada.ts';

const RULE = { target: 0.6, adaKimg: 500 };
const START: Strength = { p: 0, signs: 0, count: 0 };

/** Four steps of 32 images with the same mean sign, and the update after them. */
function afterFour(p: number, mean: number, rule = RULE): number {
  let strength: Strength = { ...START, p };
  for (let step = 0; step < 4; step++) strength = gathered(strength, mean, 32);
  return adapted(strength, rule).p;
}

describe('the strength', () => {
  // Published: p + sign(r_t - target) · (batch · 4) / (adaKimg · 1000).
  it.each([
    ['rises where D is surer than the target', 0.25, 0.75, 0.25 + 128 / 500_000],
    ['falls where it is less sure', 0.25, 0.5, 0.25 - 128 / 500_000],
    ['falls where D holds real images for generated', 0.25, -1, 0.25 - 128 / 500_000],
    ['does not fall below 0', 0.0001, 0, 0],
    ['has no bound above', 1, 1, 1 + 128 / 500_000],
  ])('%s', (_name, p, mean, expected) => {
    expect(afterFour(p, mean)).toBeCloseTo(expected, 15);
  });

  it('stays where D is as sure as the target', () => {
    expect(afterFour(0.25, 0.5, { ...RULE, target: 0.5 })).toBe(0.25);
  });

  it('goes from 0 to 1 in adaKimg', () => {
    let p = 0;
    for (let images = 0; images < 100_000; images += 4 * 32) p = afterFour(p, 1, { ...RULE, adaKimg: 100 });
    expect(p).toBeCloseTo(1, 2);
  });

  it('weighs parts of a batch by their images', () => {
    // Mean (1 · 6 + 0 · 2) / 8 = 0.75; of the parts alone it would be 0.5.
    const strength = gathered(gathered(START, 1, 6), 0, 2);
    expect(strength).toEqual({ p: 0, signs: 6, count: 8 });
    expect(adapted(strength, RULE)).toEqual({ p: 8 / 500_000, signs: 0, count: 0 });
  });

  it('does not move without images', () => {
    expect(adapted({ ...START, p: 0.5 }, RULE)).toEqual({ ...START, p: 0.5 });
  });
});
