// Where the random decisions of the augmentations come from.

import type { Random } from '../core/random.ts';

/** The distributions that the augmentations draw from. A test may put one percentile in the place of every draw. */
export interface Draws {
  /** True with this probability. */
  chance(probability: number): boolean;
  /** Uniform in [0, 1). */
  uniform(): number;
  /** N(0, 1). */
  normal(): number;
  /** |N(0, 1)| */
  halfNormal(): number;
  /** Fraction of a full turn in [0, 1), of which 0.5 is none, for the rotation before or after stretching. */
  turn(when: 'before' | 'after'): number;
  /** Fills `out` with N(0, 1). */
  fillNormal(out: Float32Array): Float32Array;
}

/** Draws from a run's generator. */
export function seededDraws(random: Random): Draws {
  return {
    chance: (probability) => random.uniform() < probability,
    uniform: () => random.uniform(),
    normal: () => random.normal(),
    halfNormal: () => Math.abs(random.normal()),
    turn: () => random.uniform(),
    fillNormal: (out) => random.fillNormal(out),
  };
}
