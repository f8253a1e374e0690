// Labels as vectors, and what is no label.

import { describe, expect, it } from 'vitest';
import { FileError } from '../../src/core/errors.ts';
import { type Label, labelTable } from '../../src/data/dataset-json.ts';

describe('labelTable', () => {
  it('makes one-hot vectors of classes, as many as there are names or as the largest needs', () => {
    const named = labelTable([1, 0], ['cat', 'dog', 'emu'], 'pets');
    expect([named.dim, named.vector(0)]).toEqual([3, Float32Array.of(0, 1, 0)]);
    expect(labelTable([1, 4], ['cat'], 'pets').dim).toBe(5);
  });

  it('leaves vectors as they are', () => {
    const table = labelTable(
      [
        [0.5, -1],
        [2, 0],
      ],
      undefined,
      'pets',
    );
    expect([table.dim, table.vector(0)]).toEqual([2, Float32Array.of(0.5, -1)]);
  });

  it.each<[Label[], string]>([
    [[0, -1], 'got a label -1, expected a class (a whole number from 0) or a vector of numbers'],
    [[0, 2 ** 60], `got a label ${2 ** 60}, expected a class (a whole number from 0) or a vector of numbers`],
    [
      [[0, Number.NaN]],
      'got a label [0,NaN], expected a class (a whole number from 0) or a vector of numbers',
    ],
    [[[0, 1], [1]], 'got labels of different kinds (vectors of 2, vectors of 1), expected one kind'],
    [[0, [1]], 'got labels of different kinds (classes, vectors of 1), expected one kind'],
    [[70_000], 'got 70001 classes, expected at most 65536'],
  ])('refuses %j', (labels, message) => {
    expect(() => labelTable(labels, undefined, 'pets')).toThrow(FileError);
    expect(() => labelTable(labels, undefined, 'pets')).toThrow(`pets: ${message}`);
  });
});
