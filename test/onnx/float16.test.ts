// Half precision against its definition: every finite half comes back, and rounding goes to the nearest.

import { expect, it } from 'vitest';
import { toFloat16 } from '../../src/onnx/float16.ts';

/** The number that 16 bits mean, by IEEE 754. */
function numberOf(bits: number): number {
  const sign = bits >>> 15 === 1 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  return sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15));
}

const FINITE = Array.from({ length: 0x7c00 }, (_, bits) => bits);

it('gives every finite half back, of either sign', () => {
  for (const sign of [0, 0x8000]) {
    const bits = FINITE.map((b) => b | sign);
    expect([...toFloat16(Float32Array.from(bits, numberOf))]).toEqual(bits);
  }
});

it('rounds to the nearest, ties to even', () => {
  for (const a of FINITE.slice(0, -1)) {
    const [low, high] = [numberOf(a), numberOf(a + 1)];
    const middle = (low + high) / 2;
    const [below, tie, above] = toFloat16(
      Float32Array.of(low + 0.49 * (high - low), middle, low + 0.51 * (high - low)),
    );
    expect([below, tie, above]).toEqual([a, a % 2 === 0 ? a : a + 1, a + 1]);
  }
});

it('stays finite beyond the range, and keeps NaN', () => {
  const [large, negative, infinite, nan] = toFloat16(Float32Array.of(1e6, -7e4, Infinity, NaN));
  expect([numberOf(large), numberOf(negative), numberOf(infinite)]).toEqual([65504, -65504, 65504]);
  expect(nan & 0x7c00).toBe(0x7c00);
  expect(nan & 0x3ff).not.toBe(0);
});
