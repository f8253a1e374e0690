// Networks among the values of a pickle: tensors that stay in the file until they are read, and settings.

import { toPlain } from '../core/pickle/plain.ts';
import { type PickleDict, PickleObject, type PickleValue, textOf } from '../core/pickle/values.ts';
import type { Shape } from '../core/tensor.ts';
import type { ForeignTensor } from './foreign.ts';
import type { OpenedPickle } from './pickle/open-pickle.ts';

/** Most tensors of one network; a pickle may hold one part many times over. */
const MAX_TENSORS = 20_000;

class PickledTensor implements ForeignTensor {
  readonly dtype = 'float32';
  readonly shape: Shape;
  readonly storedAs: string;
  private readonly read: () => Float32Array;

  constructor(shape: Shape, storedAs: string, read: () => Float32Array) {
    this.shape = shape;
    this.storedAs = storedAs;
    this.read = read;
  }

  get data(): Float32Array {
    return this.read();
  }
}

/** Collects the tensors of one network. */
export class TensorCollector {
  readonly tensors = new Map<string, ForeignTensor>();
  private readonly opened: OpenedPickle;

  constructor(opened: OpenedPickle) {
    this.opened = opened;
  }

  /** Room for another tensor. */
  get hasRoom(): boolean {
    return this.tensors.size < MAX_TENSORS;
  }

  /** Adds the tensor that the value is, if it is one and the name is new. Throws FileError when it is damaged. */
  add(name: string, value: PickleValue | undefined): void {
    if (this.tensors.has(name) || !this.hasRoom) return;
    const stored = this.opened.tensor(value, name);
    if (stored === null) return;
    const read = () => this.opened.float32(value, name).data;
    this.tensors.set(name, new PickledTensor(stored.shape, stored.dtype, read));
  }
}

/** The value of a dict's key; undefined where the value is no dict. */
export function itemOf(value: PickleValue | undefined, key: string): PickleValue | undefined {
  return value instanceof Map ? value.get(key) : undefined;
}

/** Entries of a dict that have text as their key. */
export function* namedItems(value: PickleValue | undefined): Iterable<[string, PickleValue]> {
  if (!(value instanceof Map)) return;
  for (const [key, item] of value as PickleDict) {
    const name = textOf(key);
    if (name !== undefined) yield [name, item];
  }
}

/** Tensors that are entries of a dict, as of PyTorch's state dicts. */
export function dictTensors(
  opened: OpenedPickle,
  value: PickleValue | undefined,
): TensorCollector['tensors'] {
  const collector = new TensorCollector(opened);
  for (const [name, item] of namedItems(value)) collector.add(name, item);
  return collector.tensors;
}

export const isObject = (value: PickleValue | undefined, pattern: RegExp): value is PickleObject =>
  value instanceof PickleObject && pattern.test(value.global);

/** A dict, or the attributes of an object, as plain settings; none where it is neither. */
export function settingsOf(value: PickleValue | undefined, name: string): Record<string, unknown> {
  const dict = value instanceof PickleObject ? value.state : value;
  return dict instanceof Map ? (toPlain(dict, name) as Record<string, unknown>) : {};
}
