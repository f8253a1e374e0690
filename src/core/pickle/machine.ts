// The stack machine that reads a pickle of protocol 0 to 5. It builds values and runs nothing.

import { FileError, oneLine } from '../errors.ts';
import {
  latin1Text,
  MAX_SHORT_TEXT,
  PickleGlobal,
  PickleObject,
  PickleText,
  type PickleValue,
} from './values.ts';

/** Classes and functions that a pickle may name, and how they are read. */
export type PickleGlobals = ReadonlyMap<string, GlobalKind>;

/** What a call makes: an inert object, or one of the containers that Python's own classes derive from. */
export type GlobalKind = 'object' | 'dict' | 'set';

export interface PickleOptions {
  /** The closed list: any other name is refused. */
  readonly globals: PickleGlobals;
  /** What a persistent id stands for; without it such ids are refused. Throws {@link FileError}. */
  readonly persistent?: (id: PickleValue) => PickleValue;
}

/**
 * Memory that reading may take beside the file, by {@link COST}: this many bytes for any file, and as much as the
 * file's size on top. Strings, bytes and arrays need a fraction of it; only files made to hurt come near.
 */
export const BASE_BUDGET = 32 * 2 ** 20;

/** What values take in V8 at most, in bytes, room for growth included. */
export const COST = { opcode: 24, container: 224, item: 24, entry: 72, view: 160, object: 80, text: 48 };

/** Most entries of one dict or set: keys can be chosen to collide, and collisions cost the square. */
const MAX_ENTRIES = 20_000;
/** Memo numbers may skip this many, as some writers do. */
const MAX_MEMO_GAP = 64;
const MAX_LINE = 1000;
/** Longest integer, in bytes. */
export const MAX_INTEGER_BYTES = 255;

/** State of a pickle being read: cursor, stack, marks, memo and the budget. Opcodes work on it. */
export class Machine {
  /** File offset of the opcode at work, for errors. */
  start = 0;
  at: number;
  readonly stack: PickleValue[] = [];
  private readonly bytes: Uint8Array;
  private readonly data: DataView;
  private readonly name: string;
  private readonly options: PickleOptions;
  private readonly marks: number[] = [];
  private readonly memo: (PickleValue | undefined)[] = [];
  /** Bytes charged so far. */
  spent = 0;
  private readonly budget: number;

  constructor(bytes: Uint8Array, at: number, name: string, options: PickleOptions) {
    this.bytes = bytes;
    this.data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
    this.name = name;
    this.options = options;
    this.budget = BASE_BUDGET + bytes.length;
  }

  fail(got: string, expected: string): FileError {
    return new FileError(`${this.name}: got ${got} at byte ${this.start}, expected ${expected}`);
  }

  /** Takes memory from the budget, before it is used. */
  charge(bytes: number): void {
    this.spent += bytes;
    if (this.spent <= this.budget) return;
    throw this.fail('a pickle that grows without end', `at most ${this.budget} bytes of values`);
  }

