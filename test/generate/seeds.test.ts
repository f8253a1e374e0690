// Seeds are read as people write them and mean NumPy's latents.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readSafetensors } from '../../src/checkpoints/safetensors.ts';
import { OptionError } from '../../src/core/errors.ts';
import { RandomState } from '../../src/core/numpy-random.ts';
import { latentsOf, parseNumbers } from '../../src/generate/seeds.ts';

describe('parseNumbers', () => {
  it.each([
    ['7', [7]],
    ['0-3,40', [0, 1, 2, 3, 40]],
    ['85, 100,55-57 ', [85, 100, 55, 56, 57]],
    ['5,5', [5, 5]],
    ['4294967295', [4294967295]],
  ])('reads %s', (text, expected) => {
    expect(parseNumbers(text)).toEqual(expected);
  });

  it.each([
    ['', /got --rows "", expected numbers and ranges such as 0-35,40/],
    ['1,', /got --rows "1,"/],
    ['a-b', /got --rows "a-b"/],
    ['-1', /got --rows "-1"/],
    ['1.5', /got --rows "1.5"/],
    ['5-2', /got --rows 5-2, expected growing numbers/],
    ['4294967296', /up to 4294967295/],
    ['99999999999', /got --rows "99999999999"/],
    ['0-4294967295', /at most 100000 values/],
    ['0-99999,5', /at most 100000 values/],
  ])('refuses %j', (text, message) => {
    expect(() => parseNumbers(text, '--rows')).toThrow(OptionError);
    expect(() => parseNumbers(text, '--rows')).toThrow(message);
  });
});

describe('latentsOf', () => {
  it('gives the published latent of a seed, one row each', () => {
    const url = new URL('../fixtures/seeds.safetensors', import.meta.url);
    const { tensors } = readSafetensors(readFileSync(url), 'seeds');
    const z = latentsOf([5, 0], 512);
    expect(z.subarray(512)).toEqual(tensors.get('seed0.randn_512')?.data);
    expect(z.subarray(0, 512)).toEqual(Float32Array.from(new RandomState(5).randn(512)));
  });
});
