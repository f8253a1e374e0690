// IDX, the format of MNIST and Fashion-MNIST: big-endian dimensions and then bytes.
import { FileError } from '../../core/errors.ts';
import type { RawImage, Source } from '../source.ts';

export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** @throws FileError naming `path` unless it holds unsigned bytes of the length that its dimensions need. */
export function parseIdx(bytes: Uint8Array, path: string): IdxArray {
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const dims = bytes[3];
  if (bytes.length < 4 + 4 * dims || bytes[0] !== 0 || bytes[1] !== 0 || bytes[2] !== 8 || dims < 1) {
    throw new FileError(`${path} is not an IDX file of unsigned bytes`);
  }
  const shape = Array.from({ length: dims }, (_, i) => header.getUint32(4 + 4 * i));
  const data = bytes.subarray(4 + 4 * dims);
  const size = shape.reduce((product, dim) => product * dim, 1);
  if (data.length !== size)
    throw new FileError(`${path}: got ${data.length} bytes, expected ${size} for [${shape}]`);
  return { shape, data };
}

/**
 * Images [N, H, W] with optional labels [N]. Digits of 28×28 get a black border of 2 pixels, as in the published
 * data sets, so that they fill a power of two without being resampled.
 */
export function idxSource(images: IdxArray, labels: IdxArray | null, path: string): Source {
  const [count, height, width] = images.shape;
  if (images.shape.length !== 3) {
    throw new FileError(
      `${path}: got an IDX array of [${images.shape}], expected images as [N, height, width]`,
    );
  }
  if (labels !== null && (labels.shape.length !== 1 || labels.shape[0] !== count)) {
    throw new FileError(`${path}: got labels of [${labels.shape}] for ${count} images`);
  }
  const border = width === 28 && height === 28 ? 2 : 0;
  const read = async (index: number): Promise<RawImage> => {
    const pixels = images.data.subarray(index * height * width, (index + 1) * height * width);
    return withBorder({ pixels, width, height, channels: 1 }, border);
  };
  return {
    path,
    images: Array.from({ length: count }, (_, i) => ({
      name: `image ${i}`,
      label: labels?.data[i],
      read: () => read(i),
    })),
    close: async () => {},
  };
}

/** Adds black pixels around a one-channel image. */
function withBorder(image: RawImage, border: number): RawImage {
  if (border === 0) return image;
  const width = image.width + 2 * border;
  const height = image.height + 2 * border;
  const pixels = new Uint8Array(width * height);
  for (let y = 0; y < image.height; y++) {
    const row = image.pixels.subarray(y * image.width, (y + 1) * image.width);
    pixels.set(row, (y + border) * width + border);
  }
  return { pixels, width, height, channels: 1 };
}
