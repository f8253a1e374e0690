// Options that several commands share, and parsers that turn their text into checked values.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseNumbers } from '../generate/seeds.ts';

const DEVICES = ['auto', 'cpu', 'webgpu', 'cuda'] as const;
export type Device = (typeof DEVICES)[number];

export function networkOption(): Option {
  return new Option(
    '--network <file>',
    'network: a path, an address (https://…), or a name that "stylegan networks" lists',
  );
}

export function deviceOption(): Option {
  return new Option('--device <name>', 'where to compute').choices(DEVICES).default('auto');
}

/** `--class` of one class, for networks trained with labels. */
export function classOption(): Option {
  return new Option('--class <class>', 'class, by number or name: 2, blonde');
}

/** `--class` of any number of them. */
export function classesOption(): Option {
  return new Option('--class <list>', 'classes, by number or name: 2, or 0-2,blonde, or all');
}

/** For networks trained with vectors, in the place of `--class`. */
export function labelOption(): Option {
  return new Option('--label <numbers>', 'label as a vector: 0.5,0,1').argParser((text) =>
    text.split(',').map(finiteNumber),
  );
}

export function truncOption(): Option {
  return new Option('--trunc <psi>', 'truncation: 1 is none, 0 gives the average image')
    .default(1)
    .argParser(finiteNumber);
}

export function truncCutoffOption(): Option {
  return new Option('--trunc-cutoff <n>', 'truncate only the first n layers').argParser(wholeNumber(0));
}

/** `--NAME <list>` of numbers and ranges, such as 0-35,40. */
export function numbersOption(flag: string, description: string): Option {
  return new Option(`${flag} <list>`, description).argParser((text) => parseNumbers(text, flag));
}

/**
 * Demands that the options be given. Unlike commander's mandatory options it lets an unknown flag be told first,
 * with what was probably meant: `--seed 3` is a slip for `--seeds`, not a missing `--seeds`.
 */
export function requireOptions(command: Command, ...flags: string[]): Command {
  return command.hook('preAction', () => {
    for (const option of command.options) {
      if (flags.includes(option.long ?? '') && command.getOptionValue(option.attributeName()) === undefined) {
        command.error(`error: required option '${option.flags}' not specified`);
      }
    }
  });
}

/** Parser of a whole number of at least `min`, and at most `max`. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      const range = max < Number.MAX_SAFE_INTEGER ? `from ${min} to ${max}` : `of at least ${min}`;
      throw new InvalidArgumentError(`Expected a whole number ${range}.`);
    }
    return value;
  };
}

/** Parser of any finite number. */
export function finiteNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.');
  return value;
}

/** Parser of a number from 0 to 1. */
export function probability(text: string): number {
  const value = finiteNumber(text);
  if (value < 0 || value > 1) throw new InvalidArgumentError('Expected a number from 0 to 1.');
  return value;
}

/** Parser of a grid, columns x rows: `4x2` → [4, 2]. */
export function gridSize(text: string): [columns: number, rows: number] {
  const match = /^([1-9]\d{0,2})x([1-9]\d{0,2})$/.exec(text);
  if (!match) throw new InvalidArgumentError('Expected columns x rows, such as 4x2.');
  return [Number(match[1]), Number(match[2])];
}
