// Pictures for metrics: a disc of a random colour, place and size on a ground of a random colour.

import { Random } from '../../src/core/random.ts';
import { type FloatTensor, floatTensor } from '../../src/core/tensor.ts';
import type { Dataset } from '../../src/data/dataset.ts';

/** uint8 [channels, side, side]; `softness` of the edge in pixels. */
export function drawDisc(random: Random, channels: number, side: number, softness: number): Uint8Array {
  const [x, y] = [random.uniform() * side, random.uniform() * side];
  const radius = (0.1 + 0.25 * random.uniform()) * side;
  const image = new Uint8Array(channels * side * side);
  for (let channel = 0; channel < channels; channel++) {
    const [disc, ground] = [random.uniform() * 255, random.uniform() * 255];
    for (let i = 0; i < side * side; i++) {
      const distance = Math.hypot((i % side) - x, Math.floor(i / side) - y);
      const inside = 1 / (1 + Math.exp((distance - radius) / softness));
      image[channel * side * side + i] = Math.round(ground + (disc - ground) * inside);
    }
  }
  return image;
}

/** A data set of such pictures, drawn when they are read. */
export function discData(length: number, channels: 1 | 3, resolution: number): Dataset {
  return {
    name: 'discs',
    path: 'discs',
    length,
    channels,
    resolution,
    labelDim: 0,
    readImage: async (index) => drawDisc(new Random(index, 'real disc'), channels, resolution, 0.5),
    label: () => new Float32Array(0),
    close: async () => {},
  };
}

/** A generator of discs that gives `image(i)` as its i-th. */
export function discGenerator(
  channels: number,
  side: number,
  image: (index: number) => Uint8Array,
): (count: number) => Promise<FloatTensor> {
  let drawn = 0;
  return async (count) => {
    const size = channels * side * side;
    const all = new Float32Array(count * size);
    for (let i = 0; i < count; i++)
      all.set(
        Float32Array.from(image(drawn++), (x) => x / 127.5 - 1),
        i * size,
      );
    return floatTensor(all, [count, channels, side, side]);
  };
}
