// From network output to pictures of bytes, and pictures side by side.

import type { FloatTensor } from '../core/tensor.ts';

/** An image as files and screens take it: rows of interleaved bytes, [height, width, channels]. */
export interface Picture {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** 1 gray, 3 RGB, 4 RGBA. */
  readonly channels: number;
}

/** Images NCHW in [-1, 1] (1, 3 or 4 channels) → pictures: x * 127.5 + 128, clamped, as the published tools do. */
export function picturesOf(images: FloatTensor): Picture[] {
  const [count, channels, height, width] = images.shape;
  if (images.shape.length !== 4 || ![1, 3, 4].includes(channels)) {
    throw new RangeError(`got images of shape [${images.shape}], expected [N, 1, 3 or 4, height, width]`);
  }
  const plane = height * width;
  return Array.from({ length: count }, (_, n) => {
    const data = new Uint8Array(plane * channels);
    for (let channel = 0; channel < channels; channel++) {
      const start = (n * channels + channel) * plane;
      for (let i = 0; i < plane; i++) {
        const value = images.data[start + i] * 127.5 + 128;
        data[i * channels + channel] = value > 0 ? Math.min(value, 255) : 0; // NaN → 0
      }
    }
    return { data, width, height, channels };
  });
}

/**
 * Pictures of one size side by side, `columns` in a row; null leaves its cell black (transparent with alpha).
 * At least one picture must be there.
 */
export function tilePictures(pictures: readonly (Picture | null)[], columns: number): Picture {
  const first = pictures.find((picture) => picture !== null);
  if (!first) throw new RangeError('got no pictures, expected at least one');
  const { width, height, channels } = first;
  const rows = Math.ceil(pictures.length / columns);
  const rowBytes = width * channels;
  const data = new Uint8Array(rows * height * columns * rowBytes);
  pictures.forEach((picture, cell) => {
    if (!picture) return;
    if (picture.width !== width || picture.height !== height || picture.channels !== channels) {
      throw new RangeError(
        `got a picture of ${picture.width}x${picture.height}x${picture.channels}, expected ${width}x${height}x${channels}`,
      );
    }
    const left = (cell % columns) * rowBytes;
    const top = Math.floor(cell / columns) * height;
    for (let y = 0; y < height; y++) {
      data.set(
        picture.data.subarray(y * rowBytes, (y + 1) * rowBytes),
        (top + y) * columns * rowBytes + left,
      );
    }
  });
  return { data, width: columns * width, height: rows * height, channels };
}

/** Images NCHW in [-1, 1] as one picture, `columns` in a row. */
export function imageGrid(images: FloatTensor, columns: number): Picture {
  return tilePictures(picturesOf(images), columns);
}
