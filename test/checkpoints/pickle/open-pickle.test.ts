// Checkpoints of every layout: what they hold, tensors of every kind, and what is refused.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { OpenedPickle } from '../../../src/checkpoints/pickle/open-pickle.ts';
import { FileError } from '../../../src/core/errors.ts';
import { toPlain } from '../../../src/core/pickle/plain.ts';
import type { PickleDict, PickleObject, PickleValue } from '../../../src/core/pickle/values.ts';
import {
  call,
  dict,
  encoded,
  f32,
  type Item,
  instance,
  join,
  le,
  list,
  named,
  ndarray,
  orderedDict,
  pickle,
  raw,
} from '../../core/pickle/assemble.ts';
import { embedded, legacyFile, parameter, type Storage, storage, tensor, zipFile } from './torch-files.ts';

const open = (bytes: Uint8Array) => new OpenedPickle(bytes, 'f.pkl');
const fixture = (name: string) => open(readFileSync(new URL(`../../fixtures/${name}`, import.meta.url)));
const asDict = (value: PickleValue | undefined) => value as PickleDict;
const floats = (numbers: number[]): Storage => ({
  type: 'FloatStorage',
  elements: numbers.length,
  data: f32(...numbers),
});
const six = floats([0, 1, 2, 3, 4, 5]);

/** A tensor alone in a pickle, as float32. */
function only(value: Item) {
  const opened = open(pickle(value));
  const { shape, data } = opened.float32(opened.value, 'x');
  return [shape, [...data]];
}

describe('published files', () => {
  it.each(['nvidia-stylegan2-32.pkl', 'nvidia-stylegan3-t-32.pkl'])('%s', (name) => {
    const opened = fixture(name);
    const file = asDict(opened.value);
    expect([...file.keys()]).toEqual(expect.arrayContaining(['G', 'D', 'G_ema', 'training_set_kwargs']));
    const generator = file.get('G_ema') as PickleObject;
    expect(generator.global).toBe('torch_utils.persistence._reconstruct_persistent_obj');
    const meta = asDict(generator.args[0]);
    expect([meta.get('type'), meta.get('class_name')]).toEqual(['class', 'Generator']);
    expect(toPlain(asDict(meta.get('state')).get('_init_kwargs'), name)).toMatchObject({ z_dim: 16 });
  });

  it('hold parameters and buffers as tensors', () => {
    const opened = fixture('nvidia-stylegan2-32.pkl');
    const state = (value: PickleValue | undefined) =>
      asDict(asDict((value as PickleObject).args[0]).get('state'));
    const modules = (value: PickleValue | undefined) => asDict(state(value).get('_modules'));
    const synthesis = modules(asDict(opened.value).get('G_ema')).get('synthesis');
    const block = modules(synthesis).get('b4');
    const filter = asDict(state(block).get('_buffers')).get('resample_filter');
    expect([...opened.float32(filter, 'filter').data]).toEqual(
      [1, 3, 3, 1].flatMap((a) => [1, 3, 3, 1].map((b) => (a * b) / 64)),
    );
    const constant = asDict(state(block).get('_parameters')).get('const');
    expect(opened.tensor(constant, 'const')).toMatchObject({ dtype: 'float32', shape: [16, 4, 4] });
  });

  it.each(['tf-stylegan1-32.pkl', 'tf-stylegan2-32.pkl'])('%s', (name) => {
    const opened = fixture(name);
    const networks = opened.value as PickleObject[];
    expect(networks.map(({ global }) => global)).toEqual(Array(3).fill('dnnlib.tflib.network.Network'));
    const state = asDict(networks[2].state);
    expect(toPlain(state.get('static_kwargs'), name)).toMatchObject({ resolution: 32 });
    const [variable, array] = (state.get('variables') as PickleValue[][])[0];
    expect([variable, opened.float32(array, 'lod').shape]).toEqual(['lod', []]);
  });
});

