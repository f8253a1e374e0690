// Seeds as people write them, and the latents that they mean.

import { OptionError } from '../core/errors.ts';
import { RandomState } from '../core/numpy-random.ts';

/** Largest number of values in one list, so that a slip of the keyboard is not a day of work. */
const MAX_NUMBERS = 100_000;
const MAX_NUMBER = 0xffffffff;

/**
 * Whole numbers from a list of numbers and inclusive ranges: `0-2,40` → [0, 1, 2, 40]. Order and repeats are
 * kept. `flag` names the option in errors. Throws OptionError: malformed, above 2^32 - 1, or over 100,000 values.
 */
export function parseNumbers(text: string, flag = '--seeds'): number[] {
  const numbers: number[] = [];
  for (const part of text.split(',')) {
    const match = /^\s*(\d{1,10})(?:-(\d{1,10}))?\s*$/.exec(part);
    if (!match) {
      throw new OptionError(
        `got ${flag} ${JSON.stringify(text)}, expected numbers and ranges such as 0-35,40`,
      );
    }
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (last < first || last > MAX_NUMBER) {
      throw new OptionError(`got ${flag} ${part.trim()}, expected growing numbers up to ${MAX_NUMBER}`);
    }
    if (numbers.length + last - first >= MAX_NUMBERS) {
      throw new OptionError(`got ${flag} ${text}, expected at most ${MAX_NUMBERS} values`);
    }
    for (let n = first; n <= last; n++) numbers.push(n);
  }
  return numbers;
}

/** Latents z [seeds.length, zDim]: row i is `numpy.random.RandomState(seeds[i]).randn(1, zDim)` as float32. */
export function latentsOf(seeds: readonly number[], zDim: number): Float32Array {
  const z = new Float32Array(seeds.length * zDim);
  seeds.forEach((seed, i) => {
    z.set(new RandomState(seed).randn(zDim), i * zDim);
  });
  return z;
}
