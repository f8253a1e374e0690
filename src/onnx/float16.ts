// Numbers in IEEE half precision, for models that store and compute in it.

/** Largest finite number of half precision. */
const LARGEST = 65504;

/** Rounded to the nearest half, ties to even, as its bits. Beyond ±65504 they stay at ±65504; NaN stays NaN. */
export function toFloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    float[0] = Math.max(-LARGEST, Math.min(LARGEST, values[i]));
    const sign = (bits[0] >>> 16) & 0x8000;
    const magnitude = bits[0] & 0x7fffffff;
    halves[i] = sign | (Number.isNaN(values[i]) ? 0x7e00 : roundMagnitude(magnitude, Math.abs(float[0])));
  }
  return halves;
}

/** `bits` of a float32 of at most 65504, `value` the same as a number. */
function roundMagnitude(bits: number, value: number): number {
  if (value < 2 ** -14) return roundToEven(value * 2 ** 24); // subnormal: steps of 2^-24
  // Exponents are biased by 127 and 15; the 13 bits that go are rounded away, a carry raises the exponent.
  const rounded = bits + 0xfff + ((bits >>> 13) & 1);
  return (rounded >>> 13) - ((127 - 15) << 10);
}

function roundToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest === 0.5) return floor + (floor % 2);
  return rest > 0.5 ? floor + 1 : floor;
}
