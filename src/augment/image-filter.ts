// Image-space filtering: frequency bands are amplified or attenuated at random (StyleGAN2-ADA, appendix B).

import type { Draws } from './draws.ts';
import { BANDS, FILTER_BANK } from './wavelets.ts';

/** Standard deviation of the binary logarithm of a band's gain. */
const GAIN_STD = 1;
/** Share of each band in the power of natural images, whose spectrum falls off as 1/f. */
const POWER = [10, 1, 1, 1].map((power) => power / 13);

/** The taps of one image's random filter of strength `p`; it leaves the expected power as it is. */
export function drawFilter(draws: Draws, p: number): number[] {
  const gains = new Array<number>(BANDS).fill(1);
  for (let band = 0; band < BANDS; band++) {
    if (!draws.chance(p)) continue;
    const gain = 2 ** (draws.normal() * GAIN_STD);
    const factors = POWER.map((_, i) => (i === band ? gain : 1));
    const power = factors.reduce((sum, factor, i) => sum + POWER[i] * factor ** 2, 0);
    factors.forEach((factor, i) => {
      gains[i] *= factor / Math.sqrt(power);
    });
  }
  return FILTER_BANK[0].map((_, tap) => gains.reduce((sum, gain, i) => sum + gain * FILTER_BANK[i][tap], 0));
}

/** Writes the matrix [size, size] that correlates a row with `taps`, the row continued by reflection. */
export function writeFilterMatrix(taps: readonly number[], out: Float32Array, size: number): void {
  const middle = (taps.length - 1) / 2;
  out.fill(0);
  for (let row = 0; row < size; row++) {
    taps.forEach((tap, i) => {
      out[row * size + reflect(row + i - middle, size)] += tap;
    });
  }
}

/** The pixel that stands at `index` when a row is continued by reflection, its ends not repeated. */
export function reflect(index: number, size: number): number {
  if (size === 1) return 0;
  const period = 2 * (size - 1);
  const folded = ((index % period) + period) % period;
  return folded < size ? folded : period - folded;
}
