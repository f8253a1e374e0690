// A tensor as a pickle stores it: a strided view of raw bytes, converted to float32 only when asked.

import { FileError } from '../errors.ts';
import { type Shape, sizeOf, stridesOf } from '../tensor.ts';
import { PickleText } from './values.ts';

const ELEMENT_BYTES = {
  bool: 1,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  float16: 2,
  bfloat16: 2,
  float32: 4,
  float64: 8,
};

export type StoredType = keyof typeof ELEMENT_BYTES;

/** Made by {@link storedTensor}, so that all its elements lie within its storage, which is no smaller than itself. */
export interface StoredTensor {
  readonly dtype: StoredType;
  readonly shape: Shape;
  /** Per axis, in elements. */
  readonly strides: readonly number[];
  /** Where the first element lies in the storage, in elements. */
  readonly offset: number;
  readonly littleEndian: boolean;
  /** Raw bytes, as a view of the file; or as text, a character for each byte, where old protocols wrote it so. */
  readonly storage: Uint8Array | string | PickleText;
}

const MAX_RANK = 32;

/** Bytes of one element. */
export const elementBytes = (dtype: StoredType): number => ELEMENT_BYTES[dtype];

/**
 * Checks a tensor. Nothing is copied or allocated.
 * @param where file and tensor, for errors.
 * @throws FileError when a number is none, an element lies outside of the storage, or there are more elements than
 *   the storage has: a tensor repeated by strides of 0 could be of any size.
 */
export function storedTensor(tensor: StoredTensor, where: string): StoredTensor {
  const { shape, strides, offset, dtype, storage } = tensor;
  if (shape.length > MAX_RANK || strides.length !== shape.length) {
    throw new FileError(
      `${where}: got ${shape.length} dimensions and ${strides.length} strides, expected at most ${MAX_RANK} of each`,
    );
  }
  const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0;
  if (![...shape, ...strides, offset].every(isCount)) {
    throw new FileError(
      `${where}: got shape [${shape}], strides [${strides}], expected whole numbers from 0`,
    );
  }
  const stored = Math.floor(mostBytes(storage) / ELEMENT_BYTES[dtype]);
  const size = sizeOf(shape);
  const last = shape.reduce((index, dim, axis) => index + (dim - 1) * strides[axis], offset);
  if (size !== 0 && !(size <= stored && last < stored)) {
    throw new FileError(
      `${where}: got ${dtype} [${shape}] from element ${offset}, expected it within the ${stored} that are stored`,
    );
  }
  return tensor;
}

function mostBytes(storage: StoredTensor['storage']): number {
  return storage instanceof PickleText ? storage.utf8.length : storage.length;
}

/** Row-major, without gaps between elements. */
export function isContiguous({ shape, strides }: StoredTensor): boolean {
  const dense = stridesOf(shape);
  return shape.every((dim, axis) => dim === 1 || strides[axis] === dense[axis]);
}

/**
 * The raw bytes of the storage: the view itself, or the text turned to bytes.
 * @throws FileError when text holds a character that is no byte.
 */
export function storageBytes({ storage }: StoredTensor, where: string): Uint8Array {
  if (storage instanceof Uint8Array) return storage;
  const utf8 = storage instanceof PickleText ? storage.utf8 : new TextEncoder().encode(storage);
  const bytes = new Uint8Array(utf8.length);
  let length = 0;
  for (let i = 0; i < utf8.length; i++) {
    const lead = utf8[i];
    if (lead < 0x80) bytes[length++] = lead;
    else if ((lead & 0xfe) === 0xc2 && i + 1 < utf8.length)
      bytes[length++] = ((lead & 3) << 6) | (utf8[++i] & 63);
    else throw new FileError(`${where}: got text with a character above 255, expected one for each byte`);
  }
  return bytes.subarray(0, length);
}

/**
 * All elements as float32, row-major, in memory of their own: half precision is widened, 64 bits are rounded.
 * Takes 4 bytes an element, and the storage once more where it is text.
 * @throws FileError when text storage is no bytes, or too short.
 */
export function toFloat32(tensor: StoredTensor, where: string): Float32Array<ArrayBuffer> {
  const { dtype, shape, strides, offset, littleEndian } = tensor;
  const bytes = storageBytes(tensor, where);
  storedTensor({ ...tensor, storage: bytes }, where);
  const data = new Float32Array(sizeOf(shape));
  if (data.length === 0) return data;
  if (dtype === 'float32' && littleEndian && isContiguous(tensor)) {
    new Uint8Array(data.buffer).set(bytes.subarray(4 * offset, 4 * (offset + data.length)));
    return data;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = READERS[dtype];
  const width = ELEMENT_BYTES[dtype];
  const rows = shape.slice(0, -1);
  const columns = shape.at(-1) ?? 1;
  const step = (strides.at(-1) ?? 0) * width;
  const index = rows.map(() => 0);
  let at = offset * width;
  for (let i = 0; i < data.length; ) {
    for (let column = 0; column < columns; column++) data[i++] = read(view, at + column * step, littleEndian);
    // The next row: count up as an odometer does, and move by strides.
    for (let axis = rows.length - 1; axis >= 0; axis--) {
      at += strides[axis] * width;
      if (++index[axis] < rows[axis]) break;
      at -= rows[axis] * strides[axis] * width;
      index[axis] = 0;
    }
  }
  return data;
}

/** The first element, exactly: what a scalar holds. 64-bit integers are rounded to a double. */
export function firstElement(tensor: StoredTensor, where: string): number {
  if (tensor.storage instanceof PickleText) {
    throw new FileError(`${where}: got a number of ${tensor.storage.utf8.length} bytes, expected at most 8`);
  }
  const bytes = storageBytes(tensor, where);
  const { dtype, offset, littleEndian } = storedTensor({ ...tensor, storage: bytes }, where);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return READERS[dtype](view, offset * ELEMENT_BYTES[dtype], littleEndian);
}

type ElementReader = (view: DataView, at: number, littleEndian: boolean) => number;

const READERS: Record<StoredType, ElementReader> = {
  bool: (view, at) => Number(view.getUint8(at) !== 0),
  int8: (view, at) => view.getInt8(at),
  uint8: (view, at) => view.getUint8(at),
  int16: (view, at, little) => view.getInt16(at, little),
  uint16: (view, at, little) => view.getUint16(at, little),
  int32: (view, at, little) => view.getInt32(at, little),
  uint32: (view, at, little) => view.getUint32(at, little),
  int64: (view, at, little) => Number(view.getBigInt64(at, little)),
  uint64: (view, at, little) => Number(view.getBigUint64(at, little)),
  float16: (view, at, little) => halfToNumber(view.getUint16(at, little)),
  bfloat16: (view, at, little) => bfloatToNumber(view.getUint16(at, little)),
  float32: (view, at, little) => view.getFloat32(at, little),
  float64: (view, at, little) => view.getFloat64(at, little),
};

/** 2^(exponent - 25), by the exponent's bits: what a half's fraction, as an integer of 11 bits, is worth. */
const HALF_SCALE = Array.from({ length: 31 }, (_, exponent) => 2 ** (Math.max(exponent, 1) - 25));

/** IEEE binary16. */
function halfToNumber(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const magnitude =
    exponent === 31
      ? fraction === 0
        ? Infinity
        : Number.NaN
      : (exponent === 0 ? fraction : fraction + 1024) * HALF_SCALE[exponent];
  return bits & 0x8000 ? -magnitude : magnitude;
}

const word = new DataView(new ArrayBuffer(4));

/** The upper half of a float32. */
function bfloatToNumber(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}
