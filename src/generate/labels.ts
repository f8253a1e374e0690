// Class labels as networks take them, and the classes that people name.

import { OptionError, oneLine } from '../core/errors.ts';
import type { Network } from './network.ts';
import { parseNumbers } from './seeds.ts';

/** Most names that an error lists. */
const LISTED = 20;

/**
 * Labels c [count, cDim], each the one-hot vector of class `index`; null for a network without labels
 * (cDim 0). Throws OptionError when a class is missing, not asked for, or out of range.
 */
export function labelsOf(index: number | undefined, cDim: number, count: number): Float32Array | null {
  if (cDim === 0) {
    if (index === undefined) return null;
    throw withoutLabels('--class', index);
  }
  if (index === undefined) {
    throw new OptionError(`this network was trained with labels; choose one with --class 0 to ${cDim - 1}`);
  }
  if (!Number.isInteger(index) || index < 0 || index >= cDim) {
    throw new OptionError(`got --class ${index}, expected a whole number from 0 to ${cDim - 1}`);
  }
  const c = new Float32Array(count * cDim);
  for (let i = 0; i < count; i++) c[i * cDim + index] = 1;
  return c;
}

const withoutLabels = (flag: string, value: unknown) =>
  new OptionError(
    `got ${flag} ${oneLine(String(value))}, but this network was trained without labels; leave ${flag} out`,
  );

/** A network's labels: their size, and their names where they are known. */
export type Labelled = Pick<Network, 'config' | 'labelNames'>;

/** What is never a name: classes that are called so can be had by their numbers. */
const NO_NAME = /^(all|\d+(-\d+)?)$/;

/**
 * Class numbers from a list of numbers, inclusive ranges and names, or `all`: `0-2,blonde` → [0, 1, 2, …]. Numbers,
 * ranges and `all` are always that, also where a class has such a name; of classes with one name it means the first.
 * Repeats are dropped. Throws OptionError, which lists the classes there are.
 */
export function classesOf(text: string, network: Labelled): number[] {
  const { cDim } = network.config;
  if (cDim === 0) throw withoutLabels('--class', text);
  const names = network.labelNames ?? [];
  const classes = (part: string): number[] => {
    if (part === 'all') return Array.from({ length: cDim }, (_, i) => i);
    const numbers = NO_NAME.test(part) ? parseNumbers(part, '--class') : [names.indexOf(part)];
    if (numbers.every((number) => number >= 0 && number < cDim)) return numbers;
    throw new OptionError(`got --class ${oneLine(part)}, expected ${describeClasses(network)}`);
  };
  const parts = text.split(',').map((part) => part.trim());
  // A name may have a comma in it.
  if (names.includes(text) && !parts.every((part) => NO_NAME.test(part))) return [names.indexOf(text)];
  return [...new Set(parts.flatMap(classes))];
}

/** `0 to 9`, or with names `0 "cat", 1 "dog"`. */
function describeClasses({ config, labelNames }: Labelled): string {
  if (labelNames === undefined) return `0 to ${config.cDim - 1}`;
  const listed = labelNames
    .slice(0, LISTED)
    .map((name, index) => `${index} ${JSON.stringify(oneLine(name))}`);
  return `${listed.join(', ')}${labelNames.length > LISTED ? `, … (${labelNames.length} in all)` : ''}`;
}

/** Options of commands that draw with labels. */
export interface LabelChoice {
  /** Classes, as {@link classesOf} reads them. */
  readonly class?: string;
  /** The numbers of a label, for networks that were trained with vectors. */
  readonly label?: readonly number[];
}

/** The number of a class, null for other labels and for none; c [cDim], null without labels. */
export interface ChosenLabel {
  readonly class: number | null;
  /** Made when it is read: those of all classes at once would take the square of their number. */
  readonly c: Float32Array | null;
}

/** The labels that are asked for. Throws OptionError when they do not fit the network, or none is chosen. */
export function chosenLabels(choice: LabelChoice, network: Labelled): ChosenLabel[] {
  const { cDim } = network.config;
  if (choice.label !== undefined) return [{ class: null, c: givenLabel(choice.label, choice, cDim) }];
  if (choice.class !== undefined) {
    return classesOf(choice.class, network).map((index) => ({
      class: index,
      get c() {
        return labelsOf(index, cDim, 1);
      },
    }));
  }
  if (cDim === 0) return [{ class: null, c: null }];
  throw new OptionError(
    `this network was trained with labels; choose one with --class ${describeClasses(network)}`,
  );
}

/** The one label that is asked for, likewise. */
export function chosenLabel(choice: LabelChoice, network: Labelled): ChosenLabel {
  const labels = chosenLabels(choice, network);
  if (labels.length === 1) return labels[0];
  const got = oneLine(choice.class ?? '');
  throw new OptionError(`got --class ${got}, which are ${labels.length} classes, expected one`);
}

function givenLabel(label: readonly number[], choice: LabelChoice, cDim: number): Float32Array {
  if (cDim === 0) throw withoutLabels('--label', label);
  if (choice.class !== undefined) throw new OptionError('got --class and --label, expected one of them');
  if (label.length !== cDim) {
    throw new OptionError(
      `got --label of ${label.length} numbers, expected the ${cDim} of this network's labels`,
    );
  }
  const c = Float32Array.from(label);
  const broken = c.findIndex((value) => !Number.isFinite(value));
  if (broken < 0) return c;
  throw new OptionError(`got --label with ${label[broken]}, expected numbers that float32 can hold`);
}
