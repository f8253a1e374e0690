// Wavelet filters: sym6 for resampling, and the bands of image-space filtering made of sym2.

/** Low-pass decomposition filter of the symlet with 6 vanishing moments, made to sum to 1. */
export const SYM6: readonly number[] = unitSum([
  0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633, 0.4910559419267466,
  0.787641141030194, 0.3379294217276218, -0.07263752278646252, -0.021060292512300564, 0.04472490177066578,
  0.0017677118642428036, -0.007800708325034148,
]);

const SYM2 = unitSum([-0.12940952255092145, 0.22414386804185735, 0.836516303737469, 0.48296291314469025]);

function unitSum(taps: readonly number[]): number[] {
  const total = taps.reduce((sum, tap) => sum + tap, 0);
  return taps.map((tap) => tap / total);
}

function convolve(a: readonly number[], b: readonly number[]): number[] {
  const out = new Array<number>(a.length + b.length - 1).fill(0);
  a.forEach((x, i) => {
    b.forEach((y, j) => {
      out[i + j] += x * y;
    });
  });
  return out;
}

/** A filter's autocorrelation, which has zero phase; those of low and high pass sum to the unit impulse. */
const zeroPhase = (taps: readonly number[]): number[] => convolve(taps, [...taps].reverse());

const stretch = (taps: readonly number[]): number[] => taps.flatMap((tap, i) => (i === 0 ? [tap] : [0, tap]));

/** Number of frequency bands, an octave each but for the lowest. */
export const BANDS = 4;

/**
 * Filters of the bands, the lowest first, each of the same odd length; their sum is the unit impulse. Every level of
 * the bank halves all bands so far in frequency and puts a new highest one beside them.
 */
export const FILTER_BANK: readonly (readonly number[])[] = filterBank();

function filterBank(): number[][] {
  const low = zeroPhase(SYM2);
  const high = zeroPhase(SYM2.map((tap, i) => (i % 2 === 0 ? tap : -tap)));
  let bank: number[][] = [[1]];
  for (let band = 1; band < BANDS; band++) {
    bank = bank.map((taps) => convolve(stretch(taps), low));
    const highest = new Array<number>(bank[0].length).fill(0);
    high.forEach((tap, i) => {
      highest[(highest.length - high.length) / 2 + i] = tap;
    });
    bank.push(highest);
  }
  return bank;
}
