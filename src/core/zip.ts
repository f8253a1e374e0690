// Zip archives by random access or in memory: a directory reader that trusts no declared size, and a writer of stored entries.
import { FileError, oneLine } from './errors.ts';

/** Reads `length` bytes at `offset`; fewer only where the file ends. */
export type RangeReader = (offset: number, length: number) => Promise<Uint8Array>;

/** Raw deflate to exactly `size` bytes; rejects as soon as the data would give more. */
export type Inflate = (data: Uint8Array, size: number) => Promise<Uint8Array>;

export interface ZipEntry {
  readonly name: string;
  /** 0 stored, 8 deflated. */
  readonly method: number;
  readonly compressedSize: number;
  /** Bytes when unpacked, as declared. */
  readonly size: number;
  readonly crc: number;
  /** Where the entry's local header begins. */
  readonly offset: number;
  readonly encrypted: boolean;
}

const LOCAL_HEADER = 0x04034b50;
const LOCAL_HEADER_BYTES = 30;
const DIRECTORY_ENTRY = 0x02014b50;
const DIRECTORY_END = 0x06054b50;
const DIRECTORY_END_64 = 0x06064b50;
const DIRECTORY_LOCATOR_64 = 0x07064b50;
const MAX_DIRECTORY_BYTES = 2 ** 30;
/** Of an archive in memory, whose entries are few: listing them takes several times as much. */
const MAX_DIRECTORY_IN_MEMORY = 2 ** 21;
/** Deflate cannot do better than 1032:1, so a larger claim is a lie. */
const MAX_DEFLATE_RATIO = 1032;

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Ranges of the archive that a step asks for, as [offset, length]; it is handed their bytes. */
type Asking<T> = Generator<readonly [number, number], T, Uint8Array>;

/**
 * Lists the entries of a zip or zip64 archive, folders left out.
 * @throws FileError naming `path` when it is no zip, or damaged.
 */
export async function readZipDirectory(
  read: RangeReader,
  fileSize: number,
  path: string,
): Promise<ZipEntry[]> {
  const steps = directorySteps(fileSize, path, MAX_DIRECTORY_BYTES);
  let step = steps.next();
  while (!step.done) step = steps.next(await read(...step.value));
  return step.value;
}

/** Like {@link readZipDirectory}, of an archive in memory. */
export function zipDirectory(archive: Uint8Array, path: string): ZipEntry[] {
  const steps = directorySteps(archive.length, path, MAX_DIRECTORY_IN_MEMORY);
  let step = steps.next();
  while (!step.done) step = steps.next(rangeOf(archive, ...step.value));
  return step.value;
}

const rangeOf = (bytes: Uint8Array, offset: number, length: number) =>
  bytes.subarray(offset, offset + length);

function* directorySteps(fileSize: number, path: string, most: number): Asking<ZipEntry[]> {
  const { offset, size } = yield* findDirectory(fileSize, path);
  if (offset + size > fileSize || size > most) {
    throw new FileError(
      `${path}: the zip directory is damaged (claims ${size} bytes at ${offset} of ${fileSize})`,
    );
  }
  const bytes = yield [offset, size];
  const data = view(bytes);
  const entries: ZipEntry[] = [];
  for (let at = 0; at + 46 <= bytes.length && data.getUint32(at, true) === DIRECTORY_ENTRY; ) {
    const nameEnd = at + 46 + data.getUint16(at + 28, true);
    const extraEnd = nameEnd + data.getUint16(at + 30, true);
    const entryEnd = extraEnd + data.getUint16(at + 32, true);
    if (entryEnd > bytes.length) throw new FileError(`${path}: the zip directory is cut off`);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, nameEnd));
    if (!name.endsWith('/')) {
      entries.push({
        name,
        encrypted: (data.getUint16(at + 8, true) & 1) === 1,
        method: data.getUint16(at + 10, true),
        crc: data.getUint32(at + 16, true),
        ...sizesOf(data, at, nameEnd, extraEnd),
      });
    }
    at = entryEnd;
  }
  return entries;
}

