// What a parity check is: it recomputes the tensors of a reference file and says how far off each one is.

import type { SafetensorsFile } from '../../src/checkpoints/safetensors.ts';
import type { Tensor } from '../../src/core/tensor.ts';

export const VALUE_LIMIT = 1e-4;
export const GRADIENT_LIMIT = 1e-3;

export interface Deviation {
  readonly name: string;
  /** Largest absolute difference, relative to the reference's largest element. Infinity for NaN or another length. */
  readonly error: number;
  readonly limit: number;
}

/** Recomputes everything that the file at `path` pins down; one deviation for each reference tensor compared. */
export type ParityCheck = (
  file: SafetensorsFile,
  path: string,
) => AsyncIterable<Deviation> | Iterable<Deviation>;

/** Compares `got` with the reference tensor called `name`; names that start with `grad.` have the wider limit. */
export function compare(name: string, got: ArrayLike<number>, reference: Tensor): Deviation {
  const limit = name.startsWith('grad.') ? GRADIENT_LIMIT : VALUE_LIMIT;
  return { name, error: relativeError(got, reference.data), limit };
}

function relativeError(got: ArrayLike<number>, reference: ArrayLike<number | bigint>): number {
  if (got.length !== reference.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  let difference = 0;
  for (let i = 0; i < got.length; i++) {
    const expected = Number(reference[i]);
    const distance = Math.abs(got[i] - expected);
    if (Number.isNaN(distance)) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, distance);
    largest = Math.max(largest, Math.abs(expected));
  }
  // All zero: nothing to be relative to.
  return largest === 0 ? difference : difference / largest;
}
