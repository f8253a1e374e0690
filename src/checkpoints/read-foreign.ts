// Tells checkpoints of other tools apart by their content, and reads them.

import { FileError } from '../core/errors.ts';
import { describe } from '../core/pickle/values.ts';
import type { ForeignFile } from './foreign.ts';
import { OpenedPickle } from './pickle/open-pickle.ts';
import { isPyTorchPickle, readPyTorchPickle } from './pytorch-pickle.ts';
import { readStateDicts } from './state-dicts.ts';
import { isTensorFlowPickle, readTensorFlowPickle } from './tensorflow-pickle.ts';

/**
 * Whether a file is safetensors, by its first 9 bytes: the length of a header, which is JSON. Everything else is taken
 * for a pickle of some kind, whose reader says what it found instead.
 */
export function isSafetensors(start: Uint8Array): boolean {
  if (start.length < 9) return true; // too short for anything; the reader of safetensors says so
  const length = new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true);
  return start[8] === '{'.charCodeAt(0) && length < 2n ** 40n;
}

/**
 * Reads a pickle or a file of PyTorch: nothing in it is run, and tensors stay in `bytes` until they are asked for.
 * `name` names it in errors. Throws {@link FileError}, where it holds no networks that are known, too.
 */
export function readForeign(bytes: Uint8Array, name: string): ForeignFile {
  const opened = new OpenedPickle(bytes, name);
  if (isPyTorchPickle(opened.value)) return readPyTorchPickle(opened);
  if (isTensorFlowPickle(opened.value)) return readTensorFlowPickle(opened);
  const stateDicts = readStateDicts(opened);
  if (stateDicts !== null) return stateDicts;
  throw new FileError(
    `${name}: got ${describe(opened.value)}, expected the networks of a published StyleGAN, ProGAN, or StyleGAN2 state dicts`,
  );
}
