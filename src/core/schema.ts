// What a schema refused, in the words of every other error: got X, expected Y.

import type { z } from 'zod';
import { oneLine } from './errors.ts';

/** The first fault that a schema found in a value. */
export interface Fault {
  /** Keys that lead to it, joined by dots; '' for the value itself. */
  readonly path: string;
  /** What was there, in short. */
  readonly got: string;
  /** What should have been, for `expected …`. */
  readonly expected: string;
}

/** Describes the first issue of `error`, which `value` raised. */
export function faultOf(error: z.ZodError, value: unknown): Fault {
  const [issue] = error.issues;
  const found = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown>)?.[key], value);
  return {
    path: oneLine(issue.path.join('.'), 100),
    got: issue.code === 'unrecognized_keys' ? oneLine(issue.keys.join(', ')) : shown(found),
    expected: expectation(issue),
  };
}

type Issue = z.ZodError['issues'][number];

function expectation(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return NOUNS[issue.expected] ?? issue.expected;
    case 'too_big':
      return `${issue.inclusive ? 'at most' : 'below'} ${counted(issue.maximum, issue.origin)}`;
    case 'too_small':
      return `${issue.inclusive ? 'at least' : 'above'} ${counted(issue.minimum, issue.origin)}`;
    case 'invalid_value':
      return (issue.values.length > 1 ? 'one of ' : '') + issue.values.join(', ');
    case 'unrecognized_keys':
      return 'no such key';
    case 'invalid_union':
      return issue.errors.map(([first]) => expectation(first)).join(' or ');
    default:
      // A schema's own message says what is expected.
      return issue.message.replace(/^expected /, '');
  }
}

const NOUNS: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
};
const UNITS: Readonly<Record<string, string>> = { string: 'character', array: 'element' };

function counted(count: number | bigint, origin: string): string {
  const unit = UNITS[origin];
  return unit === undefined ? String(count) : `${count} ${unit}${Number(count) === 1 ? '' : 's'}`;
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'string' ? oneLine(value) || 'an empty text' : String(value);
}