  /** The next `length` bytes, in place. */
  take(length: number): Uint8Array {
    if (length > this.remaining) {
      throw this.fail(`${this.remaining} more bytes`, `${length}: the file is cut off or damaged`);
    }
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** Bytes after the cursor. */
  get remaining(): number {
    return this.bytes.length - this.at;
  }

  private skip(length: number): number {
    if (length > this.remaining) throw this.fail('the end of the file', 'more of the pickle: it is cut off');
    this.at += length;
    return this.at - length;
  }

  u8 = (): number => this.data.getUint8(this.skip(1));
  u16 = (): number => this.data.getUint16(this.skip(2), true);
  u32 = (): number => this.data.getUint32(this.skip(4), true);
  i32 = (): number => this.data.getInt32(this.skip(4), true);
  /** Lengths beyond 2^53 lose digits, but are refused all the same. */
  u64 = (): number => Number(this.data.getBigUint64(this.skip(8), true));
  f64 = (): number => this.data.getFloat64(this.skip(8), false);

  /** A line of text, as protocol 0 and names have them. */
  line(limit = MAX_LINE): Uint8Array {
    const within = this.bytes.subarray(this.at, this.at + limit + 1);
    const length = within.indexOf(10);
    if (length < 0) throw this.fail('a line without end', `at most ${limit} bytes`);
    this.at += length + 1;
    return within.subarray(0, length);
  }

  latin1(bytes: Uint8Array): string {
    this.charge(COST.text + 2 * bytes.length);
    return latin1Text(bytes);
  }

  text(utf8: Uint8Array): string | PickleText {
    if (utf8.length > MAX_SHORT_TEXT) {
      this.charge(COST.view + COST.object);
      return new PickleText(utf8);
    }
    this.charge(COST.text + 2 * utf8.length);
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(utf8);
  }

  view(bytes: Uint8Array): Uint8Array {
    this.charge(COST.view);
    return bytes;
  }

  push(value: PickleValue): void {
    this.stack.push(value);
  }

  private get floor(): number {
    return this.marks[this.marks.length - 1] ?? 0;
  }

  pop(): PickleValue {
    if (this.stack.length <= this.floor) throw this.fail('an empty stack', 'a value');
    return this.stack.pop() as PickleValue;
  }

  top(): PickleValue {
    if (this.stack.length <= this.floor) throw this.fail('an empty stack', 'a value');
    return this.stack[this.stack.length - 1];
  }

  mark(): void {
    this.marks.push(this.stack.length);
  }

  /** Everything above the last mark. */
  popMark(): PickleValue[] {
    const from = this.marks.pop();
    if (from === undefined) throw this.fail('no mark', 'one');
    this.charge(COST.container + COST.item * (this.stack.length - from));
    return this.stack.splice(from);
  }

  /** POP takes a mark where there is nothing above it. */
  discard(): void {
    if (this.stack.length === this.marks[this.marks.length - 1]) this.marks.pop();
    else this.pop();
  }

  tuple(length: number): PickleValue[] {
    this.charge(COST.container + COST.item * length);
    const items = new Array<PickleValue>(length);
    for (let i = length - 1; i >= 0; i--) items[i] = this.pop();
    return items;
  }

  put(index: number): void {
    const { memo } = this;
    if (!(index >= 0 && index <= memo.length + MAX_MEMO_GAP)) {
      throw this.fail(`memo number ${index}`, `about ${memo.length}, the next one`);
    }
    this.charge(COST.item * Math.max(1, index + 1 - memo.length));
    while (memo.length < index) memo.push(undefined);
    memo[index] = this.top();
  }

  memoize(): void {
    this.put(this.memo.length);
  }

  get(index: number): PickleValue {
    const value = this.memo[index];
    if (value === undefined) throw this.fail(`memo number ${index}`, 'one that was stored before');
    return value;
  }

  named(module: string, name: string): PickleGlobal {
    const global = `${module}.${name}`;
    if (!this.options.globals.has(global)) {
      throw this.fail(
        `the refused name ${oneLine(global, 100)}`,
        'only names of plain data, arrays and networks',
      );
    }
    this.charge(COST.object);
    return new PickleGlobal(global);
  }

  /** What `callee(*args)` stands for. */
  call(callee: PickleValue, args: PickleValue): PickleValue {
    if (!(callee instanceof PickleGlobal))
      throw this.fail('a call of what is no class', 'a class or function');
    if (!Array.isArray(args)) throw this.fail('a call without a tuple of arguments', 'one');
    const kind = this.options.globals.get(callee.global);
    if (kind === 'dict') return this.dict(this.pairsOf(args[0]));
    if (kind === 'set') return this.set(Array.isArray(args[0]) ? args[0] : []);
    this.charge(COST.object);
    return new PickleObject(callee.global, args);
  }

  /** Items that a dict is made from: another dict, or a list of pairs. */
  private pairsOf(from: PickleValue | undefined): PickleValue[] {
    if (from instanceof Map) {
      this.charge(COST.container + 2 * COST.item * from.size);
      return [...from].flat();
    }
    if (!Array.isArray(from)) return [];
    this.charge(COST.container + 2 * COST.item * from.length);
    return from.flatMap((pair) => {
      if (Array.isArray(pair) && pair.length === 2) return pair;
      throw this.fail('a dict of other than pairs', 'keys and values');
    });
  }

  dict(pairs: readonly PickleValue[]): PickleValue {
    this.charge(COST.container);
    const dict = new Map<PickleValue, PickleValue>();
    this.setItems(dict, pairs);
    return dict;
  }

  set(items: readonly PickleValue[]): PickleValue {
    this.charge(COST.container);
    const set = new Set<PickleValue>();
    this.addItems(set, items);
    return set;
  }

  append(list: PickleValue, items: readonly PickleValue[]): void {
    if (!Array.isArray(list)) throw this.fail('items for what is no list', 'a list');
    this.charge(COST.item * items.length);
    for (const item of items) list.push(item);
  }

  setItems(dict: PickleValue, pairs: readonly PickleValue[]): void {
    if (!(dict instanceof Map)) throw this.fail('entries for what is no dict', 'a dict');
    if (pairs.length % 2 !== 0) throw this.fail('a key without a value', 'pairs');
    this.charge((COST.entry * pairs.length) / 2);
    for (let i = 0; i < pairs.length; i += 2) {
      dict.set(pairs[i], pairs[i + 1]);
      this.checkSize(dict.size);
    }
  }

  addItems(set: PickleValue, items: readonly PickleValue[]): void {
    if (!(set instanceof Set)) throw this.fail('members for what is no set', 'a set');
    this.charge(COST.entry * items.length);
    for (const item of items) {
      set.add(item);
      this.checkSize(set.size);
    }
  }

  private checkSize(entries: number): void {
    if (entries > MAX_ENTRIES) {
      throw this.fail(`over ${MAX_ENTRIES} entries in one dict or set`, 'fewer');
    }
  }

  /** Sets attributes. Those of a dict (the metadata of a state dict) mean nothing here. */
  build(target: PickleValue, state: PickleValue): void {
    if (target instanceof PickleObject) target.state = state;
    else if (!(target instanceof Map)) throw this.fail('attributes for what has none', 'an object');
  }

  persistent(id: PickleValue): PickleValue {
    if (this.options.persistent === undefined) {
      throw this.fail('a persistent id', 'none outside of a PyTorch file');
    }
    this.charge(COST.object + COST.view);
    return this.options.persistent(id);
  }
}
