// RandomState gives NumPy's bits: published seeds must mean the published latents.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readSafetensors } from '../../src/checkpoints/safetensors.ts';
import { OptionError } from '../../src/core/errors.ts';
import { RandomState } from '../../src/core/numpy-random.ts';

const fixture = new URL('../fixtures/seeds.safetensors', import.meta.url);
const { tensors } = readSafetensors(readFileSync(fixture), 'seeds.safetensors');

describe('RandomState', () => {
  it.each([0, 1, 42, 123, 20211124])('gives the randn and rand of seed %i, bit for bit', (seed) => {
    expect(new RandomState(seed).randn(17)).toEqual(tensors.get(`seed${seed}.randn#f64`)?.data);
    expect(new RandomState(seed).rand(5)).toEqual(tensors.get(`seed${seed}.rand#f64`)?.data);
  });

  it('keeps the second Gaussian of a pair for the next call', () => {
    const random = new RandomState(3);
    const parts = [...random.randn(1), ...random.randn(4), ...random.randn(2)];
    expect(parts).toEqual([...new RandomState(3).randn(7)]);
  });

  it('gives a 512-d latent', () => {
    expect(Float32Array.from(new RandomState(0).randn(512))).toEqual(tensors.get('seed0.randn_512')?.data);
  });

  it('gives the permutation', () => {
    expect([...new RandomState(7).permutation(20)].map(BigInt)).toEqual([
      ...(tensors.get('seed7.permutation20')!.data as BigInt64Array),
    ]);
  });

  it.each([-1, 1.5, 2 ** 32, Number.NaN])('refuses seed %d', (seed) => {
    expect(() => new RandomState(seed)).toThrow(OptionError);
  });
});
