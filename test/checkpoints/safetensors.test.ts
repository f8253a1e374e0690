// The safetensors reader and writer agree, read what others write, and refuse what is malformed.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  readSafetensors,
  readSafetensorsHeader,
  safetensorsDataStart,
  writeSafetensors,
} from '../../src/checkpoints/safetensors.ts';
import { FileError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { floatTensor, type Tensor } from '../../src/core/tensor.ts';

const samples: [string, Tensor][] = [
  ['f32', floatTensor(Float32Array.of(1, -0, Number.NaN, Number.POSITIVE_INFINITY, 5, 6), [2, 3])],
  ['f64', { dtype: 'float64', shape: [2], data: Float64Array.of(Math.PI, -1e-300) }],
  ['i32', { dtype: 'int32', shape: [1], data: Int32Array.of(-7) }],
  ['i64', { dtype: 'int64', shape: [1, 1], data: BigInt64Array.of(-(2n ** 60n)) }],
  ['u8', { dtype: 'uint8', shape: [3], data: Uint8Array.of(0, 128, 255) }],
  ['scalar', floatTensor(Float32Array.of(2), [])],
  ['10', floatTensor(new Float32Array(0), [0, 4])],
  ['9', floatTensor(Float32Array.of(9), [1])],
];

function join(chunks: Uint8Array[]): Uint8Array {
  return Buffer.concat(chunks);
}

/** A file from a header of any content and `dataBytes` zeros. */
function file(header: unknown, dataBytes: number): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)]);
}

describe('writeSafetensors', () => {
  it('gives back what was written, for every dtype', () => {
    const bytes = join(writeSafetensors(new Map(samples), { kimg: '12', note: 'α' }));
    const { tensors, metadata } = readSafetensors(bytes, 'x');
    expect(metadata).toEqual({ kimg: '12', note: 'α' });
    expect(tensors.size).toBe(samples.length);
    for (const [name, tensor] of samples) expect(tensors.get(name)).toEqual(tensor);
  });

  it('gives the same bytes whatever the order of tensors and metadata', () => {
    const a = join(writeSafetensors(new Map(samples), { a: '1', b: '2' }));
    const b = join(writeSafetensors(new Map([...samples].reverse()), { b: '2', a: '1' }));
    expect(b).toEqual(a);
  });

  it('aligns every tensor so that it is viewed, not copied', () => {
    const bytes = new Uint8Array(join(writeSafetensors(new Map(samples))));
    for (const tensor of readSafetensors(bytes, 'x').tensors.values()) {
      expect(tensor.data.buffer).toBe(bytes.buffer);
    }
  });
});

