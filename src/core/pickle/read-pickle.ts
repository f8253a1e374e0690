// Reads a pickle: a table of opcodes, each a few steps of the machine.

import { COST, MAX_INTEGER_BYTES, Machine, type PickleOptions } from './machine.ts';
import { latin1Text, type PickleGlobal, type PickleValue, textOf } from './values.ts';

export interface PickleResult {
  readonly value: PickleValue;
  /** Offset of the byte after the pickle. */
  readonly end: number;
  /** What the values take beside the file, in bytes, at most: {@link COST} of each. */
  readonly cost: number;
}

/**
 * Reads the pickle that begins at byte `start`, of protocol 0 to 5. Nothing in it is run: names from the closed list
 * become inert objects, all others are refused. Work is proportional to its length; memory beside `bytes`, of which
 * byte strings and long texts are views, is at most 32 MiB and the size of `bytes`.
 * @param name the file, for errors.
 * @throws FileError, and nothing else, when it is damaged, refused or no pickle at all.
 */
export function readPickle(bytes: Uint8Array, name: string, options: PickleOptions, start = 0): PickleResult {
  const machine = new Machine(bytes, start, name, options);
  for (;;) {
    machine.start = machine.at;
    machine.charge(COST.opcode);
    const opcode = machine.u8();
    if (opcode === STOP) return { value: machine.pop(), end: machine.at, cost: machine.spent };
    const step = STEPS[opcode];
    if (step === undefined) throw machine.fail(`opcode 0x${opcode.toString(16)}`, 'a pickle');
    step(machine);
  }
}

type Step = (machine: Machine) => void;

const STOP = 0x2e;

const code = (letter: string): number => letter.charCodeAt(0);

/** Text of protocol 0: a number in decimal. */
function decimal(machine: Machine, line: Uint8Array): PickleValue {
  const text = latin1Text(line);
  if (!/^[+-]?\d+L?$/.test(text)) throw machine.fail('a malformed integer', 'decimal digits');
  return exact(BigInt(text.replace(/^\+|L$/g, '')));
}

/** A number where it can be one. */
function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Little-endian two's complement. */
function long(machine: Machine, length: number): number | bigint {
  if (length > MAX_INTEGER_BYTES) {
    throw machine.fail(`an integer of ${length} bytes`, `at most ${MAX_INTEGER_BYTES}`);
  }
  const bytes = machine.take(length);
  if (length === 0) return 0;
  machine.charge(COST.text + length);
  let hex = '';
  for (let i = length - 1; i >= 0; i--) hex += bytes[i].toString(16).padStart(2, '0');
  return exact(BigInt.asIntN(8 * length, BigInt(`0x${hex}`)));
}

const SPECIAL_FLOATS: ReadonlyMap<string, number> = new Map([
  ['nan', Number.NaN],
  ['inf', Infinity],
  ['-inf', -Infinity],
]);

function float(machine: Machine): number {
  const text = latin1Text(machine.line());
  const special = SPECIAL_FLOATS.get(text);
  if (special !== undefined) return special;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text))
    throw machine.fail('a malformed float', 'a number');
  return Number(text);
}

/** A string of Python 2 as protocol 0 writes it: quoted, with escapes. */
function quoted(machine: Machine): string {
  const text = machine.latin1(machine.line(machine.remaining));
  const quote = text[0];
  if (text.length < 2 || (quote !== "'" && quote !== '"') || !text.endsWith(quote)) {
    throw machine.fail('a string without quotes', 'a quoted one');
  }
  const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' };
  return text.slice(1, -1).replace(/\\(x[0-9a-f]{2}|[0-7]{1,3}|.)/gi, (_, escaped: string) => {
    if (escaped.length === 3 && escaped[0] === 'x')
      return String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    if (/^[0-7]/.test(escaped)) return String.fromCharCode(Number.parseInt(escaped, 8) & 0xff);
    return escapes[escaped] ?? escaped;
  });
}

