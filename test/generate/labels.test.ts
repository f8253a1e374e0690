// A class becomes a one-hot label, and every mismatch with the network is explained.

import { describe, expect, it } from 'vitest';
import { OptionError } from '../../src/core/errors.ts';
import {
  chosenLabel,
  chosenLabels,
  classesOf,
  type LabelChoice,
  type Labelled,
  labelsOf,
} from '../../src/generate/labels.ts';
import type { NetworkConfig } from '../../src/models/registry.ts';

const network = (cDim: number, labelNames?: string[]): Labelled => ({
  config: { cDim } as NetworkConfig,
  labelNames,
});
const PETS = network(4, ['cat', 'dog', 'emu, large', '0']);

describe('labelsOf', () => {
  it('gives one-hot rows, or null without labels', () => {
    expect(labelsOf(2, 3, 2)).toEqual(Float32Array.of(0, 0, 1, 0, 0, 1));
    expect(labelsOf(undefined, 0, 2)).toBeNull();
  });

  it.each([
    [1, 0, /got --class 1, but this network was trained without labels/],
    [undefined, 10, /trained with labels; choose one with --class 0 to 9/],
    [10, 10, /got --class 10, expected a whole number from 0 to 9/],
    [0.5, 10, /got --class 0.5/],
  ])('refuses class %s of %i', (index, cDim, message) => {
    expect(() => labelsOf(index, cDim, 1)).toThrow(OptionError);
    expect(() => labelsOf(index, cDim, 1)).toThrow(message);
  });
});

describe('classesOf', () => {
  it.each([
    ['2', [2]],
    ['dog', [1]],
    ['dog,0-1, 3', [1, 0, 3]],
    ['all', [0, 1, 2, 3]],
    ['emu, large', [2]],
    ['0', [0]], // a number is a number, although class 3 has this name
  ])('reads %s', (text, expected) => {
    expect(classesOf(text, PETS)).toEqual(expected);
  });

  it('does not let a name stand before numbers, ranges and all', () => {
    const shadows = network(4, ['x', 'all', '0-2', '1,3']);
    expect(classesOf('all', shadows)).toEqual([0, 1, 2, 3]);
    expect(classesOf('0-2', shadows)).toEqual([0, 1, 2]);
    expect(classesOf('1,3', shadows)).toEqual([1, 3]);
  });

  it('takes the first of classes with one name', () => {
    expect(classesOf('cat', network(3, ['dog', 'cat', 'cat']))).toEqual([1]);
  });

  it('lists the classes when there is no such one', () => {
    for (const text of ['cow', '4', '1-4', '-1', '', 'cat,cow', '99999999999'])
      expect(() => classesOf(text, PETS)).toThrow(OptionError);
    expect(() => classesOf('cat,cow', PETS)).toThrow(
      /^got --class cow, expected 0 "cat", 1 "dog", 2 "emu, large", 3 "0"$/,
    );
    expect(() => classesOf('cat', network(3))).toThrow(/^got --class cat, expected 0 to 2$/);
    const many = network(
      1000,
      Array.from({ length: 1000 }, (_, i) => `n${i}\n`),
    );
    expect(() => classesOf('cat', many)).toThrow(/, 19 "n19\?", … \(1000 in all\)$/);
  });
});

describe('what a command is asked for', () => {
  it('is a class, or the numbers of a label', () => {
    expect(chosenLabel({ class: 'dog' }, PETS)).toEqual({ class: 1, c: Float32Array.of(0, 1, 0, 0) });
    expect(chosenLabels({ class: '2-3' }, PETS).map((label) => label.class)).toEqual([2, 3]);
    const vector = { class: null, c: Float32Array.of(-0.5, 2) };
    expect(chosenLabel({ label: [-0.5, 2] }, network(2))).toEqual(vector);
    expect(chosenLabel({}, network(0))).toEqual({ class: null, c: null });
  });

  it('takes no memory for the labels of many classes before they are drawn', () => {
    // At once they would be 40 GB.
    const labels = chosenLabels({ class: 'all' }, network(100_000));
    expect(labels).toHaveLength(100_000);
    expect(labels[99_999].c?.indexOf(1)).toBe(99_999);
  });

  it.each<[LabelChoice, Labelled, RegExp]>([
    [{}, PETS, /^this network was trained with labels; choose one with --class 0 "cat", 1 "dog", [^\n]+$/],
    [{ class: 'dog' }, network(0), /^got --class dog, but this network was trained without labels/],
    [{ label: [1, 2] }, network(0), /^got --label 1,2, but this network was trained without labels/],
    [{ label: [1, 2] }, PETS, /^got --label of 2 numbers, expected the 4 of this network's labels$/],
    [{ class: 'dog', label: [0, 1, 0, 0] }, PETS, /^got --class and --label, expected one of them$/],
    [{ label: [0, 1, 1e39, 0] }, PETS, /^got --label with 1e\+39, expected numbers that float32 can hold$/],
    [{ class: 'x\ny' }, PETS, /^got --class x\?y, expected [^\n]+$/],
    [{ class: 'x\ny' }, network(0), /^got --class x\?y, but [^\n]+$/],
    [{ class: 'all' }, PETS, /^got --class all, which are 4 classes, expected one$/],
  ])('is refused when it is %j', (choice, labelled, message) => {
    expect(() => chosenLabel(choice, labelled)).toThrow(OptionError);
    expect(() => chosenLabel(choice, labelled)).toThrow(message);
  });
});
