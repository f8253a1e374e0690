// NumPy's array format (.npy, and .npz as a zip of them), read in place: header first, then any range of elements.
import { FileError } from '../../core/errors.ts';
import type { RangeReader } from '../../core/zip.ts';
import type { Label } from '../dataset-json.ts';
import type { RawImage, Source, SourceImage } from '../source.ts';

export interface NpyArray {
  readonly name: string;
  /** NumPy's type string without byte order, e.g. `u1`, `i8`, `f4`. */
  readonly type: string;
  readonly shape: readonly number[];
  /** Reads bytes of the data, row-major, little-endian. */
  readonly read: RangeReader;
}

const MAX_HEADER_BYTES = 2 ** 16;

/** @throws FileError naming `name` when it is not a little-endian, row-major array. */
export async function openNpy(read: RangeReader, name: string): Promise<NpyArray> {
  const start = await read(0, 12);
  if (start.length < 12 || new TextDecoder('latin1').decode(start.subarray(1, 6)) !== 'NUMPY') {
    throw new FileError(`${name} is not a NumPy array`);
  }
  const fields = new DataView(start.buffer, start.byteOffset);
  const [at, length] = start[6] === 1 ? [10, fields.getUint16(8, true)] : [12, fields.getUint32(8, true)];
  if (length > MAX_HEADER_BYTES) throw new FileError(`${name}: got a header of ${length} bytes`);
  const header = new TextDecoder('latin1').decode(await read(at, length));
  const type = /'descr':\s*'[<|=]?([a-zA-Z]\d+)'/.exec(header)?.[1];
  const shape = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  if (type === undefined || shape === undefined || !/'fortran_order':\s*False/.test(header)) {
    throw new FileError(
      `${name}: got ${header.trim()}, expected a plain little-endian array in row-major order`,
    );
  }
  const dims = shape.split(',').flatMap((dim) => (dim.trim() === '' ? [] : [Number(dim)]));
  return { name, type, shape: dims, read: (offset, size) => read(at + length + offset, size) };
}

interface ImageLayout {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
  readonly channelsFirst: boolean;
}

const isChannels = (n: number): n is 1 | 3 | 4 => n === 1 || n === 3 || n === 4;

/** [N,H,W], [N,H,W,C] or [N,C,H,W] of uint8; null for anything else. */
function imageLayout({ type, shape }: NpyArray): ImageLayout | null {
  if (type !== 'u1' || shape.includes(0)) return null;
  const [, a, b, c] = shape;
  if (shape.length === 3) return { height: a, width: b, channels: 1, channelsFirst: false };
  if (shape.length !== 4) return null;
  if (isChannels(c)) return { height: a, width: b, channels: c, channelsFirst: false };
  return isChannels(a) ? { height: b, width: c, channels: a, channelsFirst: true } : null;
}

/**
 * The largest array of uint8 images among `arrays` and, where one has as many rows and a name such as `labels` or
 * `y_train`, its labels: whole numbers as classes, rows of numbers as vectors.
 * @throws FileError when there are no images; the message lists what there is.
 */
export async function arraySource(
  arrays: readonly NpyArray[],
  path: string,
  close: () => Promise<void>,
): Promise<Source> {
  const bySize = arrays
    .filter((array) => imageLayout(array) !== null)
    .sort((a, b) => b.shape.reduce((x, y) => x * y) - a.shape.reduce((x, y) => x * y));
  if (bySize.length === 0) {
    const found = arrays.map(({ name, type, shape }) => `${name} ${type} [${shape}]`).join(', ');
    throw new FileError(
      `${path}: got ${found || 'no arrays'}, expected uint8 images as [N,H,W], [N,H,W,C] or [N,C,H,W]`,
    );
  }
  const pixels = bySize[0];
  const layout = imageLayout(pixels)!;
  await checkComplete(pixels, 1);
  const labels = await readLabels(arrays.find((array) => isLabelArray(array, pixels)));
  const images = Array.from(
    { length: pixels.shape[0] },
    (_, i): SourceImage => ({
      name: `${pixels.name}[${i}]`,
      label: labels?.[i],
      read: () => readImage(pixels, layout, i),
    }),
  );
  return { path, images, close };
}

/** A header may claim anything, so the last element is looked for before memory is taken. */
async function checkComplete({ name, shape, read }: NpyArray, bytesEach: number): Promise<void> {
  const size = shape.reduce((product, dim) => product * dim, bytesEach);
  if ((await read(size - 1, 1)).length < 1)
    throw new FileError(`${name} is cut off: no ${size} bytes for [${shape}]`);
}

function isLabelArray(array: NpyArray, pixels: NpyArray): boolean {
  const { name, type, shape } = array;
  const named = /^(y|labels?|targets?|class(es)?|arr_1)(_|$)/i.test(name);
  return (
    array !== pixels && named && /^[uif]/.test(type) && shape[0] === pixels.shape[0] && shape.length <= 2
  );
}

async function readImage(array: NpyArray, layout: ImageLayout, index: number): Promise<RawImage> {
  const { width, height, channels, channelsFirst } = layout;
  const size = width * height * channels;
  const bytes = await array.read(index * size, size);
  return { pixels: channelsFirst ? channelsLast(bytes, channels) : bytes, width, height, channels };
}

/** uint8 [C, H, W] → [H, W, C]. */
export function channelsLast(pixels: Uint8Array, channels: number): Uint8Array {
  const area = pixels.length / channels;
  const out = new Uint8Array(pixels.length);
  for (let c = 0; c < channels; c++)
    for (let i = 0; i < area; i++) out[i * channels + c] = pixels[c * area + i];
  return out;
}

async function readLabels(array: NpyArray | undefined): Promise<Label[] | null> {
  if (array === undefined) return null;
  const { name, type, shape } = array;
  const columns = shape[1] ?? 1;
  const bytesEach = Number(type.slice(1));
  await checkComplete(array, bytesEach);
  const bytes = await array.read(0, shape[0] * columns * bytesEach);
  const data = new DataView(bytes.buffer, bytes.byteOffset);
  const numberAt = (i: number) => readNumber(data, type, i * bytesEach, name);
  const isClass = columns === 1 && !type.startsWith('f');
  return Array.from({ length: shape[0] }, (_, row) =>
    isClass
      ? numberAt(row)
      : Array.from({ length: columns }, (_, column) => numberAt(row * columns + column)),
  );
}

function readNumber(data: DataView, type: string, at: number, name: string): number {
  switch (type) {
    case 'u1':
      return data.getUint8(at);
    case 'i1':
      return data.getInt8(at);
    case 'u2':
      return data.getUint16(at, true);
    case 'i2':
      return data.getInt16(at, true);
    case 'u4':
      return data.getUint32(at, true);
    case 'i4':
      return data.getInt32(at, true);
    case 'u8':
    case 'i8':
      return Number(data.getBigInt64(at, true));
    case 'f4':
      return data.getFloat32(at, true);
    case 'f8':
      return data.getFloat64(at, true);
    default:
      throw new FileError(`${name}: got labels of type ${type}, expected integers or float32/float64`);
  }
}
