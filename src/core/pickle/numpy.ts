// NumPy's arrays and scalars in a pickle, found among its inert objects.

import { FileError } from '../errors.ts';
import { stridesOf } from '../tensor.ts';
import type { GlobalKind } from './machine.ts';
import { firstElement, type StoredTensor, type StoredType, storedTensor } from './stored-tensor.ts';
import { describe, PickleObject, PickleText, type PickleValue } from './values.ts';

/** What arrays are pickled with. `_core` is NumPy 2's name of `core`; `encode` makes bytes of text in protocol 2. */
export const NUMPY_GLOBALS: readonly (readonly [string, GlobalKind])[] = [
  ['numpy.ndarray', 'object'],
  ['numpy.dtype', 'object'],
  ['_codecs.encode', 'object'],
  ...['numpy.core', 'numpy._core'].flatMap((core) => [
    [`${core}.multiarray._reconstruct`, 'object'] as const,
    [`${core}.multiarray.scalar`, 'object'] as const,
    [`${core}.numeric._frombuffer`, 'object'] as const,
  ]),
];

/** By NumPy's letter and bytes. */
const TYPES: ReadonlyMap<PickleValue | undefined, StoredType> = new Map([
  ['b1', 'bool'],
  ['i1', 'int8'],
  ['u1', 'uint8'],
  ['i2', 'int16'],
  ['u2', 'uint16'],
  ['i4', 'int32'],
  ['u4', 'uint32'],
  ['i8', 'int64'],
  ['u8', 'uint64'],
  ['f2', 'float16'],
  ['f4', 'float32'],
  ['f8', 'float64'],
]);

function isCall(value: PickleValue | undefined, pattern: RegExp): value is PickleObject {
  return value instanceof PickleObject && pattern.test(value.global);
}

/**
 * The array that a value is, in C or Fortran order, of either byte order; a scalar is an array of shape [].
 * Null when it is no NumPy array at all.
 * @param where file and array, for errors.
 * @throws FileError when the array is damaged or of a type without numbers.
 */
export function numpyArray(value: PickleValue | undefined, where: string): StoredTensor | null {
  if (isCall(value, /^numpy\._?core\.multiarray\._reconstruct$/)) {
    const [, shape, dtype, fortran, data] = Array.isArray(value.state) ? value.state : [];
    return array({ shape, dtype, fortran: fortran === true, data }, where);
  }
  if (isCall(value, /^numpy\._?core\.numeric\._frombuffer$/)) {
    const [data, dtype, shape, order] = value.args;
    return array({ shape, dtype, fortran: order === 'F', data }, where);
  }
  if (isCall(value, /^numpy\._?core\.multiarray\.scalar$/)) {
    const [dtype, data] = value.args;
    return array({ shape: [], dtype, fortran: false, data }, where);
  }
  return null;
}

/** The number that a pickled NumPy scalar holds; undefined for anything else. */
export function numpyScalar(value: PickleValue | undefined, where: string): number | undefined {
  const found = isCall(value, /\.scalar$/) ? numpyArray(value, where) : null;
  return found === null ? undefined : firstElement(found, where);
}

interface ArrayParts {
  readonly shape: PickleValue | undefined;
  readonly dtype: PickleValue | undefined;
  readonly fortran: boolean;
  readonly data: PickleValue | undefined;
}

function array({ shape, dtype, fortran, data }: ArrayParts, where: string): StoredTensor {
  if (!Array.isArray(shape) || !shape.every((dim) => typeof dim === 'number')) {
    throw new FileError(`${where}: got ${describe(shape)} as an array's shape, expected whole numbers`);
  }
  const dims = shape as number[];
  const strides = fortran ? stridesOf([...dims].reverse()).reverse() : stridesOf(dims);
  return storedTensor(
    { ...typeOf(dtype, where), shape: dims, strides, offset: 0, storage: dataOf(data, where) },
    where,
  );
}

function typeOf(dtype: PickleValue | undefined, where: string): Pick<StoredTensor, 'dtype' | 'littleEndian'> {
  const name = dtype instanceof PickleObject && dtype.global === 'numpy.dtype' ? dtype.args[0] : undefined;
  const type = TYPES.get(name);
  if (!(dtype instanceof PickleObject) || type === undefined) {
    throw new FileError(`${where}: got an array of type ${describe(name ?? dtype)}, expected numbers`);
  }
  const order = Array.isArray(dtype.state) ? dtype.state[1] : undefined;
  return { dtype: type, littleEndian: order !== '>' };
}

/** Bytes, or what `encode(text, 'latin1')` would give. */
function dataOf(data: PickleValue | undefined, where: string): StoredTensor['storage'] {
  const encoded = isCall(data, /^_codecs\.encode$/);
  if (encoded && data.args[1] !== 'latin1') {
    throw new FileError(`${where}: got data encoded as ${describe(data.args[1])}, expected latin1`);
  }
  const content = encoded ? data.args[0] : data;
  if (content instanceof Uint8Array || content instanceof PickleText || typeof content === 'string')
    return content;
  throw new FileError(`${where}: got ${describe(content)} as an array's data, expected bytes`);
}