describe('tensors', () => {
  const view = tensor(storage(six, '0'), 1, [2, 2], [1, 3]);
  const expected = [
    [2, 2],
    [1, 4, 2, 5],
  ];

  it('of the zip layout', async () => {
    const opened = open(await zipFile(dict({ a: parameter(view) }), { 0: six }, { byteorder: 'little' }));
    expect(opened.format).toBe('torch-zip');
    const { shape, data } = opened.float32(asDict(opened.value).get('a'), 'a');
    expect([shape, [...data]]).toEqual(expected);
  });

  it('of the older layout, with parts of storages', () => {
    const part = tensor(storage(six, '0', ['0.1', 2, 3]), 0, [3], [1]);
    const opened = open(legacyFile([view, part], { 0: six }));
    expect(opened.format).toBe('torch-legacy');
    const [first, second] = (opened.value as PickleValue[]).map((item) => opened.float32(item, 'x'));
    expect([first.shape, [...first.data]]).toEqual(expected);
    expect([...second.data]).toEqual([2, 3, 4]);
  });

  it('of files within a pickle, and with a torch.Size', () => {
    expect(only(parameter(tensor(embedded(six), 1, [2, 2], [1, 3])))).toEqual(expected);
    const size = call('torch.Size', [3]) as unknown as number[];
    expect(only(tensor(embedded(six), 3, size, [1]))).toEqual([[3], [3, 4, 5]]);
  });

  it('of the zip layout within a pickle', async () => {
    const file = await zipFile(storage(six, '0'), { 0: six });
    expect(only(tensor(call('torch.storage._load_from_bytes', file), 4, [2], [1]))).toEqual([[2], [4, 5]]);
  });

  it('are copies: the file may go', () => {
    const bytes = pickle(ndarray('<f4', [1], f32(7)));
    const opened = open(bytes);
    const { data } = opened.float32(opened.value, 'x');
    bytes.fill(0);
    expect([...data]).toEqual([7]);
  });

  it.each<[string, number, Uint8Array, number[]]>([
    [
      'HalfStorage',
      7,
      le(0x7c00_03ff_0001_8000_c000_3c01n, 14).with(12, 0).with(13, 0xfe),
      [...[1 + 2 ** -10, -2, -0, 2 ** -24, 1023 * 2 ** -24, Infinity, Number.NaN]],
    ],
    ['BFloat16Storage', 2, le(0xc000_3f80, 4), [1, -2]],
    ['DoubleStorage', 1, new Uint8Array(new Float64Array([0.1]).buffer), [Math.fround(0.1)]],
    ['ByteStorage', 1, raw('\xff'), [255]],
    ['CharStorage', 1, raw('\xff'), [-1]],
    ['ShortStorage', 1, le(0x8000, 2), [-32768]],
    ['IntStorage', 1, le(0xffffffff, 4), [-1]],
    ['LongStorage', 1, le(-5n & 0xffffffffffffffffn, 8), [-5]],
    ['BoolStorage', 2, raw('\x00\x01'), [0, 1]],
  ])('of %s', (type, elements, data, numbers) => {
    expect(only(tensor(embedded({ type, elements, data }), 0, [elements], [1]))).toEqual([
      [elements],
      numbers,
    ]);
  });

  it('of NumPy: byte orders, Fortran order, text, buffers, scalars', () => {
    const matrix = [
      [2, 3],
      [0, 1, 2, 3, 4, 5],
    ];
    expect(only(ndarray('<f4', [2, 3], six.data))).toEqual(matrix);
    expect(only(ndarray('<f4', [2, 3], f32(0, 3, 1, 4, 2, 5), true))).toEqual(matrix);
    expect(only(ndarray('>f4', [2], f32(1, 2).reverse()))).toEqual([[2], [2, 1]]);
    expect(only(ndarray('>i2', [1], raw('\x01\x00')))).toEqual([[1], [256]]);
    expect(only(ndarray('<f4', [2, 3], encoded(six.data)))).toEqual(matrix);
    const many = Array.from({ length: 3000 }, (_, i) => Math.fround(Math.sin(i)));
    expect(only(ndarray('<f4', [3000], encoded(f32(...many))))).toEqual([[3000], many]);
    expect(only(ndarray('<f4', [], f32(4)))).toEqual([[], [4]]);
    expect(only(ndarray('<f4', [0, 3], raw('')))).toEqual([[0, 3], []]);
    const dtype = call('numpy.dtype', 'f4', false, true);
    expect(only(call('numpy._core.numeric._frombuffer', six.data, dtype, [3, 2], 'F'))).toEqual([
      [3, 2],
      [0, 3, 1, 4, 2, 5],
    ]);
    const scalar = call(
      'numpy.core.multiarray.scalar',
      call('numpy.dtype', 'i8', false, true),
      le(2 ** 40 + 1, 8),
    );
    expect(toPlain(open(pickle(scalar)).value, 'f')).toBe(2 ** 40 + 1);
  });

  it('are null where there is none', () => {
    const opened = open(
      pickle(['a', 1, call('torch.device', 'cpu'), instance('argparse.Namespace', dict({ n: 1 }))]),
    );
    expect((opened.value as PickleValue[]).map((item) => opened.tensor(item, 'x'))).toEqual(
      Array(4).fill(null),
    );
    expect(() => opened.float32('a', 'w')).toThrow("f.pkl: w: got 'a', expected a tensor");
  });
});