describe('readSafetensors', () => {
  it('reads what the reference tools wrote', () => {
    const url = new URL('../fixtures/filters.safetensors', import.meta.url);
    const { tensors, metadata } = readSafetensors(readFileSync(url), 'filters');
    expect(metadata.kind).toBe('filters');
    expect(tensors.get('in.x')).toMatchObject({ dtype: 'float32', shape: [1, 2, 7, 6] });
    const f = tensors.get('f1331')?.data as Float32Array;
    expect([...f].map((v) => v * 64)).toEqual([1, 3, 3, 1, 3, 9, 9, 3, 3, 9, 9, 3, 1, 3, 3, 1]);
  });

  it('reads at any alignment', () => {
    const bytes = join(writeSafetensors(new Map(samples)));
    const shifted = new Uint8Array(bytes.length + 3).subarray(3);
    shifted.set(bytes);
    const { tensors } = readSafetensors(shifted, 'x');
    for (const [name, tensor] of samples) expect(tensors.get(name)).toEqual(tensor);
  });

  it('widens F16 and BF16', () => {
    const bytes = file(
      {
        h: { dtype: 'F16', shape: [8], data_offsets: [0, 16] },
        b: { dtype: 'BF16', shape: [2], data_offsets: [16, 20] },
      },
      20,
    );
    const halves = new Uint16Array(10);
    halves.set([0x3c00, 0xc000, 0x0001, 0x03ff, 0x0400, 0x7bff, 0xfc00, 0x8000, 0x3f80, 0xc049]);
    bytes.set(new Uint8Array(halves.buffer), bytes.length - 20);
    const { tensors } = readSafetensors(bytes, 'x');
    expect(tensors.get('h')).toEqual(
      floatTensor(
        Float32Array.of(1, -2, 2 ** -24, 1023 / 2 ** 24, 2 ** -14, 65504, Number.NEGATIVE_INFINITY, -0),
        [8],
      ),
    );
    expect(tensors.get('b')).toEqual(floatTensor(Float32Array.of(1, -3.140625), [2]));
  });

  it('reads the header alone', () => {
    const bytes = join(writeSafetensors(new Map(samples), { a: '1' }));
    const start = safetensorsDataStart(bytes.subarray(0, 8), bytes.length, 'x');
    const header = readSafetensorsHeader(bytes.subarray(0, start), bytes.length, 'x');
    expect(header.metadata).toEqual({ a: '1' });
    expect(header.entries.get('f32')).toMatchObject({ storedAs: 'F32', shape: [2, 3] });
  });

  const one = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };
  const refused: [string, Uint8Array, RegExp][] = [
    ['an empty file', new Uint8Array(0), /got 0 bytes, expected at least 8/],
    ['a huge header', Buffer.alloc(16, 0xff), /header of 18446744073709551615 bytes, expected 2 to 8/],
    ['no JSON', file('not json', 0), /not a JSON object/],
    ['an array', file([], 0), /not a JSON object/],
    ['invalid UTF-8', Buffer.concat([file('{"a":"', 0), Buffer.of(0xff)]), /header of|not a JSON object/],
    ['metadata that is no string', file({ __metadata__: { a: 1 } }, 0), /metadata "a" is not a string/],
    ['an unknown dtype', file({ a: { ...one, dtype: 'F8' } }, 8), /dtype "F8", expected one of F64/],
    ['an inherited dtype', file({ a: { ...one, dtype: 'toString' } }, 8), /dtype "toString"/],
    ['a negative dimension', file({ a: { ...one, shape: [-1, -2] } }, 8), /shape \[-1,-2\]/],
    ['a fraction', file({ a: { ...one, shape: [0.5] } }, 8), /shape \[0.5\]/],
    ['a rank of 33', file({ a: { ...one, shape: Array(33).fill(1) } }, 8), /shape \[1,1/],
    ['an overflowing shape', file({ a: { ...one, shape: [2 ** 32, 2 ** 32] } }, 8), /expected 73786976/],
    ['a wrong length', file({ a: { ...one, shape: [3] } }, 8), /has 8 bytes, expected 12 for F32 \[3\]/],
    ['backward offsets', file({ a: { ...one, data_offsets: [8, 0] } }, 8), /data offsets \[8,0\]/],
    ['a cut file', file({ a: one }, 4), /ends at byte 8, expected at most 4; is the file cut off/],
    ['a tail', file({ a: one }, 12), /got 12 bytes of data, expected the 8/],
    [
      'an overlap',
      file({ a: one, b: { ...one, data_offsets: [4, 12] } }, 12),
      /starts at byte 4, expected 8/,
    ],
    ['a hole', file({ a: one, b: { ...one, data_offsets: [12, 20] } }, 20), /starts at byte 12, expected 8/],
  ];
  it.each(refused)('refuses %s', (_, bytes, message) => {
    expect(() => readSafetensors(bytes, 'net.safetensors')).toThrow(FileError);
    expect(() => readSafetensors(bytes, 'net.safetensors')).toThrow(message);
    expect(() => readSafetensors(bytes, 'net.safetensors')).toThrow(/^net\.safetensors is not [^\n]*$/);
  });

  it('keeps a hostile key an ordinary name', () => {
    const bytes = file(`{"__proto__":${JSON.stringify(one)},"__metadata__":{"__proto__":"x"}}`, 8);
    const { tensors, metadata } = readSafetensors(bytes, 'x');
    expect([...tensors.keys()]).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(metadata)).toBe(Object.prototype);
  });

  it('reads or refuses mutated headers, and nothing else', () => {
    const random = new Random(1, 'mutations');
    const original = join(writeSafetensors(new Map(samples), { kimg: '12' }));
    const dataStart = safetensorsDataStart(original, original.length, 'x');
    let refusals = 0;
    for (let round = 0; round < 3000; round++) {
      const bytes = new Uint8Array(original);
      const changes = 1 + random.integer(3);
      for (let i = 0; i < changes; i++) {
        // Mostly digits and punctuation in place of others, so that many mutants still parse.
        const at = random.integer(dataStart);
        bytes[at] = random.integer(2) ? 0x30 + random.integer(10) : random.integer(256);
      }
      try {
        for (const { shape, data } of readSafetensors(bytes, 'x').tensors.values()) {
          expect(data.length).toBe(shape.reduce((size, dim) => size * dim, 1));
        }
      } catch (error) {
        expect(error).toBeInstanceOf(FileError);
        refusals++;
      }
    }
    expect(refusals).toBeGreaterThan(1000);
    expect(refusals).toBeLessThan(3000);
  });
});
