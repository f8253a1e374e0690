// Reads the pickles of the CIFAR archives: dictionaries of strings, numbers, lists and byte arrays, and nothing else.
import { FileError } from '../../core/errors.ts';

/** A NumPy array as pickled: type string (e.g. `u1`), shape and raw row-major bytes. */
export class PickledArray {
  type = '';
  shape: readonly number[] = [];
  data = new Uint8Array(0);
}

/** Python's dict with its keys as strings; byte strings stay bytes. */
export type PlainValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | PlainValue[]
  | PlainDict
  | PickledArray
  | Named;
export interface PlainDict extends Map<string, PlainValue> {}

/** The only names that may be mentioned. Naming one runs nothing: each merely marks what to build here. */
const ALLOWED = new Set(['numpy.core.multiarray _reconstruct', 'numpy ndarray', 'numpy dtype']);

class Named {
  readonly name: string;
  readonly args: PlainValue[];
  constructor(name: string, args: PlainValue[] = []) {
    this.name = name;
    this.args = args;
  }
}

const MARK = Symbol('mark');
type Slot = PlainValue | typeof MARK;

/** Text of a byte string or string, as Python 2 wrote names and keys. */
export function textOf(value: PlainValue | undefined): string {
  return value instanceof Uint8Array ? new TextDecoder('latin1').decode(value) : String(value);
}

/**
 * Interprets a pickle of protocol 2 without running any of it.
 * @throws FileError naming `path` at the first thing that a CIFAR archive does not need.
 */
export function readPlainPickle(bytes: Uint8Array, path: string): PlainValue {
  return new Reader(bytes, path).run();
}

class Reader {
  private readonly bytes: Uint8Array;
  private readonly data: DataView;
  private readonly path: string;
  private readonly stack: Slot[] = [];
  private readonly memo = new Map<number, Slot>();
  private at = 0;

  constructor(bytes: Uint8Array, path: string) {
    this.bytes = bytes;
    this.data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.path = path;
  }

  run(): PlainValue {
    try {
      for (;;) {
        const opcode = String.fromCharCode(this.take(1)[0]);
        if (opcode === '.') return this.pop();
        this.step(opcode);
      }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw this.fail('ends in the middle'); // DataView's complaint
    }
  }

  private fail(what: string): FileError {
    return new FileError(
      `${this.path}: the pickle ${what} (byte ${this.at}), expected the plain data of a CIFAR batch`,
    );
  }

  private take(length: number): Uint8Array {
    if (this.at + length > this.bytes.length) throw this.fail('ends in the middle');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  private u8 = () => this.data.getUint8(this.skip(1));
  private u16 = () => this.data.getUint16(this.skip(2), true);
  private u32 = () => this.data.getUint32(this.skip(4), true);
  private i32 = () => this.data.getInt32(this.skip(4), true);

  private skip(length: number): number {
    this.at += length;
    return this.at - length;
  }

  private line(): string {
    const end = this.bytes.indexOf(10, this.at);
    if (end < 0) throw this.fail('ends in the middle');
    const text = new TextDecoder('latin1').decode(this.bytes.subarray(this.at, end));
    this.at = end + 1;
    return text;
  }

  private pop(): PlainValue {
    const value = this.stack.pop();
    if (value === undefined || value === MARK) throw this.fail('takes from an empty stack');
    return value;
  }

  private popMark(): PlainValue[] {
    const from = this.stack.lastIndexOf(MARK);
    if (from < 0) throw this.fail('has no mark');
    return this.stack.splice(from).slice(1) as PlainValue[];
  }

  private step(opcode: string): void {
    const { stack } = this;
    switch (opcode) {
      case '\x80': // protocol
        if (this.u8() > 2) throw this.fail('is newer than protocol 2');
        return;
      case '(':
        stack.push(MARK);
        return;
      case '}':
        stack.push(new Map() as PlainDict);
        return;
      case ']':
      case ')':
        stack.push([]);
        return;
      case 'N':
        stack.push(null);
        return;
      case '\x88':
      case '\x89':
        stack.push(opcode === '\x88');
        return;
      case 'K':
      case 'M':
      case 'J':
        stack.push(opcode === 'K' ? this.u8() : opcode === 'M' ? this.u16() : this.i32());
        return;
      case 'U':
      case 'T':
        stack.push(this.take(opcode === 'U' ? this.u8() : this.u32()));
        return;
      case 'X':
        stack.push(new TextDecoder().decode(this.take(this.u32())));
        return;
      case 'q':
      case 'r':
        this.memo.set(opcode === 'q' ? this.u8() : this.u32(), stack[stack.length - 1]);
        return;
      case 'h':
      case 'j':
        stack.push(this.recall(opcode === 'h' ? this.u8() : this.u32()));
        return;
      case 'c':
        stack.push(this.named());
        return;
      default:
        this.combine(opcode);
    }
  }

  private recall(key: number): Slot {
    const value = this.memo.get(key);
    if (value === undefined) throw this.fail('recalls what it never stored');
    return value;
  }

  private named(): Named {
    const name = `${this.line()} ${this.line()}`;
    if (!ALLOWED.has(name)) throw this.fail(`names ${name.replace(' ', '.')}, which is not allowed`);
    return new Named(name);
  }

  /** Opcodes that make one value from several. */
  private combine(opcode: string): void {
    const { stack } = this;
    if (opcode === 't') stack.push(this.popMark());
    else if (opcode >= '\x85' && opcode <= '\x87') stack.push(this.popCount(opcode.charCodeAt(0) - 0x84));
    else if (opcode === 'a') this.append([this.pop()]);
    else if (opcode === 'e') this.append(this.popMark());
    else if (opcode === 's') this.setItems(this.popCount(2));
    else if (opcode === 'u') this.setItems(this.popMark());
    else if (opcode === 'R') this.reduce();
    else if (opcode === 'b') this.build();
    else throw this.fail(`has opcode 0x${opcode.charCodeAt(0).toString(16)}`);
  }

  private popCount(count: number): PlainValue[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  private append(items: PlainValue[]): void {
    const list = this.stack[this.stack.length - 1];
    if (!Array.isArray(list)) throw this.fail('appends to what is no list');
    for (const item of items) list.push(item);
  }

  private setItems(pairs: PlainValue[]): void {
    const dict = this.stack[this.stack.length - 1];
    if (!(dict instanceof Map)) throw this.fail('sets items of what is no dictionary');
    for (let i = 0; i + 1 < pairs.length; i += 2) dict.set(textOf(pairs[i]), pairs[i + 1]);
  }

  private reduce(): void {
    const args = this.pop();
    const callee = this.pop();
    if (!(callee instanceof Named) || !Array.isArray(args)) throw this.fail('calls what cannot be called');
    const isArray = callee.name === 'numpy.core.multiarray _reconstruct';
    this.stack.push(isArray ? new PickledArray() : new Named(callee.name, args));
  }

  private build(): void {
    const state = this.pop();
    const target = this.stack[this.stack.length - 1];
    if (target instanceof Named && target.name === 'numpy dtype') return; // byte order and flags, all default
    if (!(target instanceof PickledArray) || !Array.isArray(state))
      throw this.fail('builds what is no array');
    const [, shape, dtype, fortranOrder, data] = state;
    if (!(dtype instanceof Named) || !(data instanceof Uint8Array) || fortranOrder !== false) {
      throw this.fail('holds an array of another layout');
    }
    target.type = textOf(dtype.args[0]);
    target.shape = shape as number[];
    target.data = data as Uint8Array<ArrayBuffer>;
  }
}
