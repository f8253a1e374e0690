// A 128-bit digest of bytes: fast enough for the weights of a network, and the same on every platform.

const C1 = 0x239b961b;
const C2 = 0xab0e9789;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93;

const rotate = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits));

/** Spreads every bit of h over the whole word. */
function finalize(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/**
 * MurmurHash3_x86_128 (Appleby 2011, seed 0) as 32 hexadecimal digits. Two different inputs meet with a chance of
 * 2^-128 unless somebody tries: it names things in a cache, it does not authenticate them.
 */
export function digest128(bytes: Uint8Array): string {
  let [h1, h2, h3, h4] = [0, 0, 0, 0];
  // Words are read in the platform's byte order, which is little-endian wherever WebAssembly and ONNX Runtime are.
  const blocks = bytes.length >>> 4;
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const words = new Int32Array(aligned.buffer, aligned.byteOffset, blocks * 4);
  for (let i = 0; i < words.length; i += 4) {
    h1 ^= Math.imul(rotate(Math.imul(words[i], C1), 15), C2);
    h1 = (Math.imul(rotate(h1, 19) + h2, 5) + 0x561ccd1b) | 0;
    h2 ^= Math.imul(rotate(Math.imul(words[i + 1], C2), 16), C3);
    h2 = (Math.imul(rotate(h2, 17) + h3, 5) + 0x0bcaa747) | 0;
    h3 ^= Math.imul(rotate(Math.imul(words[i + 2], C3), 17), C4);
    h3 = (Math.imul(rotate(h3, 15) + h4, 5) + 0x96cd1c35) | 0;
    h4 ^= Math.imul(rotate(Math.imul(words[i + 3], C4), 18), C1);
    h4 = (Math.imul(rotate(h4, 13) + h1, 5) + 0x32ac3b17) | 0;
  }
  const rest = new Uint8Array(16);
  rest.set(bytes.subarray(blocks * 16));
  const tail = new Int32Array(rest.buffer);
  h1 ^= Math.imul(rotate(Math.imul(tail[0], C1), 15), C2);
  h2 ^= Math.imul(rotate(Math.imul(tail[1], C2), 16), C3);
  h3 ^= Math.imul(rotate(Math.imul(tail[2], C3), 17), C4);
  h4 ^= Math.imul(rotate(Math.imul(tail[3], C4), 18), C1);
  return mixed(h1 ^ bytes.length, h2 ^ bytes.length, h3 ^ bytes.length, h4 ^ bytes.length);
}

/** Stirs the four words into each other, finalizes each, and stirs again. */
function mixed(...lanes: number[]): string {
  const stir = (): void => {
    lanes[0] = (lanes[0] + lanes[1] + lanes[2] + lanes[3]) | 0;
    for (let i = 1; i < 4; i++) lanes[i] = (lanes[i] + lanes[0]) | 0;
  };
  stir();
  for (let i = 0; i < 4; i++) lanes[i] = finalize(lanes[i]);
  stir();
  return lanes.map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('');
}

/** {@link digest128} of the UTF-8 bytes of a text. */
export const digestText = (text: string): string => digest128(new TextEncoder().encode(text));

/** {@link digest128} of float32 values, bit by bit: -0 differs from 0. */
export const digestFloats = (data: Float32Array): string =>
  digest128(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