describe('refusals', () => {
  const refuse = (bytes: Uint8Array, message: string) => {
    expect(() => open(bytes)).toThrow(FileError);
    expect(() => open(bytes)).toThrow(message);
  };
  const refuseTensor = (value: Item, message: string) => {
    expect(() => only(value)).toThrow(FileError);
    expect(() => only(value)).toThrow(message);
  };

  it('of other files', () => {
    refuse(raw('\xff\xd8\xff\xe0\x00\x10JFIF'), 'f.pkl: got a JPEG picture');
    refuse(raw('RIFF\x10\x00\x00\x00WEBP'), 'f.pkl: got a WebP picture');
    refuse(raw('\x89PNG\r\n'), 'got a PNG picture');
    refuse(raw('\n<!DOCTYPE html>'), 'got a web page');
    refuse(raw('version https://git-lfs.github.com/spec/v1\n'), 'got a Git LFS pointer');
    refuse(raw(''), 'got an empty file');
    refuse(raw('\x12\x34'), 'got opcode 0x12 at byte 0, expected a pickle');
  });

  it('of names, in any layout', async () => {
    const evil = call('os.system', 'ls');
    refuse(pickle(evil), 'f.pkl: got the refused name os.system at byte 2');
    refuse(legacyFile(evil, {}), 'refused name os.system');
    refuse(await zipFile(evil, {}), 'f.pkl: archive/data.pkl: got the refused name os.system');
    refuse(pickle(named('numpy.load')), 'refused name numpy.load');
    const inner = call('torch.storage._load_from_bytes', legacyFile(evil, {}));
    refuseTensor(tensor(inner, 0, [1], [1]), 'f.pkl: x (storage): got the refused name os.system');
  });

  it('of damaged layouts', async () => {
    const view = tensor(storage(six, '0'), 0, [6], [1]);
    const legacy = legacyFile(view, { 0: six });
    refuse(legacy.subarray(0, -1), "got 23 bytes for storage '0'");
    refuse(legacyFile(view, { 0: { ...six, elements: 2 ** 40 } }), 'expected 4398046511104');
    refuse(legacyFile(view, { 0: { ...six, elements: -1 } }), 'got 24 bytes for storage');
    refuse(legacyFile(view, { 0: six }, ['0', '0']).subarray(0, -30), 'for storage');
    refuse(legacyFile('x', { 9: six }), "got storage '9', expected one that its pickle names");
    refuse(await zipFile(view, {}), 'f.pkl: got no entry archive/data/0');
    const names = Array.from({ length: 40 }, (_, i) => [`${i}`.padEnd(60_000), '']);
    refuse(
      await zipFile(view, { 0: six }, Object.fromEntries(names)),
      'the zip directory is damaged (claims 24',
    );
    refuse(await zipFile(view, { 0: six }, { byteorder: 'big' }), 'got byte order big');
    refuse((await zipFile(view, { 0: six })).subarray(0, -60), 'is not a zip archive, or it is cut off');
  });

  it('of storages that are none', async () => {
    refuse(
      legacyFile(new Map([['a', storage({ ...six, type: 'Size' }, '0')]]), {}),
      'got a storage of torch.Size',
    );
    refuseTensor(tensor('x', 0, [1], [1]), "got 'x' as a tensor's storage");
    refuseTensor(tensor(call('torch.storage._load_from_bytes', 'x'), 0, [1], [1]), "got 'x' as a storage");
    refuseTensor(tensor(legacyStorageOnly(), 0, [1], [1]), 'expected one with its bytes');
  });

  const legacyStorageOnly = (): Item =>
    call('torch.storage._load_from_bytes', legacyFile(storage(six, '0'), { 0: six }, []));

  it('of shapes beyond the storage', () => {
    const of = (offset: number, shape: number[], strides: number[]) =>
      tensor(embedded(six), offset, shape, strides);
    refuseTensor(of(0, [7], [1]), 'got float32 [7] from element 0, expected it within the 6');
    refuseTensor(of(1, [6], [1]), 'from element 1');
    refuseTensor(of(0, [2], [6]), 'expected it within');
    refuseTensor(of(0, [2 ** 40], [0]), 'got float32 [1099511627776]');
    refuseTensor(of(0, [-1], [1]), 'expected whole numbers');
    refuseTensor(of(0, [1], [-1]), 'expected whole numbers');
    refuseTensor(of(0, [1.5], [1]), 'expected whole numbers');
    refuseTensor(of(0, [1, 1], [1]), 'got 2 dimensions and 1 strides');
    refuseTensor(of(0, Array(40).fill(1), Array(40).fill(1)), 'got 40 dimensions');
    refuseTensor(of(0, Array(30).fill(2 ** 50), Array(30).fill(0)), 'expected it within');
    refuseTensor(ndarray('<f4', [7], six.data), 'got float32 [7]');
    refuseTensor(ndarray('<f4', [3], encoded(f32(-1, -2, -3).subarray(0, 10))), 'got float32 [3]');
    refuseTensor(ndarray('|O8', [1], raw('12345678')), "got an array of type 'O8'");
    refuseTensor(ndarray('<f4', [1], 'ab€c'), 'a character above 255');
    refuseTensor(ndarray('<f4', [1], list()), "got a list of 0 as an array's data");
  });

  it('of one tensor under many names', () => {
    const opened = open(join(pickle(ndarray('<f4', [1000], f32(...Array(1000).fill(1))))));
    const often = () => {
      for (let i = 0; i < 6; i++) opened.float32(opened.value, 'x');
    };
    expect(often).toThrow("f.pkl: x: got tensors of over 4 times the file's size");
  });

  it('of numbers of thousands of bytes, and of long texts under many names', () => {
    const bytes = encoded(new Uint8Array(5000));
    const number = call('numpy.core.multiarray.scalar', call('numpy.dtype', 'f4', false, true), bytes);
    expect(() => toPlain(open(pickle(number)).value, 'f.pkl')).toThrow('got a number of 5000 bytes');
    const opened = open(pickle(ndarray('<f4', [], bytes)));
    const often = () => {
      for (let i = 0; i < 6; i++) opened.float32(opened.value, 'x');
    };
    expect(often).toThrow('got tensors of over 4 times');
  });

  it('of state dicts: none', () => {
    const opened = open(pickle(orderedDict({ a: ndarray('<f4', [1], f32(1)) })));
    expect(opened.float32(asDict(opened.value).get('a'), 'a').data[0]).toBe(1);
  });
});
