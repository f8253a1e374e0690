// Writes pickles: the values that a published checkpoint is made of, and tensors as PyTorch stores them inside one.

import { type FloatTensor, stridesOf } from '../../core/tensor.ts';

/** What can be written. A number is a Python int; floats, tuples, dicts and calls are marked. */
export type Item = null | boolean | number | string | Uint8Array | readonly Item[] | Marked;

type Entries = readonly (readonly [string, Item])[];

type Marked =
  | { readonly float: number }
  | { readonly tuple: readonly Item[] }
  | { readonly dict: Entries }
  | { readonly ordered: Entries }
  | { readonly emptySet: true }
  | { readonly global: string }
  /** The call of `global` ("module name") with `args`. */
  | { readonly call: string; readonly args: readonly Item[] }
  /** A reference that the reader resolves: PyTorch's storages. */
  | { readonly persistent: Item }
  | { readonly storage: Float32Array };

/** Protocol of PyTorch's own pickles, and of the whole file. */
const INNER_PROTOCOL = 2;
const PROTOCOL = 4;

const PROTO = 0x80;
const STOP = 0x2e; // .
const NONE = 0x4e; // N
const TRUE = 0x88;
const FALSE = 0x89;
const BININT = 0x4a; // J
const BINFLOAT = 0x47; // G
const BINUNICODE = 0x58; // X
const BINBYTES = 0x42; // B
const MARK = 0x28; // (
const TUPLE = 0x74; // t
const EMPTY_LIST = 0x5d; // ]
const APPENDS = 0x65; // e
const EMPTY_DICT = 0x7d; // }
const SETITEMS = 0x75; // u
const EMPTY_SET = 0x8f;
const GLOBAL = 0x63; // c
const REDUCE = 0x52; // R
const BINPERSID = 0x51; // Q

/** Collects opcodes; large arrays become chunks of their own, which are not copied. */
class Writer {
  readonly chunks: Uint8Array[] = [];
  private pending: number[] = [];

  byte(...bytes: number[]): void {
    this.pending.push(...bytes);
  }

  uint32(value: number): void {
    this.byte(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24);
  }

  bytes(data: Uint8Array): void {
    this.flush();
    this.chunks.push(data);
  }

  flush(): void {
    if (this.pending.length > 0) this.chunks.push(Uint8Array.from(this.pending));
    this.pending = [];
  }

  sequence(items: readonly Item[], end: number): void {
    this.byte(MARK);
    for (const item of items) write(this, item);
    this.byte(end);
  }

  entries(entries: Entries): void {
    if (entries.length > 0) this.sequence(entries.flat(), SETITEMS);
  }

  global(name: string): void {
    const [module, attribute] = name.split(' ');
    this.byte(GLOBAL);
    this.bytes(new TextEncoder().encode(`${module}\n${attribute}\n`));
  }
}

function write(to: Writer, item: Item): void {
  if (item === null) to.byte(NONE);
  else if (typeof item === 'boolean') to.byte(item ? TRUE : FALSE);
  else if (typeof item === 'number') writeInt(to, item);
  else if (typeof item === 'string') writeBytes(to, BINUNICODE, [new TextEncoder().encode(item)]);
  else if (item instanceof Uint8Array) writeBytes(to, BINBYTES, [item]);
  else if (isList(item)) {
    to.byte(EMPTY_LIST);
    if (item.length > 0) to.sequence(item, APPENDS);
  } else writeMarked(to, item);
}

const isList = (item: readonly Item[] | Marked): item is readonly Item[] => Array.isArray(item);

function writeInt(to: Writer, value: number): void {
  if (!Number.isInteger(value) || Math.abs(value) >= 2 ** 31) throw new RangeError(`no 32-bit int: ${value}`);
  to.byte(BININT);
  to.uint32(value);
}

function writeBytes(to: Writer, opcode: number, chunks: readonly Uint8Array[]): void {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  if (length >= 2 ** 32) throw new RangeError(`got ${length} bytes in one value, expected less than 4 GiB`);
  to.byte(opcode);
  to.uint32(length);
  for (const chunk of chunks) to.bytes(chunk);
}

function writeMarked(to: Writer, item: Marked): void {
  if ('float' in item) {
    to.byte(BINFLOAT);
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, item.float);
    to.bytes(bytes);
  } else if ('tuple' in item) to.sequence(item.tuple, TUPLE);
  else if ('dict' in item) {
    to.byte(EMPTY_DICT);
    to.entries(item.dict);
  } else if ('ordered' in item) {
    write(to, { call: 'collections OrderedDict', args: [] });
    to.entries(item.ordered);
  } else if ('emptySet' in item) to.byte(EMPTY_SET);
  else if ('global' in item) to.global(item.global);
  else if ('call' in item) {
    to.global(item.call);
    to.sequence(item.args, TUPLE);
    to.byte(REDUCE);
  } else if ('persistent' in item) {
    write(to, item.persistent);
    to.byte(BINPERSID);
  } else writeBytes(to, BINBYTES, storageFile(item.storage));
}

function pickle(item: Item, protocol: number): Uint8Array[] {
  const writer = new Writer();
  writer.byte(PROTO, protocol);
  write(writer, item);
  writer.byte(STOP);
  writer.flush();
  return writer.chunks;
}

/** A pickle of the value, in chunks. Tensors' data are not copied. */
export const writePickle = (item: Item): Uint8Array[] => pickle(item, PROTOCOL);

/** PyTorch's first file format: a magic number as a pickle of its own, its version, the machine, then the object. */
const MAGIC = Uint8Array.of(
  PROTO,
  INNER_PROTOCOL,
  0x8a, // LONG1: 10 bytes, the least significant first
  10,
  ...[0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19],
  STOP,
);
const TORCH_VERSION = 1001;
/** Storages are named within their file; each of these files has one. */
const STORAGE_KEY = '0';

/** float32 numbers as `torch.save` of a storage writes them in that format. */
function storageFile(data: Float32Array): Uint8Array[] {
  const machine: Item = {
    dict: [
      ['protocol_version', TORCH_VERSION],
      ['little_endian', true],
      [
        'type_sizes',
        {
          dict: [
            ['short', 2],
            ['int', 4],
            ['long', 4],
          ],
        },
      ],
    ],
  };
  const reference = ['storage', { global: 'torch FloatStorage' }, STORAGE_KEY, 'cpu', data.length, null];
  const count = new Uint8Array(8);
  new DataView(count.buffer).setBigInt64(0, BigInt(data.length), true);
  return [
    MAGIC,
    ...[TORCH_VERSION, machine, { persistent: { tuple: reference } }, [STORAGE_KEY]].flatMap((item) =>
      pickle(item, INNER_PROTOCOL),
    ),
    count,
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  ];
}

const NO_HOOKS: Item = { ordered: [] };

/** A tensor as PyTorch rebuilds it. */
export function tensorItem({ data, shape }: FloatTensor): Item {
  const storage: Item = { call: 'torch.storage _load_from_bytes', args: [{ storage: data }] };
  const args = [storage, 0, { tuple: shape }, { tuple: stridesOf(shape) }, false, NO_HOOKS];
  return { call: 'torch._utils _rebuild_tensor_v2', args };
}

/** A parameter that takes no gradients. */
export const parameterItem = (tensor: FloatTensor): Item => ({
  call: 'torch._utils _rebuild_parameter',
  args: [tensorItem(tensor), false, NO_HOOKS],
});
