// Mixing takes the named layers from the other image and leaves both inputs alone.

import { describe, expect, it } from 'vitest';
import { floatTensor } from '../../src/core/tensor.ts';
import { checkStyles, mixStyles, styleBands, stylesOf } from '../../src/generate/mix.ts';
import type { NetworkConfig } from '../../src/models/registry.ts';

describe('mixStyles', () => {
  it('exchanges whole layers', () => {
    const base = floatTensor(Float32Array.of(1, 2, 3, 4, 5, 6), [1, 3, 2]);
    const other = floatTensor(Float32Array.of(-1, -2, -3, -4, -5, -6), [1, 3, 2]);
    expect(mixStyles(base, other, [0, 2])).toEqual(
      floatTensor(Float32Array.of(-1, -2, 3, 4, -5, -6), [1, 3, 2]),
    );
    expect(mixStyles(base, other, [])).toEqual(base);
    expect(base.data[0]).toBe(1);
  });
});

describe('stylesOf', () => {
  it('takes 0-6 or half of a small network, and refuses layers that are not there', () => {
    expect(stylesOf(undefined, 18)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(stylesOf(undefined, 14)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(stylesOf(undefined, 8)).toEqual([0, 1, 2, 3]);
    expect(stylesOf(undefined, 1)).toEqual([0]);
    expect(stylesOf([3, 1], 4)).toEqual([3, 1]);
    expect(() => stylesOf([3, 4], 4)).toThrow('got --styles 4, expected layers from 0 to 3 for this network');
  });
});

describe('styleBands', () => {
  const bands = (imgResolution: number, numWs = 2 * Math.log2(imgResolution) - 2) =>
    styleBands({ model: 'stylegan2', imgResolution, numWs } as NetworkConfig).map(
      ({ styles, resolutions }) => [styles[0], styles.at(-1), ...resolutions],
    );

  it("are the paper's from 64² on", () => {
    expect(bands(1024)).toEqual([
      [0, 3, 4, 8],
      [4, 7, 16, 32],
      [8, 17, 64, 1024],
    ]);
    expect(bands(64)).toEqual([
      [0, 3, 4, 8],
      [4, 7, 16, 32],
      [8, 9, 64, 64],
    ]);
  });

  it('are thirds below', () => {
    expect(bands(32)).toEqual([
      [0, 2, 4, 8],
      [3, 4, 8, 16],
      [5, 7, 16, 32],
    ]);
    expect(bands(16)).toEqual([
      [0, 1, 4, 4],
      [2, 3, 8, 8],
      [4, 5, 16, 16],
    ]);
    expect(bands(8)).toEqual([
      [0, 0, 4, 4],
      [1, 2, 4, 8],
      [3, 3, 8, 8],
    ]);
  });

  it.each([8, 16, 32, 64, 128, 256, 512, 1024])('cover every layer once at %i²', (imgResolution) => {
    const numWs = 2 * Math.log2(imgResolution) - 2;
    const all = styleBands({ model: 'stylegan2', imgResolution, numWs } as NetworkConfig);
    expect(all.flatMap(({ styles }) => styles)).toEqual(Array.from({ length: numWs }, (_, i) => i));
    expect(all.map(({ name }) => name)).toEqual(['coarse', 'middle', 'fine']);
  });

  it('share out other numbers of layers by resolution', () => {
    expect(bands(1024, 16)).toEqual([
      [0, 3, 4, 8],
      [4, 6, 16, 32],
      [7, 15, 32, 1024],
    ]);
  });

  it('refuse networks with too few styles', () => {
    expect(() => bands(64, 1)).toThrow(
      'got a network of model stylegan2 with one vector for the whole image, expected at least 3 styles to mix, as in',
    );
    expect(() => bands(4)).toThrow('with 2 styles, expected at least 3 styles to mix');
    expect(() => checkStyles('dcgan', 1)).toThrow('got a network of model dcgan with one vector for the');
    expect(() => checkStyles('stylegan2', 2)).not.toThrow();
  });
});
