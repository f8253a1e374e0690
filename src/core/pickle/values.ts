// What a pickle is read into: plain values, and inert objects that only remember what they would have been.

import { oneLine } from '../errors.ts';

/**
 * A value of a pickle. None is null; int is a number where it is exact, else a bigint; list and tuple are both
 * arrays; dict, OrderedDict and the like are Maps (keys as they came, so `__proto__` is a key like any other); set
 * and frozenset are Sets; str is a string, or a {@link PickleText} when long; bytes are views of the file.
 *
 * Values may share parts and may hold themselves, however deep: look things up by key, or use toPlain (plain.ts), and do not
 * walk them by recursion.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | PickleText
  | Uint8Array
  | PickleValue[]
  | PickleDict
  | Set<PickleValue>
  | PickleGlobal
  | PickleObject;

export interface PickleDict extends Map<PickleValue, PickleValue> {}

/** A string of more than {@link MAX_SHORT_TEXT} bytes, left as UTF-8: arrays of old protocols are stored as such. */
export class PickleText {
  /** A view of the file. */
  readonly utf8: Uint8Array;

  constructor(utf8: Uint8Array) {
    this.utf8 = utf8;
  }

  /** Decodes it anew at every call. */
  toString(): string {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.utf8);
  }
}

/** Longest string decoded at once, in bytes. */
export const MAX_SHORT_TEXT = 1024;

/** A class or function that was mentioned but not called, as in an argument: `torch.FloatStorage`. */
export class PickleGlobal {
  /** Module and name with a dot between: `torch.FloatStorage`. */
  readonly global: string;

  constructor(global: string) {
    this.global = global;
  }
}

/** What would be the result of a call. Nothing was called: it holds what Python would have used. */
export class PickleObject {
  /** Name of the class or function: `argparse.Namespace`, `torch._utils._rebuild_tensor_v2`. */
  readonly global: string;
  /** Positional arguments. */
  readonly args: readonly PickleValue[];
  /** Argument of `__setstate__`, most often a dict of attributes; undefined where none was given. */
  state: PickleValue | undefined;

  constructor(global: string, args: readonly PickleValue[], state?: PickleValue) {
    this.global = global;
    this.args = args;
    this.state = state;
  }
}

/** A character for each byte. (The `latin1` of TextDecoder is another code page, which differs from 0x80 to 0x9f.) */
export function latin1Text(bytes: Uint8Array): string {
  let text = '';
  for (let from = 0; from < bytes.length; from += 4096) {
    text += Reflect.apply(String.fromCharCode, null, bytes.subarray(from, from + 4096));
  }
  return text;
}

/** Longest string that is taken for text, in bytes. */
const MAX_TEXT = 2 ** 20;

/** The string that a value is, long or short; undefined for anything else, and for one of over a megabyte. */
export function textOf(value: PickleValue | undefined): string | undefined {
  if (value instanceof PickleText) return value.utf8.length > MAX_TEXT ? undefined : value.toString();
  return typeof value === 'string' ? value : undefined;
}

/** What to call a value in an error: `None`, `a dict`, `torch.FloatStorage`, `1.5`, `'name'`. */
export function describe(value: PickleValue | undefined): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'None';
  if (typeof value === 'string') return `'${oneLine(value)}'`;
  if (typeof value === 'object') {
    if (value instanceof PickleText) return `a string of ${value.utf8.length} bytes`;
    if (value instanceof Uint8Array) return `${value.length} bytes`;
    if (Array.isArray(value)) return `a list of ${value.length}`;
    if (value instanceof Map) return 'a dict';
    return value instanceof Set ? 'a set' : value.global;
  }
  return String(value).slice(0, 40);
}
