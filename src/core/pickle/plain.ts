// Pickled settings as plain data, as JSON would hold them.

import { FileError } from '../errors.ts';
import { numpyScalar } from './numpy.ts';
import { describe, PickleText, type PickleValue, textOf } from './values.ts';

const MAX_PLAIN_VALUES = 100_000;
/** Long texts count as several parts: one that is named often is decoded each time. */
const TEXT_BYTES_PER_PART = 256;
const MAX_PLAIN_DEPTH = 64;

/**
 * A value as JSON would hold it, for checking by a schema and for showing: dicts become objects, sets arrays, NumPy
 * scalars numbers; bytes, classes and other objects become a text in angle brackets that tells what they are.
 * @param name the file, for errors.
 * @throws FileError when the value holds more than 100,000 parts or is nested deeper than 64, as one that holds
 *   itself is.
 */
export function toPlain(value: PickleValue | undefined, name: string): unknown {
  let left = MAX_PLAIN_VALUES;
  const convert = (value: PickleValue | undefined, depth: number): unknown => {
    left -= value instanceof PickleText ? 1 + value.utf8.length / TEXT_BYTES_PER_PART : 1;
    if (left < 0)
      throw new FileError(`${name}: got a value of over ${MAX_PLAIN_VALUES} parts, expected settings`);
    if (depth > MAX_PLAIN_DEPTH) {
      throw new FileError(`${name}: got a value nested over ${MAX_PLAIN_DEPTH} deep, expected settings`);
    }
    if (value === null || value === undefined || typeof value !== 'object') return value;
    if (value instanceof PickleText) return textOf(value) ?? `<${describe(value)}>`;
    if (Array.isArray(value) || value instanceof Set)
      return [...value].map((item) => convert(item, depth + 1));
    if (value instanceof Map) {
      const entries = [...value].map(([key, item]) => [
        textOf(key) ?? describe(key),
        convert(item, depth + 1),
      ]);
      return Object.fromEntries(entries);
    }
    return numpyScalar(value, name) ?? `<${describe(value)}>`;
  };
  return convert(value, 0);
}
