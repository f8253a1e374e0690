import { writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { RawImage, Source } from '../../../src/data/source.ts';
import { openSource } from '../../../src/data/sources/open-source.node.ts';
import { FIXTURES, scratch } from '../pictures.ts';

const at = scratch();
const open = (path: string) => openSource(path, { faces: 0, seed: 0 });

async function raw(source: Source, index: number): Promise<RawImage> {
  const image = await source.images[index].read();
  if (image instanceof Uint8Array) throw new Error('expected pixels');
  return image;
}

async function put(name: string, data: Uint8Array): Promise<string> {
  await writeFile(at(name), data);
  return at(name);
}

const ascii = (text: string) => Buffer.from(text, 'latin1');

describe('NumPy arrays', () => {
  it.each([
    ['images.npy', undefined, 3],
    ['images.npz', [2, 0, 1, 2], 3], // [N, C, H, W], compressed, int64 labels
    [
      'vectors.npz',
      [
        [1, 0],
        [0, 1],
        [0, 0],
        [0, 0],
      ],
      1,
    ], // [N, H, W], stored, float32 vectors
  ])('%s', async (file, labels, channels) => {
    const source = await open(FIXTURES + file);
    expect(source.images.map((image) => image.label)).toEqual(
      labels ?? [undefined, undefined, undefined, undefined],
    );
    const image = await raw(source, 2);
    expect(image).toMatchObject({ width: 8, height: 8, channels });
    const [x, y] = [5, 3];
    for (let c = 0; c < channels; c++) {
      expect(image.pixels[(y * 8 + x) * channels + c]).toBe((40 * 2 + 16 * y + x + 80 * c) % 256);
    }
    await source.close();
  });

  const npy = (type: string, shape: string) => {
    const header = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape}), }\n`;
    return Buffer.concat([
      ascii('\x93NUMPY\x01\x00'),
      Buffer.of(header.length, 0),
      ascii(header),
      Buffer.alloc(64),
    ]);
  };

  it('says what it found where there are no images', async () => {
    await expect(open(await put('floats.npy', npy('<f4', '2, 3')))).rejects.toThrow(
      'got floats.npy f4 [2,3], expected uint8 images',
    );
    await expect(open(await put('pickled.npy', npy('|O8', '2')))).rejects.toThrow('got pickled.npy O8 [2]');
    await expect(open(await put('empty.npy', npy('|u1', '900000000000, 0, 8')))).rejects.toThrow(
      'expected uint8 images',
    );
  });

  it('believes no shape beyond the end of the file', async () => {
    await expect(open(await put('huge.npy', npy('|u1', '900000000000, 8, 8')))).rejects.toThrow(
      'huge.npy is cut off',
    );
    const whole = await open(await put('whole.npy', npy('|u1', '1, 8, 8')));
    expect(whole.images.length).toBe(1);
    await whole.close();
  });
});

const idx = (shape: number[], data: Uint8Array) => {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.writeUInt16BE(0x0800 | shape.length, 2);
  for (const [i, dim] of shape.entries()) header.writeUInt32BE(dim, 4 + 4 * i);
  return Buffer.concat([header, data]);
};

describe('IDX', () => {
  it('reads digits with their labels and adds the border', async () => {
    const data = Uint8Array.from({ length: 3 * 28 * 28 }, (_, i) => i % 251);
    const path = await put('t-images-idx3-ubyte.gz', gzipSync(idx([3, 28, 28], data)));
    await put('t-labels-idx1-ubyte', idx([3], Uint8Array.of(7, 0, 9)));
    const source = await open(path);
    expect(source.images.map((image) => image.label)).toEqual([7, 0, 9]);
    const image = await raw(source, 1);
    expect(image).toMatchObject({ width: 32, height: 32, channels: 1 });
    expect(image.pixels[1 * 32 + 16]).toBe(0);
    expect(image.pixels[(2 + 4) * 32 + 2 + 6]).toBe(data[28 * 28 + 4 * 28 + 6]);
  });

  it('refuses a file of another length', async () => {
    const path = await put('cut-idx3-ubyte', idx([3, 4, 4], new Uint8Array(40)));
    await expect(open(path)).rejects.toThrow('got 40 bytes, expected 48 for [3,4,4]');
  });
});

function tar(files: Record<string, Uint8Array>): Buffer {
  const blocks = Object.entries(files).flatMap(([name, data]) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write(`${data.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write('0', 156);
    header.write('ustar\0', 257);
    return [header, data, Buffer.alloc((512 - (data.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

const str = (text: string) => Buffer.concat([ascii(`U${String.fromCharCode(text.length)}`), ascii(text)]);
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

/** A batch as Python 2 pickled it with protocol 2: a dictionary of strings, a list and a NumPy array. */
function pickledBatch(planes: Uint8Array, labels: number[], labelKey = 'labels', dtype = 'u1'): Buffer {
  return Buffer.concat([
    ascii('\x80\x02}q\x01('),
    str('batch_label'),
    ascii('q\x02'),
    str('training batch 1'),
    ascii('q\x03'),
    str(labelKey),
    ascii('q\x04]q\x05('),
    Buffer.from(labels.flatMap((label) => [0x4b, label])),
    ascii('e'),
    str('data'),
    ascii('q\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85'),
    str('b'),
    ascii('\x87Rq\x09(K\x01K'),
    Buffer.of(labels.length),
    ascii('M\x00\x0c\x86cnumpy\ndtype\nq\x0a'),
    str(dtype),
    ascii('K\x00K\x01\x87Rq\x0b(K\x03'),
    str('|'),
    ascii('NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T'),
    u32(planes.length),
    planes,
    ascii('tbu.'),
  ]);
}

const pickledNames = (key: string, names: string[]) =>
  Buffer.concat([ascii('\x80\x02}q\x01'), str(key), ascii(']q\x02('), ...names.map(str), ascii('es.')]);

/** Two images: bytes count up through red, green and blue planes. */
const planes = Uint8Array.from({ length: 2 * 3072 }, (_, i) => (i * 7 + Math.floor(i / 1024)) % 256);

async function expectPlanes(source: Source, index: number, imageOfPlanes: number): Promise<void> {
  const image = await raw(source, index);
  expect(image).toMatchObject({ width: 32, height: 32, channels: 3 });
  for (const [p, c] of [
    [0, 0],
    [77, 1],
    [1023, 2],
  ]) {
    expect(image.pixels[3 * p + c]).toBe(planes[imageOfPlanes * 3072 + c * 1024 + p]);
  }
}

describe('CIFAR archives', () => {
  it('reads the pickled CIFAR-10', async () => {
    const archive = tar({
      'c/data_batch_2': pickledBatch(planes, [4, 0]),
      'c/data_batch_1': pickledBatch(planes, [9, 1]),
      'c/test_batch': pickledBatch(planes, [5, 5]),
      'c/batches.meta': pickledNames('label_names', ['airplane', 'automobile']),
    });
    const source = await open(await put('cifar-10-python.tar.gz', gzipSync(archive)));
    expect(source.images.map((image) => image.label)).toEqual([9, 1, 4, 0]);
    expect(source.labelNames).toEqual(['airplane', 'automobile']);
    await expectPlanes(source, 3, 1);
  });

  it('reads the pickled CIFAR-100 with its fine classes', async () => {
    const archive = tar({
      'c/train': pickledBatch(planes, [99, 3], 'fine_labels'),
      'c/meta': pickledNames('fine_label_names', ['apple']),
    });
    const source = await open(await put('cifar-100-python.tar', archive));
    expect(source.images.map((image) => image.label)).toEqual([99, 3]);
  });

  it('reads the binary versions', async () => {
    const [first, second] = [planes.subarray(0, 3072), planes.subarray(3072)];
    const ten = tar({
      'b/data_batch_1.bin': Buffer.concat([Buffer.of(3), first, Buffer.of(8), second]),
      'b/batches.meta.txt': ascii('cat\ndog\n\n'),
    });
    const source = await open(await put('cifar-10-binary.tar.gz', gzipSync(ten)));
    expect(source.images.map((image) => image.label)).toEqual([3, 8]);
    expect(source.labelNames).toEqual(['cat', 'dog']);
    await expectPlanes(source, 1, 1);
    const hundred = tar({ 'b/train.bin': Buffer.concat([Buffer.of(1, 55), second]) });
    const fine = await open(await put('cifar-100-binary.tar', hundred));
    expect(fine.images.map((image) => image.label)).toEqual([55]);
    await expectPlanes(fine, 0, 1);
  });

  it('runs nothing that a pickle names', async () => {
    const archive = (batch: Buffer) => tar({ 'c/data_batch_1': batch });
    const failing = async (name: string, batch: Buffer) =>
      expect(open(await put(name, archive(batch)))).rejects;
    const call = ascii('\x80\x02cos\nsystem\nU\x02ls\x85R.');
    await (await failing('evil.tar', call)).toThrow('got the refused name os.system at byte 2');
    const good = pickledBatch(planes, [1, 2]);
    await (await failing('cut.tar', good.subarray(0, 300))).toThrow('cut off');
    await (await failing('floats.tar', pickledBatch(planes, [1, 2], 'labels', 'f4'))).toThrow(
      'got float32 [2,3072] from element 0',
    );
    await (await failing('few.tar', pickledBatch(planes, [1, 2, 3]))).toThrow('got uint8 [3,3072]');
    await (await failing('more.tar', pickledBatch(planes, [1]))).toThrow('does not hold images');
    await (await failing('newer.tar', ascii('\x80\x06.'))).toThrow('got pickle protocol 6 at byte 0');
    await expect(open(await put('other.tar', tar({ 'notes.txt': ascii('x') })))).rejects.toThrow(
      'with notes.txt, expected CIFAR',
    );
  });
});

describe('faces', () => {
  it('are the same for every count, differ by seed, and vary', async () => {
    const [few, many, other] = await Promise.all(
      [
        [3, 1],
        [300, 1],
        [300, 2],
      ].map(([faces, seed]) => openSource('faces', { faces, seed })),
    );
    for (let i = 0; i < 3; i++) expect(await few.images[i].read()).toEqual(await many.images[i].read());
    expect(await other.images[0].read()).not.toEqual(await many.images[0].read());
    const share = (key: string, value: string) =>
      many.images.filter((image) => many.attributeNames![key][image.attributes![key]] === value).length / 300;
    expect(share('glasses', 'none')).toBeGreaterThan(0.55);
    expect(share('glasses', 'none')).toBeLessThan(0.78);
    expect(share('facialHair', 'none')).toBeLessThan(0.9);
    for (const name of many.attributeNames!.hairColor) expect(share('hairColor', name)).toBeGreaterThan(0.04);
  });

  it('are refused in numbers that memory would not hold', async () => {
    await expect(openSource('faces', { faces: 1e10, seed: 0 })).rejects.toThrow(
      /^--max-images: got 10000000000 faces, expected at most 1000000$/,
    );
  });

  it('can be labelled by any attribute', async () => {
    const source = await openSource('faces', { faces: 2, seed: 0, labels: 'glasses' });
    expect(source.labelNames![0]).toBe('none');
    expect(source.images[1].label).toBe(source.images[1].attributes!.glasses);
  });
});
