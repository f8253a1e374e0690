// Assembles pickles by hand: opcodes as bytes, and a small writer of values for the protocols 2 to 5.

/** Bytes of text, each character one byte, so that '\x80\x02' is two of them. */
export const raw = (text: string): Uint8Array =>
  Uint8Array.from(text, (character) => character.charCodeAt(0));

export function join(...parts: readonly (Uint8Array | string)[]): Uint8Array {
  const bytes = parts.map((part) => (typeof part === 'string' ? raw(part) : part));
  const joined = new Uint8Array(bytes.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of bytes) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Little-endian integer. */
export function le(value: number | bigint, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => Number((BigInt(value) >> BigInt(8 * i)) & 255n));
}

/** Little-endian float32 bytes. */
export const f32 = (...values: number[]): Uint8Array => new Uint8Array(new Float32Array(values).buffer);

/** A piece of a pickle that leaves one value on the stack. */
export class Piece {
  readonly code: Uint8Array;
  constructor(code: Uint8Array) {
    this.code = code;
  }
}

export type Item = null | boolean | number | string | Uint8Array | Item[] | Map<Item, Item> | Piece;

/** Opcodes that push a value. Arrays are tuples; {@link list} makes lists. */
export function push(value: Item): Uint8Array {
  if (value instanceof Piece) return value.code;
  if (value === null) return raw('N');
  if (typeof value === 'boolean') return raw(value ? '\x88' : '\x89');
  if (typeof value === 'number') {
    if (!Number.isInteger(value))
      return join('G', new Uint8Array(new Float64Array([value]).buffer).reverse());
    return join('\x8a\x08', le(value, 8));
  }
  if (typeof value === 'string') {
    const utf8 = new TextEncoder().encode(value);
    return join('X', le(utf8.length, 4), utf8);
  }
  if (value instanceof Uint8Array) return join('B', le(value.length, 4), value);
  if (Array.isArray(value)) return join('(', ...value.map(push), 't');
  return join('}(', ...[...value].flat().map(push), 'u');
}

export const list = (...items: Item[]): Piece => new Piece(join('](', ...items.map(push), 'e'));
export const dict = (entries: Record<string, Item>): Map<Item, Item> => new Map(Object.entries(entries));

/** A class or function, as `module.name`. */
export function named(global: string): Piece {
  const dot = global.lastIndexOf('.');
  return new Piece(join('c', global.slice(0, dot), '\n', global.slice(dot + 1), '\n'));
}

export const call = (global: string, ...args: Item[]): Piece =>
  new Piece(join(push(named(global)), push(args), 'R'));

/** A new instance with a state. */
export const instance = (global: string, state: Item): Piece =>
  new Piece(join(push(named(global)), ')\x81', push(state), 'b'));

export const built = (value: Item, state: Item): Piece => new Piece(join(push(value), push(state), 'b'));

export const orderedDict = (entries: Record<string, Item>): Piece => {
  const items = Object.entries(entries).flat().map(push);
  return new Piece(join(push(call('collections.OrderedDict')), '(', ...items, 'u'));
};

/** A whole pickle. */
export const pickle = (value: Item): Uint8Array => join('\x80\x02', push(value), '.');

/** A NumPy array as protocol 3 and later write it; `type` as `<f4`. */
export function ndarray(type: string, shape: number[], data: Item, fortran = false): Piece {
  const dtype = built(call('numpy.dtype', type.slice(1), false, true), [
    ...[3, type[0], null, null, null, -1, -1, 0],
  ]);
  const array = call('numpy.core.multiarray._reconstruct', named('numpy.ndarray'), [0], raw('b'));
  return built(array, [1, shape, dtype, fortran, data]);
}

/** A NumPy array's bytes as protocol 2 writes them: text that is encoded on loading. */
export const encoded = (bytes: Uint8Array): Piece =>
  call('_codecs.encode', String.fromCharCode(...bytes), 'latin1');
