// Low-pass filters by the Kaiser window method, separable or radially symmetric, in float64.

/** A filter's taps: row-major, `taps` of them when separable, `taps` x `taps` when radial. They sum to 1. */
export interface LowpassDesign {
  readonly taps: number;
  /** Frequency of half amplitude, in the units of `sampleRate`. */
  readonly cutoff: number;
  /** Width of the transition from pass band to stop band, in the units of `sampleRate`. */
  readonly width: number;
  readonly sampleRate: number;
}

/** 1-D windowed-sinc filter [taps], as `scipy.signal.firwin(taps, cutoff, width=width, fs=sampleRate)` gives. */
export function designLowpass(design: LowpassDesign): Float64Array {
  const window = kaiserWindow(design);
  const normalized = (2 * design.cutoff) / design.sampleRate;
  const filter = window.map((weight, n) => weight * sinc(normalized * (n - (design.taps - 1) / 2)));
  return normalizeSum(filter);
}

/**
 * 2-D windowed-jinc filter [taps, taps]: the ideal low-pass filter of a disc of frequencies, under a separable
 * Kaiser window. StyleGAN3 (Karras et al. 2021), appendix C, "radially symmetric filters".
 */
export function designRadialLowpass(design: LowpassDesign): Float64Array {
  const { taps, cutoff, sampleRate } = design;
  const window = kaiserWindow(design);
  const filter = new Float64Array(taps * taps);
  for (let y = 0; y < taps; y++) {
    for (let x = 0; x < taps; x++) {
      const radius = Math.hypot(x - (taps - 1) / 2, y - (taps - 1) / 2) / sampleRate;
      filter[y * taps + x] = jinc(2 * Math.PI * cutoff * radius) * window[y] * window[x];
    }
  }
  return normalizeSum(filter);
}

/** Kaiser window whose attenuation follows from the transition width. Kaiser 1974; SciPy's kaiser_atten and kaiser_beta. */
function kaiserWindow({ taps, width, sampleRate }: LowpassDesign): Float64Array {
  const attenuation = 2.285 * (taps - 1) * Math.PI * (width / (sampleRate / 2)) + 7.95; // dB
  const beta = kaiserBeta(attenuation);
  const middle = (taps - 1) / 2;
  return Float64Array.from({ length: taps }, (_, n) => {
    const x = middle === 0 ? 0 : (n - middle) / middle;
    return besselI0(beta * Math.sqrt(1 - x * x)) / besselI0(beta);
  });
}

function kaiserBeta(attenuation: number): number {
  if (attenuation > 50) return 0.1102 * (attenuation - 8.7);
  if (attenuation > 21) return 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21);
  return 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** 2 J1(x) / x, which is 1 at 0. */
function jinc(x: number): number {
  return x === 0 ? 1 : (2 * besselJ1(x)) / x;
}

/** I0(x) by its power series, sum of ((x/2)^k / k!)². All terms are positive, so it is exact to rounding. */
function besselI0(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/**
 * J1(x) = 1/π ∫ cos(τ - x sin τ) dτ over [0, π]. The integrand is smooth and periodic, so the trapezoid rule
 * reaches rounding error once it has some dozens of points more than x.
 */
function besselJ1(x: number): number {
  const points = Math.ceil(Math.abs(x)) + 40;
  let sum = 0; // the two ends, cos 0 and cos π, cancel
  for (let i = 1; i < points; i++) {
    const t = (Math.PI * i) / points;
    sum += Math.cos(t - x * Math.sin(t));
  }
  return sum / points;
}

function normalizeSum(filter: Float64Array): Float64Array {
  const sum = filter.reduce((total, tap) => total + tap, 0);
  return filter.map((tap) => tap / sum);
}
