// The project's own seeded generator (xoshiro128**, Blackman & Vigna 2018), whose state can be saved and restored.

/** Everything needed to continue a stream: four 32-bit words and, if there is one, the pending Gaussian. */
export interface RandomSnapshot {
  readonly words: [number, number, number, number];
  readonly pendingNormal: number | null;
}

/**
 * Seeded random numbers for training: latents, noise, shuffles, augmentation. Streams for different
 * purposes come from different `stream` names, so that adding a consumer moves no other one.
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private d: number;
  private pendingNormal: number | null = null;

  constructor(seed: number, stream = '') {
    // splitmix32 over the seed and the FNV-1a hash of the stream's name fills the state.
    let hash = 0x811c9dc5;
    for (let i = 0; i < stream.length; i++) hash = Math.imul(hash ^ stream.charCodeAt(i), 0x01000193);
    let state = (seed ^ hash) >>> 0;
    const high = Math.floor(seed / 2 ** 32) | 0;
    const next = () => {
      state = (state + 0x9e3779b9) | 0;
      let t = state ^ (state >>> 16) ^ high;
      t = Math.imul(t, 0x21f0aaad);
      t ^= t >>> 15;
      t = Math.imul(t, 0x735a2d97);
      return t ^ (t >>> 15);
    };
    this.a = next();
    this.b = next();
    this.c = next();
    this.d = next() | 1; // never all zero
  }

  snapshot(): RandomSnapshot {
    return { words: [this.a, this.b, this.c, this.d], pendingNormal: this.pendingNormal };
  }

  restore(snapshot: RandomSnapshot): void {
    [this.a, this.b, this.c, this.d] = snapshot.words;
    this.pendingNormal = snapshot.pendingNormal;
  }

  /** 32 random bits as an unsigned integer. */
  uint32(): number {
    const fives = Math.imul(this.b, 5);
    const result = Math.imul((fives << 7) | (fives >>> 25), 9);
    const t = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= t;
    this.d = (this.d << 11) | (this.d >>> 21);
    return result >>> 0;
  }

  /** Uniform in [0, 1), 53 bits. */
  uniform(): number {
    return ((this.uint32() >>> 5) * 67108864 + (this.uint32() >>> 6)) / 9007199254740992;
  }

  /** Uniform integer in [0, bound). */
  integer(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }

  /** N(0, 1) by the polar method. */
  normal(): number {
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
      const scale = Math.sqrt((-2 * Math.log(r2)) / r2);
      this.pendingNormal = x * scale;
      return y * scale;
    }
  }

  /**
   * Fills `out` with N(0, 1) by the polar method, pair by pair, from 32 bits for each coordinate. The state lives in
   * local variables: noise takes millions of numbers, and this takes half the time of `normal`.
   */
  fillNormal(out: Float32Array): Float32Array {
    let { a, b, c, d } = this;
    const coordinate = () => {
      const fives = Math.imul(b, 5);
      const result = Math.imul((fives << 7) | (fives >>> 25), 9);
      const t = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= t;
      d = (d << 11) | (d >>> 21);
      return result / 2147483648; // signed: [-1, 1)
    };
    for (let i = 0; i < out.length; ) {
      const x = coordinate();
      const y = coordinate();
      const r2 = x * x + y * y;
      if (r2 >= 1 || r2 === 0) continue;
      const scale = Math.sqrt((-2 * Math.log(r2)) / r2);
      out[i++] = x * scale;
      if (i < out.length) out[i++] = y * scale;
    }
    this.a = a;
    this.b = b;
    this.c = c;
    this.d = d;
    return out;
  }

  /** Fisher-Yates permutation of 0 … length-1. */
  permutation(length: number): Uint32Array {
    const order = new Uint32Array(length);
    for (let i = 0; i < length; i++) order[i] = i;
    for (let i = length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const swap = order[i];
      order[i] = order[j];
      order[j] = swap;
    }
    return order;
  }
}
