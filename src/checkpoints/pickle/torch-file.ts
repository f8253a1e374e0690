// PyTorch's files: a zip of a pickle and its storages, or the older row of pickles with the storages behind.

import { FileError, oneLine } from '../../core/errors.ts';
import { type PickleResult, readPickle } from '../../core/pickle/read-pickle.ts';
import { elementBytes } from '../../core/pickle/stored-tensor.ts';
import { describe, PickleGlobal, PickleObject, type PickleValue } from '../../core/pickle/values.ts';
import { storedBytes, zipDirectory } from '../../core/zip.ts';
import { CHECKPOINT_GLOBALS, STORAGE_TYPES } from './globals.ts';

/** First pickle of the older layout, which tells it from any other. */
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_VERSION = 1001;

/** `pickle`: a plain one, not of PyTorch's own making, such as NVIDIA's. */
export type PickleFormat = 'pickle' | 'torch-zip' | 'torch-legacy';

export interface PickleFile {
  readonly format: PickleFormat;
  /**
   * What the file holds. Storages of PyTorch's layouts are objects with the storage's class as `global` and its raw
   * bytes, a view of the file, as `state`.
   */
  readonly value: PickleValue;
}

/**
 * Reads a checkpoint's pickle in whichever layout it has; see {@link readPickle} for bounds. Tensors stay where they
 * are.
 * @param name the file, for errors.
 * @throws FileError, and nothing else.
 */
export function readPickleFile(bytes: Uint8Array, name: string): PickleFile {
  if (isZip(bytes)) return { format: 'torch-zip', value: readZipLayout(bytes, name) };
  const first = readPickle(bytes, name, { globals: CHECKPOINT_GLOBALS });
  if (first.value !== LEGACY_MAGIC) return { format: 'pickle', value: first.value };
  return { format: 'torch-legacy', value: readLegacyLayout(bytes, first.end, name) };
}

/** PK\3\4. */
const isZip = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;

/** Parts of a storage's persistent id: ('storage', class, key, device, elements, view or None). */
interface StorageId {
  readonly type: string;
  readonly key: string;
  readonly view: PickleValue | undefined;
}

function storageId(id: PickleValue, name: string): StorageId {
  const [kind, type, key, , , view] = Array.isArray(id) ? id : [];
  if (kind !== 'storage' || !(type instanceof PickleGlobal) || typeof key !== 'string') {
    throw new FileError(
      `${name}: got the persistent id ${describe(kind ?? id)}, expected a tensor's storage`,
    );
  }
  if (!STORAGE_TYPES.has(type.global)) {
    throw new FileError(
      `${name}: got a storage of ${type.global}, expected one of numbers, as torch.FloatStorage`,
    );
  }
  return { type: type.global, key, view };
}

function readZipLayout(bytes: Uint8Array, name: string): PickleValue {
  const entries = new Map(zipDirectory(bytes, name).map((entry) => [entry.name, entry]));
  const main = [...entries.keys()].find((path) => /^([^/]+\/)?data\.pkl$/.test(path));
  if (main === undefined) {
    throw new FileError(`${name}: got a zip archive without data.pkl, expected one that torch.save wrote`);
  }
  const folder = main.slice(0, -'data.pkl'.length);
  const contentOf = (path: string): Uint8Array => {
    const entry = entries.get(path);
    if (entry !== undefined) return storedBytes(bytes, entry, name);
    throw new FileError(`${name}: got no entry ${oneLine(path)}, expected the storage that its pickle names`);
  };
  if (entries.has(`${folder}byteorder`)) {
    const order = new TextDecoder().decode(contentOf(`${folder}byteorder`).subarray(0, 20));
    if (order !== 'little') throw new FileError(`${name}: got byte order ${oneLine(order)}, expected little`);
  }
  const storages = new Map<string, PickleObject>();
  const persistent = (id: PickleValue): PickleValue => {
    const { type, key } = storageId(id, name);
    return shared(
      storages,
      `${type} ${key}`,
      () => new PickleObject(type, [], contentOf(`${folder}data/${key}`)),
    );
  };
  return readPickle(contentOf(main), `${name}: ${oneLine(main)}`, { globals: CHECKPOINT_GLOBALS, persistent })
    .value;
}

/** What the map holds under a key, made at its first mention. */
function shared<T>(map: Map<string, T>, key: string, make: () => T): T {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

/**
 * Version, platform, the pickle, the keys of its storages, and then for each key a count (8 bytes) and the elements.
 * Storages are filled in when they have been found.
 */
function readLegacyLayout(bytes: Uint8Array, start: number, name: string): PickleValue {
  const next = (at: number): PickleResult => readPickle(bytes, name, { globals: CHECKPOINT_GLOBALS }, at);
  const version = next(start);
  if (version.value !== LEGACY_VERSION) {
    throw new FileError(
      `${name}: got version ${describe(version.value)} of PyTorch's older layout, expected ${LEGACY_VERSION}`,
    );
  }
  const platform = next(version.end);
  if (platform.value instanceof Map && platform.value.get('little_endian') === false) {
    throw new FileError(`${name}: got storages of big-endian byte order, expected little-endian`);
  }
  const storages = new Map<string, PickleObject>();
  const views: { readonly object: PickleObject; readonly key: string; readonly view: PickleValue[] }[] = [];
  const persistent = (id: PickleValue): PickleValue => {
    const { type, key, view } = storageId(id, name);
    const storage = shared(storages, key, () => new PickleObject(type, []));
    if (storage.global !== type)
      throw new FileError(`${name}: got storage ${oneLine(key)} of two types, expected one`);
    if (!Array.isArray(view)) return storage;
    const object = new PickleObject(type, []);
    views.push({ object, key, view });
    return object;
  };
  const main = readPickle(bytes, name, { globals: CHECKPOINT_GLOBALS, persistent }, platform.end);
  fillStorages(bytes, next(main.end), storages, name);
  for (const { object, key, view } of views) object.state = viewOf(storages.get(key), view, name);
  return main.value;
}

function fillStorages(
  bytes: Uint8Array,
  { value: keys, end }: PickleResult,
  storages: ReadonlyMap<string, PickleObject>,
  name: string,
): void {
  if (!Array.isArray(keys))
    throw new FileError(`${name}: got ${describe(keys)}, expected the keys of storages`);
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = end;
  for (const key of keys) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (storage === undefined) {
      throw new FileError(`${name}: got storage ${describe(key)}, expected one that its pickle names`);
    }
    const left = bytes.length - at - 8;
    const count = left < 0 ? 0 : Number(data.getBigInt64(at, true));
    const length = count * elementBytes(STORAGE_TYPES.get(storage.global) ?? 'uint8');
    if (!(count >= 0 && length <= left)) {
      throw new FileError(
        `${name}: got ${Math.max(left, 0)} bytes for storage ${describe(key)} at byte ${at}, expected ${length}`,
      );
    }
    storage.state = bytes.subarray(at + 8, at + 8 + length);
    at += 8 + length;
  }
}

/** Part of a storage, as very old files have it: (key, offset, elements). */
function viewOf(storage: PickleObject | undefined, view: readonly PickleValue[], name: string): Uint8Array {
  const [, offset, count] = view;
  const whole = storage?.state;
  if (!(whole instanceof Uint8Array) || typeof offset !== 'number' || typeof count !== 'number') {
    throw new FileError(`${name}: got a part of a storage as ${describe(offset)}, expected offset and size`);
  }
  const width = elementBytes(STORAGE_TYPES.get(storage?.global ?? '') ?? 'uint8');
  return whole.subarray(Math.max(0, offset) * width, Math.max(0, offset + count) * width);
}
