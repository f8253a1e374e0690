// The safetensors file format: a JSON header of names, dtypes, shapes and offsets, then the raw little-endian data.

import { FileError } from '../core/errors.ts';
import type { DType, Shape, Tensor, TypedArray } from '../core/tensor.ts';

/** Largest header read, in bytes; the format's own limit. */
const MAX_HEADER_BYTES = 100_000_000;
/** Largest rank read; NumPy's limit. */
const MAX_RANK = 32;
/** Data starts at a multiple of this, and wider elements come first, so every tensor of ours can be viewed in place. */
const ALIGNMENT = 8;

type StoredType = 'F64' | 'I64' | 'F32' | 'I32' | 'F16' | 'BF16' | 'U8';
const BYTES: Record<StoredType, number> = { F64: 8, I64: 8, F32: 4, I32: 4, F16: 2, BF16: 2, U8: 1 };
const STORED_AS: Record<DType, StoredType> = {
  float64: 'F64',
  int64: 'I64',
  float32: 'F32',
  int32: 'I32',
  uint8: 'U8',
};

/** One tensor of the header; `begin` and `end` are byte offsets into the data that follows the header. */
export interface SafetensorsEntry {
  readonly storedAs: StoredType;
  readonly shape: Shape;
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Byte offset of the data in the file. */
  readonly dataStart: number;
}

export interface SafetensorsFile {
  readonly tensors: Map<string, Tensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Bytes from the start of the file up to the data, given its first 8 bytes and its size.
 * `name` names the file in errors. Throws FileError.
 */
export function safetensorsDataStart(prefix: Uint8Array, fileBytes: number, name: string): number {
  if (prefix.length < 8 || fileBytes < 8) {
    throw broken(name, `got ${Math.min(prefix.length, fileBytes)} bytes, expected at least 8`);
  }
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  const limit = Math.min(MAX_HEADER_BYTES, fileBytes - 8);
  if (length < 2n || length > BigInt(limit)) {
    throw broken(name, `got a header of ${length} bytes, expected 2 to ${limit}`);
  }
  return 8 + Number(length);
}

/**
 * Reads and checks the header. `bytes` holds at least the header, `fileBytes` is the size of the whole file:
 * every tensor must lie inside it, without overlaps or holes. Throws FileError naming `name`.
 */
export function readSafetensorsHeader(bytes: Uint8Array, fileBytes: number, name: string): SafetensorsHeader {
  const dataStart = safetensorsDataStart(bytes, fileBytes, name);
  const json = parseHeader(bytes.subarray(8, dataStart), name);
  const entries = new Map<string, SafetensorsEntry>();
  let metadata: Record<string, string> = {};
  for (const [key, value] of Object.entries(json)) {
    if (key === '__metadata__') metadata = readMetadata(value, name);
    else entries.set(key, readEntry(key, value, name));
  }
  checkLayout(entries, fileBytes - dataStart, name);
  return { entries, metadata, dataStart };
}

/**
 * Reads a whole file. Tensors view `bytes` where alignment permits and are copied otherwise; F16 and BF16 are
 * widened to float32. `name` names the file in errors. Throws FileError.
 */
export function readSafetensors(bytes: Uint8Array, name: string): SafetensorsFile {
  const header = readSafetensorsHeader(bytes, bytes.length, name);
  const data = { bytes: bytes.subarray(header.dataStart), begin: 0 };
  return { tensors: readSafetensorsPart(header, data), metadata: header.metadata };
}

/** Part of a file's data: `bytes` from byte `begin` of the data on. */
export interface SafetensorsData {
  readonly bytes: Uint8Array;
  readonly begin: number;
}

/** The tensors, of all or of those whose names start with `prefix`, that lie in a part of the data. */
export function readSafetensorsPart(
  { entries }: SafetensorsHeader,
  { bytes, begin }: SafetensorsData,
  prefix = '',
): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [key, entry] of entries) {
    if (!key.startsWith(prefix)) continue;
    // A plain Uint8Array even of a Node Buffer, whose slice() would not copy.
    const offset = bytes.byteOffset + entry.begin - begin;
    tensors.set(key, toTensor(entry, new Uint8Array(bytes.buffer, offset, entry.end - entry.begin)));
  }
  return tensors;
}