/** Sizes and offset of a directory entry; those that read 0xffffffff stand in the zip64 extra field instead. */
function sizesOf(data: DataView, at: number, extraStart: number, extraEnd: number) {
  const fields = [
    data.getUint32(at + 24, true),
    data.getUint32(at + 20, true),
    data.getUint32(at + 42, true),
  ];
  for (let extra = extraStart; extra + 4 <= extraEnd; ) {
    const end = extra + 4 + data.getUint16(extra + 2, true);
    if (data.getUint16(extra, true) === 1 && end <= extraEnd) {
      let from = extra + 4;
      for (let i = 0; i < 3 && from + 8 <= end; i++) {
        if (fields[i] !== 0xffffffff) continue;
        fields[i] = Number(data.getBigUint64(from, true));
        from += 8;
      }
    }
    extra = end;
  }
  return { size: fields[0], compressedSize: fields[1], offset: fields[2] };
}

function* findDirectory(fileSize: number, path: string): Asking<{ size: number; offset: number }> {
  const tailStart = Math.max(0, fileSize - 22 - 0xffff);
  const tail = yield [tailStart, fileSize - tailStart];
  const data = view(tail);
  for (let at = tail.length - 22; at >= 0; at--) {
    if (data.getUint32(at, true) !== DIRECTORY_END) continue;
    const end = { size: data.getUint32(at + 12, true), offset: data.getUint32(at + 16, true) };
    const locator = at - 20;
    if (locator < 0 || data.getUint32(locator, true) !== DIRECTORY_LOCATOR_64) return end;
    const end64 = yield [Number(data.getBigUint64(locator + 8, true)), 56];
    if (end64.length < 56 || view(end64).getUint32(0, true) !== DIRECTORY_END_64) break;
    return {
      size: Number(view(end64).getBigUint64(40, true)),
      offset: Number(view(end64).getBigUint64(48, true)),
    };
  }
  throw new FileError(`${path} is not a zip archive, or it is cut off: no directory at its end`);
}

/** Where the entry's data begins: the local header may carry another extra field than the directory. */
async function dataOffset(read: RangeReader, entry: ZipEntry): Promise<number> {
  return afterHeader(await read(entry.offset, LOCAL_HEADER_BYTES), entry);
}

function afterHeader(header: Uint8Array, entry: ZipEntry, name = entry.name): number {
  if (header.length < LOCAL_HEADER_BYTES || view(header).getUint32(0, true) !== LOCAL_HEADER) {
    throw new FileError(`${name}: no entry where the zip directory points`);
  }
  const lengths = view(header).getUint16(26, true) + view(header).getUint16(28, true);
  return entry.offset + LOCAL_HEADER_BYTES + lengths;
}

/**
 * The bytes of a stored entry of an archive in memory: a view, its checksum not checked.
 * @throws FileError when it is packed, encrypted, or not wholly there.
 */
export function storedBytes(archive: Uint8Array, entry: ZipEntry, path: string): Uint8Array {
  const name = `${path}: ${oneLine(entry.name)}`;
  if (entry.encrypted || entry.method !== 0) {
    throw new FileError(
      `${name}: got ${entry.encrypted ? 'an encrypted' : 'a packed'} entry, expected a stored one`,
    );
  }
  const start = afterHeader(rangeOf(archive, entry.offset, LOCAL_HEADER_BYTES), entry, name);
  const data = rangeOf(archive, start, entry.size);
  if (data.length === entry.size) return data;
  throw new FileError(`${name}: got ${data.length} bytes, expected ${entry.size}: it is cut off`);
}

/**
 * Unpacks one entry into memory, after checking that it may take no more than `maxBytes`.
 * @throws FileError when it is too large, encrypted, packed in another way, or fails its checksum.
 */
export async function readZipEntry(
  read: RangeReader,
  entry: ZipEntry,
  inflate: Inflate,
  maxBytes: number,
): Promise<Uint8Array> {
  const { name, size, compressedSize, method } = entry;
  if (entry.encrypted) throw new FileError(`${name}: the entry is encrypted`);
  if (method !== 0 && method !== 8) throw new FileError(`${name}: got zip method ${method}, expected 0 or 8`);
  const most = method === 0 ? compressedSize : compressedSize * MAX_DEFLATE_RATIO;
  if (size > maxBytes || compressedSize > maxBytes) {
    throw new FileError(`${name}: got ${size} bytes, expected at most ${maxBytes}`);
  }
  if (size > most) throw new FileError(`${name}: ${compressedSize} packed bytes cannot give ${size}`);
  const packed = await read(await dataOffset(read, entry), compressedSize);
  if (packed.length < compressedSize) throw new FileError(`${name}: the entry is cut off`);
  const data = method === 0 || size === 0 ? packed.subarray(0, size) : await inflate(packed, size);
  if (data.length !== size || crc32(data) !== entry.crc)
    throw new FileError(`${name}: the checksum does not fit`);
  return data;
}

