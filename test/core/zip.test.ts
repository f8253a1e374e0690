import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  crc32,
  type RangeReader,
  readZipDirectory,
  readZipEntry,
  StoredZipWriter,
} from '../../src/core/zip.ts';
import { inflateTo } from '../../src/data/file-tree.node.ts';

const text = (s: string) => new TextEncoder().encode(s);

async function zipOf(files: Record<string, Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const writer = new StoredZipWriter(async (bytes) => {
    chunks.push(bytes.slice());
  });
  for (const [name, data] of Object.entries(files)) await writer.add(name, data);
  await writer.finish();
  return Buffer.concat(chunks);
}

const reader =
  (bytes: Uint8Array): RangeReader =>
  async (offset, length) =>
    bytes.subarray(offset, offset + length);

const entriesOf = (bytes: Uint8Array) => readZipDirectory(reader(bytes), bytes.length, 'test.zip');

/** A zip whose only entry is deflated and declares whatever sizes are given. */
async function deflated(data: Uint8Array, declared: { size?: number; crc?: number }): Promise<Uint8Array> {
  const packed = deflateRawSync(data);
  const zip = Buffer.from(await zipOf({ 'a.png': packed }));
  const directory = zip.indexOf(Uint8Array.of(0x50, 0x4b, 1, 2));
  zip.writeUInt16LE(8, directory + 10);
  zip.writeUInt32LE(declared.crc ?? crc32(data), directory + 16);
  zip.writeUInt32LE(declared.size ?? data.length, directory + 24);
  return zip;
}

describe('zip', () => {
  it('knows the check value of CRC-32', () => {
    expect(crc32(text('123456789'))).toBe(0xcbf43926);
  });

  it('gives back what it wrote, and the same bytes every time', async () => {
    const files = {
      'a/ü.txt': text('first'),
      'b.bin': new Uint8Array(1000).fill(7),
      empty: new Uint8Array(0),
    };
    const zip = await zipOf(files);
    const entries = await entriesOf(zip);
    expect(entries.map((entry) => entry.name)).toEqual(Object.keys(files));
    for (const entry of entries) {
      const data = await readZipEntry(reader(zip), entry, inflateTo, 1e6);
      expect([...data]).toEqual([...files[entry.name as keyof typeof files]]);
    }
    expect(await zipOf(files)).toEqual(zip);
  });

  it('holds more files than the old format can count', async () => {
    const files = Object.fromEntries(Array.from({ length: 66_000 }, (_, i) => [`f${i}`, new Uint8Array(0)]));
    const entries = await entriesOf(await zipOf(files));
    expect(entries.length).toBe(66_000);
    expect(entries.at(-1)!.name).toBe('f65999');
  });

  it('unpacks deflated entries', async () => {
    const data = text('packed '.repeat(50));
    const zip = await deflated(data, {});
    expect(await readZipEntry(reader(zip), (await entriesOf(zip))[0], inflateTo, 1e6)).toEqual(
      Buffer.from(data),
    );
  });

  it('refuses entries that lie about their size', async () => {
    const bomb = new Uint8Array(5_000_000);
    const cases = [
      { zip: await deflated(bomb, { size: 100 }), message: 'larger than declared' },
      { zip: await deflated(bomb, { size: 6_000_000 }), message: /cannot give|checksum/ },
      { zip: await deflated(text('x'), { size: 900_000 }), message: 'cannot give' },
      { zip: await deflated(bomb, { size: 4_000_000_000 }), message: 'expected at most 10000000' },
      { zip: await deflated(text('x'), { crc: 1 }), message: 'checksum' },
    ];
    for (const { zip, message } of cases) {
      const [entry] = await entriesOf(zip);
      await expect(readZipEntry(reader(zip), entry, inflateTo, 1e7)).rejects.toThrow(message);
    }
  });

  it('refuses what is no zip, or cut off', async () => {
    await expect(entriesOf(text('hello'))).rejects.toThrow('test.zip is not a zip archive');
    const zip = Buffer.from(await zipOf({ a: text('x'), b: text('y') }));
    await expect(entriesOf(zip.subarray(0, zip.length - 30))).rejects.toThrow('not a zip archive');
    const end = zip.length - 22;
    zip.writeUInt32LE(0x7fffffff, end + 12);
    await expect(entriesOf(zip)).rejects.toThrow('directory is damaged');
  });
});