/**
 * The file as chunks to be written one after the other. The same tensors and metadata give the same bytes,
 * whatever their order: wide elements first, then by name. The data is viewed, not copied.
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  const sorted = [...tensors].sort(
    ([nameA, a], [nameB, b]) =>
      b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT || (nameA < nameB ? -1 : 1),
  );
  const fields: [string, unknown][] = [];
  const keys = Object.keys(metadata).sort();
  if (keys.length > 0) {
    fields.push(['__metadata__', Object.fromEntries(keys.map((key) => [key, metadata[key]]))]);
  }
  const chunks: Uint8Array[] = [];
  let offset = 0;
  for (const [key, { dtype, shape, data }] of sorted) {
    const end = offset + data.byteLength;
    fields.push([key, { dtype: STORED_AS[dtype], shape, data_offsets: [offset, end] }]);
    chunks.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    offset = end;
  }
  return [headerBytes(fields), ...chunks];
}

function headerBytes(fields: [string, unknown][]): Uint8Array {
  // Built field by field: an object would put integer-like names first, whatever their order here.
  const body = fields.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  const json = new TextEncoder().encode(`{${body.join(',')}}`);
  const length = Math.ceil(json.length / ALIGNMENT) * ALIGNMENT;
  const header = new Uint8Array(8 + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(json, 8);
  return header;
}

function parseHeader(bytes: Uint8Array, name: string): object {
  try {
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (isObject(json)) return json;
  } catch {
    // Falls through: not UTF-8 or not JSON.
  }
  throw broken(name, 'its header is not a JSON object');
}

function readMetadata(value: unknown, name: string): Record<string, string> {
  if (!isObject(value)) throw broken(name, 'its metadata is not an object of strings');
  const pairs = Object.entries(value).map(([key, text]): [string, string] => {
    if (typeof text !== 'string') throw broken(name, `metadata ${quote(key)} is not a string`);
    return [key, text];
  });
  return Object.fromEntries(pairs);
}

function readEntry(key: string, value: unknown, name: string): SafetensorsEntry {
  const fields: Record<string, unknown> = isObject(value) ? { ...value } : {};
  const { dtype, shape, data_offsets: offsets } = fields;
  if (!isStoredType(dtype)) {
    throw broken(
      name,
      `tensor ${quote(key)} has dtype ${quote(dtype)}, expected one of ${Object.keys(BYTES).join(', ')}`,
    );
  }
  if (!isCounts(shape) || shape.length > MAX_RANK) {
    throw broken(name, `tensor ${quote(key)} has shape ${quote(shape)}, expected whole numbers`);
  }
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    throw broken(
      name,
      `tensor ${quote(key)} has data offsets ${quote(offsets)}, expected two growing numbers`,
    );
  }
  const [begin, end] = offsets;
  // Exact as BigInt: a product of hostile dimensions must not round or overflow into something plausible.
  const expected = shape.reduce((size, dim) => size * BigInt(dim), BigInt(BYTES[dtype]));
  if (expected !== BigInt(end - begin)) {
    throw broken(
      name,
      `tensor ${quote(key)} has ${end - begin} bytes, expected ${expected} for ${dtype} ${quote(shape)}`,
    );
  }
  return { storedAs: dtype, shape, begin, end };
}

/** The data must be covered from its first byte to its last, each byte by one tensor. */
function checkLayout(entries: ReadonlyMap<string, SafetensorsEntry>, dataBytes: number, name: string): void {
  const sorted = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const [key, { begin, end }] of sorted) {
    if (end > dataBytes) {
      throw broken(
        name,
        `tensor ${quote(key)} ends at byte ${end}, expected at most ${dataBytes}; is the file cut off?`,
      );
    }
    if (begin !== covered) {
      throw broken(name, `tensor ${quote(key)} starts at byte ${begin}, expected ${covered}`);
    }
    covered = end;
  }
  if (covered !== dataBytes) {
    throw broken(name, `got ${dataBytes} bytes of data, expected the ${covered} that its header lists`);
  }
}

function toTensor({ storedAs, shape }: SafetensorsEntry, data: Uint8Array): Tensor {
  switch (storedAs) {
    case 'F64':
      return { dtype: 'float64', shape, data: view(data, Float64Array) };
    case 'F32':
      return { dtype: 'float32', shape, data: view(data, Float32Array) };
    case 'I32':
      return { dtype: 'int32', shape, data: view(data, Int32Array) };
    case 'I64':
      return { dtype: 'int64', shape, data: view(data, BigInt64Array) };
    case 'U8':
      return { dtype: 'uint8', shape, data };
    case 'BF16':
      return { dtype: 'float32', shape, data: widen(view(data, Uint16Array), (half) => half << 16) };
    case 'F16':
      return { dtype: 'float32', shape, data: widen(view(data, Uint16Array), float32BitsOfHalf) };
  }
}

/** Typed array over `data`, in place where its alignment permits. Hosts are little-endian, as the format is. */
function view<A extends TypedArray | Uint16Array>(
  data: Uint8Array,
  type: { new (buffer: ArrayBufferLike, offset: number, length: number): A; BYTES_PER_ELEMENT: number },
): A {
  const aligned = data.byteOffset % type.BYTES_PER_ELEMENT === 0 ? data : data.slice();
  return new type(aligned.buffer, aligned.byteOffset, data.length / type.BYTES_PER_ELEMENT);
}

function widen(halves: Uint16Array, toBits: (half: number) => number): Float32Array {
  const out = new Float32Array(halves.length);
  const bits = new Int32Array(out.buffer);
  for (let i = 0; i < halves.length; i++) bits[i] = toBits(halves[i]);
  return out;
}

/** The float32 bit pattern of an IEEE 754 half. */
function float32BitsOfHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // Subnormal: shift the leading one into the implicit place.
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStoredType(value: unknown): value is StoredType {
  return typeof value === 'string' && Object.hasOwn(BYTES, value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

/** A value of the file for a one-line message: control characters escaped, length bounded. */
function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

function broken(name: string, what: string): FileError {
  return new FileError(`${name} is not a usable safetensors file: ${what}`);
}