/** Reads ranges of a stored entry in place, unchecked; nothing beyond its end. */
export async function openStored(read: RangeReader, entry: ZipEntry): Promise<RangeReader> {
  const start = await dataOffset(read, entry);
  return (offset, length) => read(start + offset, Math.max(0, Math.min(length, entry.size - offset)));
}

const CRC_TABLE = new Uint32Array(256).map((_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** CRC-32 (ISO 3309) as an unsigned integer. */
export function crc32(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < data.length; i++) crc = CRC_TABLE[(crc ^ data[i]) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Writes 1, 2, 4 and 8 byte little-endian numbers in a row. */
class Fields {
  private readonly bytes: Uint8Array;
  private at = 0;
  constructor(length: number) {
    this.bytes = new Uint8Array(length);
  }
  u16(...values: number[]): this {
    for (const value of values) view(this.bytes).setUint16(this.advance(2), value, true);
    return this;
  }
  u32(...values: number[]): this {
    for (const value of values) view(this.bytes).setUint32(this.advance(4), value, true);
    return this;
  }
  u64(...values: number[]): this {
    for (const value of values) view(this.bytes).setBigUint64(this.advance(8), BigInt(value), true);
    return this;
  }
  raw(data: Uint8Array): this {
    this.bytes.set(data, this.advance(data.length));
    return this;
  }
  private advance(length: number): number {
    this.at += length;
    return this.at - length;
  }
  done(): Uint8Array {
    return this.bytes;
  }
}

const UTF8_NAMES = 0x0800;
/** 1 January 1980, the format's first day: equal data gives equal files. */
const DOS_DATE = 0x21;
const U32_MAX = 0xffffffff;

/**
 * Writes a zip of stored (uncompressed) entries through `write`, one after the other; zip64 where the archive
 * needs it. Keeps only names and offsets in memory. Entries are below 4 GiB.
 */
export class StoredZipWriter {
  private readonly write: (bytes: Uint8Array) => Promise<void>;
  private readonly directory: Uint8Array[] = [];
  private offset = 0;

  constructor(write: (bytes: Uint8Array) => Promise<void>) {
    this.write = write;
  }

  async add(name: string, data: Uint8Array): Promise<void> {
    const encoded = new TextEncoder().encode(name);
    const crc = crc32(data);
    const size = data.length;
    const header = new Fields(30 + encoded.length)
      .u32(LOCAL_HEADER)
      .u16(20, UTF8_NAMES, 0, 0, DOS_DATE)
      .u32(crc, size, size)
      .u16(encoded.length, 0)
      .raw(encoded);
    const far = this.offset >= U32_MAX;
    const entry = new Fields(46 + encoded.length + (far ? 12 : 0))
      .u32(DIRECTORY_ENTRY)
      .u16(far ? 45 : 20, far ? 45 : 20, UTF8_NAMES, 0, 0, DOS_DATE)
      .u32(crc, size, size)
      .u16(encoded.length, far ? 12 : 0, 0, 0, 0)
      .u32(0, far ? U32_MAX : this.offset)
      .raw(encoded);
    this.directory.push((far ? entry.u16(1, 8).u64(this.offset) : entry).done());
    await this.put(header.done());
    await this.put(data);
  }

  /** Writes the directory. Nothing can be added afterwards. */
  async finish(): Promise<void> {
    const start = this.offset;
    const count = this.directory.length;
    const size = this.directory.reduce((sum, entry) => sum + entry.length, 0);
    const bytes = new Fields(size);
    for (const entry of this.directory) bytes.raw(entry);
    await this.put(bytes.done());
    if (count >= 0xffff || start >= U32_MAX || size >= U32_MAX) {
      const end64 = new Fields(76).u32(DIRECTORY_END_64).u64(44).u16(45, 45).u32(0, 0);
      end64.u64(count, count, size, start).u32(DIRECTORY_LOCATOR_64, 0).u64(this.offset).u32(1);
      await this.put(end64.done());
    }
    const shortCount = Math.min(count, 0xffff);
    const end = new Fields(22).u32(DIRECTORY_END).u16(0, 0, shortCount, shortCount);
    await this.put(end.u32(Math.min(size, U32_MAX), Math.min(start, U32_MAX)).u16(0).done());
  }

  private async put(bytes: Uint8Array): Promise<void> {
    await this.write(bytes);
    this.offset += bytes.length;
  }
}
