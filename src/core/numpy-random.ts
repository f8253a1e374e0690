// NumPy's legacy generator, `numpy.random.RandomState(seed)`, so that published seeds give the published latents.

import { OptionError } from './errors.ts';

const WORDS = 624;
const SHIFT = 397;

/**
 * MT19937 (Matsumoto & Nishimura 1998) with NumPy's legacy distributions: the same integer seed gives the
 * same bits as `numpy.random.RandomState(seed)`. `seed` is an integer in [0, 2^32); others are an OptionError.
 */
export class RandomState {
  private readonly words = new Uint32Array(WORDS);
  private position = WORDS;
  private pendingNormal: number | null = null;

  constructor(seed: number) {
    if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
      throw new OptionError(`got seed ${seed}, expected an integer from 0 to 4294967295`);
    }
    let word = seed;
    for (let i = 0; i < WORDS; i++) {
      this.words[i] = word;
      word = (Math.imul(1812433253, word ^ (word >>> 30)) + i + 1) >>> 0;
    }
  }

  /** 32 random bits as an unsigned integer. */
  uint32(): number {
    if (this.position === WORDS) this.twist();
    let y = this.words[this.position++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** `rand(count)`: uniform in [0, 1), 53 bits each. */
  rand(count: number): Float64Array {
    return Float64Array.from({ length: count }, () => this.uniform());
  }

  /** `randn(count)`: N(0, 1) by the polar method, in NumPy's order of the two values of a pair. */
  randn(count: number): Float64Array {
    return Float64Array.from({ length: count }, () => this.normal());
  }

  /** `permutation(length)`: a shuffled 0 … length-1. */
  permutation(length: number): Uint32Array {
    const order = Uint32Array.from({ length }, (_, i) => i);
    for (let i = length - 1; i > 0; i--) {
      const j = this.interval(i);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }

  private uniform(): number {
    return ((this.uint32() >>> 5) * 67108864 + (this.uint32() >>> 6)) / 9007199254740992;
  }

  private normal(): number {
    if (this.pendingNormal !== null) {
      const value = this.pendingNormal;
      this.pendingNormal = null;
      return value;
    }
    for (;;) {
      const x = 2 * this.uniform() - 1;
      const y = 2 * this.uniform() - 1;
      const r2 = x * x + y * y;
      if (r2 >= 1 || r2 === 0) continue;
      const scale = Math.sqrt((-2 * naturalLog(r2)) / r2);
      this.pendingNormal = scale * x;
      return scale * y;
    }
  }

  /** Uniform integer in [0, max], by masking and rejection as `random_interval` does. */
  private interval(max: number): number {
    const mask = 0xffffffff >>> Math.clz32(max);
    for (;;) {
      const value = (this.uint32() & mask) >>> 0;
      if (value <= max) return value;
    }
  }

  private twist(): void {
    const { words } = this;
    for (let i = 0; i < WORDS; i++) {
      const y = (words[i] & 0x80000000) | (words[(i + 1) % WORDS] & 0x7fffffff);
      words[i] = words[(i + SHIFT) % WORDS] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.position = 0;
  }
}

const LN2_HIGH = 0.6931471803691238; // 33 bits: its product with any exponent here is exact
const LN2_LOW = 1.9082149292705877e-10;
/** 2 / (2k + 1) for k = 1 … 12, the series of 2 atanh(s) after its first term. */
const ATANH_SERIES = Array.from({ length: 12 }, (_, k) => 2 / (2 * k + 3));

/**
 * Natural logarithm of x in (0, 1), to 0.53 units in the last place. `Math.log` is looser and differs between
 * engines: in V8, one value in twenty had another last bit than NumPy gives.
 */
function naturalLog(x: number): number {
  // x = m 2^e with m in [sqrt(1/2), sqrt(2)); log m = 2 atanh(s), s = (m - 1) / (m + 1).
  let e = Math.round(Math.log2(x));
  let m = x * 2 ** -e;
  if (m < Math.SQRT1_2) {
    m *= 2;
    e--;
  }
  const sum = m + 1;
  const sumError = m >= 1 ? 1 - (sum - m) : m - (sum - 1);
  const s = (m - 1) / sum;
  const sError = (m - 1 - s * sum + roundingOfProduct(s, sum) - s * sumError) / sum;
  const z = s * s;
  const tail = ATANH_SERIES.reduceRight((series, term) => (series + term) * z, 0) * s;
  const whole = e * LN2_HIGH;
  const high = whole + 2 * s;
  const low = e === 0 ? 0 : whole - high + 2 * s;
  return high + (low + e * LN2_LOW + 2 * sError + tail);
}

/** The rounded product a * b minus the exact one (Dekker 1971). */
function roundingOfProduct(a: number, b: number): number {
  const [aHigh, aLow] = halves(a);
  const [bHigh, bLow] = halves(b);
  return a * b - aHigh * bHigh - aHigh * bLow - aLow * bHigh - aLow * bLow;
}

/** Splits a double into two of at most 26 bits each. */
function halves(a: number): [number, number] {
  const scaled = a * 134217729; // 2^27 + 1
  const high = scaled - (scaled - a);
  return [high, a - high];
}
