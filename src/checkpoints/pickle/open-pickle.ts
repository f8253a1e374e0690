// Opens the pickle of a published checkpoint: what it holds, and its tensors as float32.

import { FileError, oneLine } from '../../core/errors.ts';
import { numpyArray } from '../../core/pickle/numpy.ts';
import {
  type StoredTensor,
  type StoredType,
  storedTensor,
  toFloat32,
} from '../../core/pickle/stored-tensor.ts';
import { describe, PickleObject, PickleText, type PickleValue } from '../../core/pickle/values.ts';
import { type FloatTensor, sizeOf } from '../../core/tensor.ts';
import { foreignFormat } from './foreign-format.ts';
import { STORAGE_TYPES } from './globals.ts';
import { type PickleFormat, readPickleFile } from './torch-file.ts';

/**
 * What may be converted to float32 in all, in times the file's size. Half precision doubles; a file whose tensors
 * share one storage could fill any memory otherwise.
 */
export const MAX_GROWTH = 4;

/** An opened checkpoint. It keeps the file's bytes, of which tensors are views, until they are converted. */
export class OpenedPickle {
  readonly name: string;
  readonly format: PickleFormat;
  /**
   * What the file holds: see {@link PickleValue}. For NVIDIA's PyTorch files a Map of 'G', 'D', 'G_ema', … with
   * objects of `torch_utils.persistence._reconstruct_persistent_obj` whose `args[0]` is a Map with `type`,
   * `version`, `class_name` and `state`; for TensorFlow files an array of `dnnlib.tflib.network.Network`, whose
   * `state` is a Map with `version`, `static_kwargs`, `variables`, …; for PyTorch's own files what `torch.save` got,
   * state dicts as Maps.
   */
  readonly value: PickleValue;
  /** Bytes that may yet be converted. */
  private left: number;
  /** Storages that are files within the pickle, by their bytes; read at the first use. */
  private readonly embedded = new Map<Uint8Array, TorchStorage>();

  /**
   * Reads the file without running any of it. Copies no tensor: takes at most 32 MiB and the file's size beside it,
   * and hardly anything for real checkpoints.
   * @param bytes the whole file.
   * @param name the file, for errors.
   * @throws FileError, and nothing else, naming what was found at which byte, or the global that was refused.
   */
  constructor(bytes: Uint8Array, name: string) {
    const foreign = foreignFormat(bytes);
    if (foreign !== undefined) throw new FileError(`${name}: got ${foreign}, expected a checkpoint's pickle`);
    const { format, value } = readPickleFile(bytes, name);
    this.name = name;
    this.format = format;
    this.value = value;
    this.left = MAX_GROWTH * bytes.length;
  }

  private where(key: string): string {
    return `${this.name}: ${oneLine(key, 100)}`;
  }

  /**
   * The tensor that a value is: a PyTorch tensor or parameter, a NumPy array or scalar, checked against its storage
   * but left in place. Null when the value is none of these.
   * @param key the tensor's name, for errors.
   * @throws FileError when it is one, but damaged.
   */
  tensor(value: PickleValue | undefined, key: string): StoredTensor | null {
    const where = this.where(key);
    return this.torchTensor(value, where) ?? numpyArray(value, where);
  }

  /**
   * A tensor as float32, row-major, in memory of its own.
   * @param key the tensor's name, for errors.
   * @throws FileError when the value is no tensor, or when more than {@link MAX_GROWTH} times the file's size has
   *   been converted: keep what this returns rather than ask again.
   */
  float32(value: PickleValue | undefined, key: string): FloatTensor {
    const tensor = this.tensor(value, key);
    if (tensor === null) {
      throw new FileError(`${this.where(key)}: got ${describe(value)}, expected a tensor`);
    }
    const { storage } = tensor;
    this.left -= 4 * sizeOf(tensor.shape) + (storage instanceof PickleText ? storage.utf8.length : 0);
    if (this.left < 0) {
      throw new FileError(
        `${this.where(key)}: got tensors of over ${MAX_GROWTH} times the file's size, expected each stored once`,
      );
    }
    const { shape } = tensor;
    return { dtype: 'float32', shape, data: toFloat32(tensor, this.where(key)) };
  }

  private torchTensor(value: PickleValue | undefined, where: string): StoredTensor | null {
    const inner = isCall(value, 'torch._utils._rebuild_parameter') ? value.args[0] : value;
    if (!isCall(inner, 'torch._utils._rebuild_tensor_v2')) return null;
    const [storage, offset, size, stride] = inner.args;
    const { type, bytes } = this.storageOf(storage, where);
    if (typeof offset !== 'number') {
      throw new FileError(`${where}: got ${describe(offset)} as a tensor's offset, expected a number`);
    }
    const shape = numbersOf(size, where);
    const strides = numbersOf(stride, where);
    return storedTensor({ dtype: type, shape, strides, offset, littleEndian: true, storage: bytes }, where);
  }

  private storageOf(value: PickleValue | undefined, where: string): TorchStorage {
    if (!isCall(value, 'torch.storage._load_from_bytes')) return torchStorage(value, where);
    const [content] = value.args;
    if (!(content instanceof Uint8Array)) {
      throw new FileError(
        `${where}: got ${describe(content)} as a storage, expected the bytes of a PyTorch file`,
      );
    }
    const known = this.embedded.get(content);
    if (known !== undefined) return known;
    const storage = torchStorage(readPickleFile(content, `${where} (storage)`).value, where);
    this.embedded.set(content, storage);
    return storage;
  }
}

function isCall(value: PickleValue | undefined, global: string): value is PickleObject {
  return value instanceof PickleObject && value.global === global;
}

/** A tuple of numbers, or a torch.Size of one. */
function numbersOf(value: PickleValue | undefined, where: string): number[] {
  const list = isCall(value, 'torch.Size') ? value.args[0] : value;
  if (Array.isArray(list) && list.every((item) => typeof item === 'number')) return list as number[];
  throw new FileError(`${where}: got ${describe(value)} as a tensor's shape or strides, expected numbers`);
}

interface TorchStorage {
  readonly type: StoredType;
  readonly bytes: Uint8Array;
}

function torchStorage(value: PickleValue | undefined, where: string): TorchStorage {
  const type = value instanceof PickleObject ? STORAGE_TYPES.get(value.global) : undefined;
  if (!(value instanceof PickleObject) || type === undefined || !(value.state instanceof Uint8Array)) {
    throw new FileError(
      `${where}: got ${describe(value)} as a tensor's storage, expected one with its bytes`,
    );
  }
  return { type, bytes: value.state };
}
