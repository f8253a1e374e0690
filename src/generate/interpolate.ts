// Smooth closed interpolation through latents: a periodic cubic spline that passes through every keyframe.

/** Pole of the cubic B-spline's interpolation filter (Unser, "Splines: a perfect fit", 1999, table 1). */
const POLE = Math.sqrt(3) - 2;

/**
 * The closed curve through `keyframes` (equal lengths, at least one) at t = 0, 1, …: it passes keyframe k at
 * t = k, has continuous second derivatives everywhere, and period `keyframes.length`.
 */
export function closedSpline(keyframes: readonly Float32Array[]): (t: number) => Float32Array {
  const count = keyframes.length;
  const coefficients = splineCoefficients(keyframes);
  return (t) => {
    const k = Math.floor(t);
    const u = t - k;
    const v = 1 - u;
    // The four cubic B-splines that are not zero between k and k + 1.
    const weights = [
      v ** 3 / 6,
      (3 * u ** 3 - 6 * u ** 2 + 4) / 6,
      (3 * v ** 3 - 6 * v ** 2 + 4) / 6,
      u ** 3 / 6,
    ];
    const out = new Float32Array(keyframes[0].length);
    const [a, b, c, d] = weights.map((_, i) => coefficients[modulo(k - 1 + i, count)]);
    for (let i = 0; i < out.length; i++) {
      out[i] = weights[0] * a[i] + weights[1] * b[i] + weights[2] * c[i] + weights[3] * d[i];
    }
    return out;
  };
}

/**
 * B-spline coefficients: the solution of the cyclic system (c[k-1] + 4 c[k] + c[k+1]) / 6 = y[k]. Its inverse is
 * the filter -6 z / (1 - z²) · z^|j|, here summed over all turns of the circle.
 */
function splineCoefficients(keyframes: readonly Float32Array[]): Float64Array[] {
  const count = keyframes.length;
  const gain = (-6 * POLE) / (1 - POLE ** 2) / (1 - POLE ** count);
  return keyframes.map((_, k) => {
    const sum = new Float64Array(keyframes[0].length);
    keyframes.forEach((y, other) => {
      const j = modulo(other - k, count);
      const weight = gain * (POLE ** j + POLE ** (count - j));
      // Far keyframes weigh nothing in float64.
      if (Math.abs(weight) < 1e-20) return;
      for (let i = 0; i < sum.length; i++) sum[i] += weight * y[i];
    });
    return sum;
  });
}

function modulo(k: number, count: number): number {
  return ((k % count) + count) % count;
}
