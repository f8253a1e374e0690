// Network output becomes bytes by the published rule, and pictures tile row by row.

import { describe, expect, it } from 'vitest';
import { floatTensor } from '../../src/core/tensor.ts';
import { imageGrid, picturesOf, tilePictures } from '../../src/generate/image-grid.ts';

describe('picturesOf', () => {
  it('scales by 127.5, adds 128, clamps and truncates', () => {
    const values = [-1, 1, 0, -3, 3, 0.999, -0.001, Number.NaN];
    const [picture] = picturesOf(floatTensor(Float32Array.from(values), [1, 1, 2, 4]));
    expect([...picture.data]).toEqual([0, 255, 128, 0, 255, 255, 127, 0]);
    expect(picture).toMatchObject({ width: 4, height: 2, channels: 1 });
  });

  it.each([3, 4])('interleaves %i planes', (channels) => {
    const planes = Float32Array.from({ length: channels * 2 }, (_, i) => (i * 10 - 128) / 127.5 + 1e-4);
    const [picture] = picturesOf(floatTensor(planes, [1, channels, 1, 2]));
    const pixel = (x: number) => Array.from({ length: channels }, (_, c) => (c * 2 + x) * 10);
    expect([...picture.data]).toEqual([...pixel(0), ...pixel(1)]);
  });

  it('refuses what is no image', () => {
    expect(() => picturesOf(floatTensor(new Float32Array(8), [1, 2, 2, 2]))).toThrow(/shape \[1,2,2,2\]/);
  });
});

describe('tilePictures', () => {
  const pixel = (value: number) => ({
    data: Uint8Array.of(value, value + 1),
    width: 2,
    height: 1,
    channels: 1,
  });

  it('fills rows from the left, and leaves missing cells black', () => {
    const grid = tilePictures([null, pixel(10), pixel(20), pixel(30), pixel(40)], 2);
    expect(grid).toMatchObject({ width: 4, height: 3, channels: 1 });
    expect([...grid.data]).toEqual([0, 0, 10, 11, 20, 21, 30, 31, 40, 41, 0, 0]);
  });

  it('refuses pictures of other sizes', () => {
    const other = { ...pixel(1), width: 1, height: 2 };
    expect(() => tilePictures([pixel(0), other], 2)).toThrow('got a picture of 1x2x1, expected 2x1x1');
  });

  it('tiles a batch of images', () => {
    const images = floatTensor(Float32Array.of(-1, 0, 1), [3, 1, 1, 1]);
    expect([...imageGrid(images, 3).data]).toEqual([0, 128, 255]);
  });
});