/** Unicode text of protocol 0, in Python's raw-unicode-escape. */
function rawUnicode(machine: Machine): string {
  const text = machine.latin1(machine.line(machine.remaining));
  return text.replace(/\\u([0-9a-f]{4})|\\U([0-9a-f]{8})/gi, (whole, short?: string, wide?: string) => {
    const point = Number.parseInt(short ?? wide ?? '', 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}

function globalFromStack(machine: Machine): PickleGlobal {
  const name = textOf(machine.pop());
  const module = textOf(machine.pop());
  if (name === undefined || module === undefined) throw machine.fail('a name that is no string', 'a string');
  return machine.named(module, name);
}

function globalFromLines(machine: Machine): PickleGlobal {
  const module = machine.latin1(machine.line());
  return machine.named(module, machine.latin1(machine.line()));
}

function lineNumber(machine: Machine): number {
  const index = decimal(machine, machine.line());
  return typeof index === 'number' ? index : Number.NaN;
}

/** Literals: what they push. */
const LITERALS: Record<number, (machine: Machine) => PickleValue> = {
  [code('N')]: () => null,
  136: () => true,
  137: () => false,
  [code('I')]: (m) => {
    const line = m.line();
    const text = latin1Text(line);
    return text === '00' || text === '01' ? text === '01' : decimal(m, line);
  },
  [code('L')]: (m) => decimal(m, m.line()),
  [code('J')]: (m) => m.i32(),
  [code('K')]: (m) => m.u8(),
  [code('M')]: (m) => m.u16(),
  138: (m) => long(m, m.u8()),
  139: (m) => long(m, m.u32()),
  [code('F')]: (m) => float(m),
  [code('G')]: (m) => m.f64(),
  // Strings of Python 2 are text or bytes: the short form is read as Latin-1 text, the long one as bytes.
  [code('S')]: (m) => quoted(m),
  [code('U')]: (m) => m.latin1(m.take(m.u8())),
  [code('T')]: (m) => m.view(m.take(m.u32())),
  [code('V')]: (m) => rawUnicode(m),
  [code('X')]: (m) => m.text(m.take(m.u32())),
  140: (m) => m.text(m.take(m.u8())),
  141: (m) => m.text(m.take(m.u64())),
  [code('B')]: (m) => m.view(m.take(m.u32())),
  [code('C')]: (m) => m.view(m.take(m.u8())),
  142: (m) => m.view(m.take(m.u64())),
  150: (m) => m.view(m.take(m.u64())), // bytearray
  [code(']')]: (m) => m.tuple(0),
  [code(')')]: (m) => m.tuple(0),
  [code('}')]: (m) => m.dict([]),
  143: (m) => m.set([]),
};

/** Opcodes that make one value of those on the stack: what they push in their place. */
const MAKERS: Record<number, (machine: Machine) => PickleValue> = {
  [code('l')]: (m) => m.popMark(),
  [code('t')]: (m) => m.popMark(),
  133: (m) => m.tuple(1),
  134: (m) => m.tuple(2),
  135: (m) => m.tuple(3),
  [code('d')]: (m) => m.dict(m.popMark()),
  145: (m) => m.set(m.popMark()), // frozenset
  [code('2')]: (m) => m.top(),
  [code('g')]: (m) => m.get(lineNumber(m)),
  [code('h')]: (m) => m.get(m.u8()),
  [code('j')]: (m) => m.get(m.u32()),
  [code('c')]: (m) => globalFromLines(m),
  147: (m) => globalFromStack(m),
  [code('R')]: (m) => callTop(m),
  129: (m) => callTop(m), // NEWOBJ
  146: (m) => {
    const keywords = m.pop();
    if (!(keywords instanceof Map) || keywords.size > 0) throw m.fail('arguments by keyword', 'none');
    return callTop(m);
  },
  [code('i')]: (m) => m.call(globalFromLines(m), m.popMark()),
  [code('o')]: (m) => {
    const [callee, ...args] = m.popMark();
    return m.call(callee, args);
  },
  [code('P')]: (m) => m.persistent(m.latin1(m.line())),
  [code('Q')]: (m) => m.persistent(m.pop()),
};

function callTop(machine: Machine): PickleValue {
  const args = machine.pop();
  return machine.call(machine.pop(), args);
}

/** Opcodes that push nothing. */
const EFFECTS: Record<number, Step> = {
  128: (m) => {
    const protocol = m.u8();
    if (protocol > 5) throw m.fail(`pickle protocol ${protocol}`, 'at most 5');
  },
  149: (m) => {
    const length = m.u64();
    if (length > m.remaining) throw m.fail(`a frame of ${length} bytes`, `at most ${m.remaining}`);
  },
  [code('(')]: (m) => m.mark(),
  [code('0')]: (m) => m.discard(),
  [code('1')]: (m) => {
    m.popMark();
  },
  [code('p')]: (m) => m.put(lineNumber(m)),
  [code('q')]: (m) => m.put(m.u8()),
  [code('r')]: (m) => m.put(m.u32()),
  148: (m) => m.memoize(),
  [code('a')]: (m) => {
    const item = m.pop();
    m.append(m.top(), [item]);
  },
  [code('e')]: (m) => {
    const items = m.popMark();
    m.append(m.top(), items);
  },
  [code('s')]: (m) => {
    const pair = m.tuple(2);
    m.setItems(m.top(), pair);
  },
  [code('u')]: (m) => {
    const pairs = m.popMark();
    m.setItems(m.top(), pairs);
  },
  144: (m) => {
    const items = m.popMark();
    m.addItems(m.top(), items);
  },
  [code('b')]: (m) => {
    const state = m.pop();
    m.build(m.top(), state);
  },
};

const pushing = ([opcode, make]: [string, (machine: Machine) => PickleValue]) =>
  [Number(opcode), (machine: Machine) => machine.push(make(machine))] as const;

/** By opcode; undefined where there is none, or one for extensions and buffers outside of the file. */
const STEPS: readonly (Step | undefined)[] = (() => {
  const steps = new Array<Step | undefined>(256);
  for (const [opcode, step] of [...Object.entries(LITERALS), ...Object.entries(MAKERS)].map(pushing)) {
    steps[opcode] = step;
  }
  for (const [opcode, step] of Object.entries(EFFECTS)) steps[Number(opcode)] = step;
  return steps;
})();
