// Writes files as PyTorch does, of both layouts, from hand-assembled pickles.

import { StoredZipWriter } from '../../../src/core/zip.ts';
import {
  call,
  dict,
  type Item,
  join,
  le,
  list,
  named,
  Piece,
  pickle,
  push,
  raw,
} from '../../core/pickle/assemble.ts';

export interface Storage {
  /** `FloatStorage`. */
  readonly type: string;
  readonly elements: number;
  readonly data: Uint8Array;
}

export type Storages = Record<string, Storage>;

/** What stands in the pickle for a storage. */
export const storage = ({ type, elements }: Storage, key: string, ...view: Item[]): Piece =>
  new Piece(join(push(['storage', named(`torch.${type}`), key, 'cpu', elements, ...view]), 'Q'));

export const tensor = (from: Item, offset: number, shape: number[], strides: number[]): Piece =>
  call(
    'torch._utils._rebuild_tensor_v2',
    from,
    offset,
    shape,
    strides,
    false,
    call('collections.OrderedDict'),
  );

export const parameter = (data: Item): Piece =>
  call('torch._utils._rebuild_parameter', data, true, call('collections.OrderedDict'));

export function legacyFile(value: Item, storages: Storages, keys = Object.keys(storages)): Uint8Array {
  return join(
    '\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.',
    pickle(1001),
    pickle(dict({ protocol_version: 1001, little_endian: true })),
    pickle(value),
    pickle(list(...keys)),
    ...keys.flatMap((key) => [le(storages[key].elements, 8), storages[key].data]),
  );
}

export async function zipFile(
  value: Item,
  storages: Storages,
  extra: Record<string, string> = {},
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const writer = new StoredZipWriter(async (bytes) => {
    chunks.push(bytes);
  });
  await writer.add('archive/data.pkl', pickle(value));
  for (const [key, { data }] of Object.entries(storages)) await writer.add(`archive/data/${key}`, data);
  for (const [name, text] of Object.entries(extra)) await writer.add(`archive/${name}`, raw(text));
  await writer.finish();
  return join(...chunks);
}

/** A storage as NVIDIA's pickles hold it: a file of the older layout, as bytes. */
export const embedded = (of: Storage): Piece =>
  call('torch.storage._load_from_bytes', legacyFile(storage(of, '7'), { 7: of }));
