// Image-space filtering: frequency bands are amplified or attenuated at random (StyleGAN2-ADA, appendix B).

import { constant, matmul, reshape, transpose } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import type { Draws } from './draws.ts';
import { reflect } from './reflect.ts';
import { BANDS, FILTER_BANK } from './wavelets.ts';

/** Standard deviation of the binary logarithm of a band's gain. */
const GAIN_STD = 1;
/** Share of each band in the power of natural images, whose spectrum falls off as 1/f. */
const POWER = [10, 1, 1, 1].map((power) => power / 13);

/** The gain of each band for one image, of strength `p`; together they leave the expected power as it is. */
export function drawGains(draws: Draws, p: number): number[] {
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
  return gains;
}

/** x [N, C, H, W], along both axes the sum of its bands times the gains [N, bands], borders reflected. */
export function filterBands(x: Node, gains: Node): Node {
  const [n, c, h, w] = x.shape;
  // For each image the matrix that filters a row: the bands' matrices, mixed by the gains.
  const matrix = (size: number): Node => reshape(matmul(gains, bandMatrices(size)), [n, size, size]);
  const rows = matmul(reshape(x, [n, c * h, w]), matrix(w));
  const columns = transpose(reshape(rows, x.shape), [0, 1, 3, 2]);
  const filtered = matmul(reshape(columns, [n, c * w, h]), matrix(h));
  return transpose(reshape(filtered, [n, c, w, h]), [0, 1, 3, 2]);
}

/** [bands, size · size]: entry (from, to) says what a pixel of a row gives to another of the row's band. */
function bandMatrices(size: number): Node {
  const out = new Float32Array(BANDS * size * size);
  FILTER_BANK.forEach((taps, band) => {
    const middle = (taps.length - 1) / 2;
    for (let to = 0; to < size; to++) {
      taps.forEach((tap, i) => {
        out[(band * size + reflect(to + i - middle, size)) * size + to] += tap;
      });
    }
  });
  return constant(out, [BANDS, size * size]);
}
