// The pickle machine: every opcode's value, what is refused, and what hostile pickles cost.

import { describe, expect, it } from 'vitest';
import { FileError } from '../../../src/core/errors.ts';
import type { GlobalKind } from '../../../src/core/pickle/machine.ts';
import { toPlain } from '../../../src/core/pickle/plain.ts';
import { readPickle } from '../../../src/core/pickle/read-pickle.ts';
import { PickleObject, PickleText, type PickleValue } from '../../../src/core/pickle/values.ts';
import { call, join, list, pickle, raw } from './assemble.ts';

const globals = new Map<string, GlobalKind>([
  ['collections.OrderedDict', 'dict'],
  ['builtins.set', 'set'],
  ['a.Thing', 'object'],
]);
const read = (bytes: Uint8Array): PickleValue => readPickle(bytes, 'f.pkl', { globals }).value;
const failing = (bytes: Uint8Array | string) =>
  expect(() => read(typeof bytes === 'string' ? raw(bytes) : bytes));

describe('values', () => {
  it.each<[string, string, unknown]>([
    [
      'protocol 0 numbers',
      '(I1\nI-20\nI01\nI00\nL123L\nL-9007199254740993L\nF-1.5e3\nFinf\nt.',
      [...[1, -20, true, false, 123, -9007199254740993n, -1500, Infinity]],
    ],
    ['protocol 0 text', "(S'a\\x41\\n\\''\nS\"q\"\nVx\\u0041\\\\\nt.", ["aA\n'", 'q', 'xA\\\\']],
    [
      'protocol 0 containers',
      "(dp0\nS'k'\np1\n(lp2\nI1\naI2\nasg1\n(g2\ntsg0\n.",
      new Map([['k', [[1, 2]]]]),
    ],
    ['integers', '(K\xffM\x01\x02J\xff\xff\xff\xff\x8a\x00\x8a\x01\x80\x8b\x02\x00\x00\x00\xff\xff.', -1],
    ['long integers', '\x80\x02\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01.', 18446744073709551616n],
    ['a double', 'G\x3f\xf8\x00\x00\x00\x00\x00\x00.', 1.5],
    ['strings of Python 2', '(U\x02\x80\xffT\x02\x00\x00\x00\x80\xfft.', ['\x80\xff', raw('\x80\xff')]],
    [
      'strings',
      '(X\x02\x00\x00\x00\xc3\xa9\x8c\x01a\x8d\x01\x00\x00\x00\x00\x00\x00\x00bt.',
      ['é', 'a', 'b'],
    ],
    [
      'bytes',
      '(B\x01\x00\x00\x00\x01C\x01\x02\x8e\x01\x00\x00\x00\x00\x00\x00\x00\x03t.',
      [...['\x01', '\x02', '\x03'].map(raw)],
    ],
    ['a bytearray', '\x80\x05\x96\x02\x00\x00\x00\x00\x00\x00\x00ab.', raw('ab')],
    ['constants', '(N\x88\x89)]}\x8ft.', [null, true, false, [], [], new Map(), new Set()]],
    ['tuples', '(NN\x85NN\x86NNN\x87t.', [null, [null], [null, null], [null, null, null]]],
    ['lists', '](K\x01K\x02eK\x03a.', [1, 2, 3]],
    [
      'dicts',
      '}(K\x01K\x02uK\x03K\x04s.',
      new Map([
        [1, 2],
        [3, 4],
      ]),
    ],
    ['sets', '(\x8f(K\x01K\x01\x90(K\x02\x91t.', [new Set([1]), new Set([2])]],
    ['an OrderedDict', 'ccollections\nOrderedDict\n)R(K\x01K\x02u}b.', new Map([[1, 2]])],
    ['an OrderedDict of Python 2', 'ccollections\nOrderedDict\n](]K\x01aK\x02ae\x85R.', new Map([[1, 2]])],
    ['a set of protocol 2', 'cbuiltins\nset\n](K\x01e\x85R.', new Set([1])],
    ['a new object', 'ca\nThing\nK\x01\x85\x81}b.', new PickleObject('a.Thing', [1], new Map())],
    ['a new object of protocol 4', '\x8c\x01a\x8c\x05Thing\x93)}\x92.', new PickleObject('a.Thing', [])],
    [
      'objects of protocol 0',
      '((ia\nThing\n(ca\nThing\nK\x01ot.',
      [...[new PickleObject('a.Thing', []), new PickleObject('a.Thing', [1])]],
    ],
    ['the stack moved about', '(K\x01K\x020(K\x03K\x0412t.', [1, 1]],
    ['the memo', '(K\x07q\x00r\x01\x00\x00\x00\x94h\x00j\x02\x00\x00\x00t.', [7, 7, 7]],
    ['frames', '\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00K\x01.', 1],
    ['keys that name a prototype', '}(X\x09\x00\x00\x00__proto__K\x01u.', new Map([['__proto__', 1]])],
  ])('reads %s', (_, text, expected) => {
    expect(read(raw(text))).toEqual(expected);
  });

  it('leaves long text and all bytes where they are', () => {
    const long = 'é'.repeat(1000);
    const bytes = pickle([long, raw('x'.repeat(5000))]);
    const [text, data] = read(bytes) as [PickleText, Uint8Array];
    expect(text).toBeInstanceOf(PickleText);
    expect(text.toString()).toBe(long);
    expect([text.utf8.buffer, data.buffer]).toEqual([bytes.buffer, bytes.buffer]);
  });

  it('become plain data without touching a prototype', () => {
    const value = read(
      pickle(
        new Map([
          ['__proto__', list(1, 'a')],
          ['x', call('a.Thing')],
        ] as never),
      ),
    );
    const plain = toPlain(value, 'f') as Record<string, unknown>;
    expect(Object.keys(plain)).toEqual(['__proto__', 'x']);
    expect(Object.getPrototypeOf(plain)).toBe(Object.prototype);
    expect(plain.x).toBe('<a.Thing>');
  });

  it('are not made plain where they hold themselves or multiply', () => {
    expect(() => toPlain(read(raw(']q\x00h\x00a.')), 'f')).toThrow('f: got a value nested over 64 deep');
    // Each list holds the one before ten times.
    const bomb = join(']', ...Array.from({ length: 9 }, () => 'q\x000](' + 'h\x00'.repeat(10) + 'e'), '.');
    expect(() => toPlain(read(bomb), 'f')).toThrow('f: got a value of over 100000 parts');
    const text = join('](X\x00\x00\x08\x00', 'a'.repeat(2 ** 19), 'q\x00', 'h\x00'.repeat(50), 'e.');
    expect(() => toPlain(read(text), 'f')).toThrow('f: got a value of over 100000 parts');
    const long = join('X\x00\x00\x11\x00', 'a'.repeat(17 * 2 ** 16), '.');
    expect(toPlain(read(long), 'f')).toBe('<a string of 1114112 bytes>');
  });
});

describe('refusals', () => {
  it.each([
    [
      'os.system',
      'cos\nsystem\nX\x02\x00\x00\x00ls\x85R.',
      'f.pkl: got the refused name os.system at byte 0',
    ],
    ['eval', '\x80\x04\x8c\x08builtins\x8c\x04eval\x93.', 'refused name builtins.eval at byte 18'],
    ['INST', '(ios\nsystem\n.', 'refused name os.system at byte 1'],
    ['control characters in names', 'ca\x1b[2J\nb\n.', 'name a?[2J.b'],
    ['calls of values', 'K\x01)R.', 'got a call of what is no class at byte 3'],
    ['calls of results', 'ca\nThing\n)R)R.', 'got a call of what is no class'],
    ['keywords', 'ca\nThing\n)}K\x01K\x02s\x92.', 'got arguments by keyword'],
    ['attributes of lists', ']}b.', 'got attributes for what has none'],
    ['persistent ids', 'K\x01Q.', 'got a persistent id at byte 2'],
    ['extensions', '\x82\x01.', 'got opcode 0x82 at byte 0, expected a pickle'],
    ['newer protocols', '\x80\x06N.', 'got pickle protocol 6 at byte 0, expected at most 5'],
    ['an empty file', '', 'got the end of the file at byte 0'],
    ['no end', 'K\x01', 'got the end of the file at byte 2'],
    ['an empty stack', '.', 'got an empty stack at byte 0'],
    ['values below a mark', 'K\x01(.', 'got an empty stack at byte 3'],
    ['a missing mark', 't.', 'got no mark at byte 0'],
    ['an unknown memo', 'h\x05.', 'got memo number 5 at byte 0'],
    ['a far memo', 'Nr\xff\xff\xff\x7f.', 'got memo number 2147483647 at byte 1'],
    ['a negative memo', 'Np-1\n.', 'got memo number -1'],
    ['odd dicts', '(K\x01d.', 'got a key without a value'],
    ['items for numbers', 'K\x01K\x02a.', 'got items for what is no list'],
    [
      'giant bytes',
      '\x8e\xff\xff\xff\xff\xff\xff\xff\xff.',
      'got 1 more bytes at byte 0, expected 18446744073709552000',
    ],
    ['giant text', 'X\xff\xff\xff\xff.', 'got 1 more bytes at byte 0, expected 4294967295'],
    ['a giant frame', '\x95\xff\xff\xff\xff\x00\x00\x00\x00N.', 'got a frame of 4294967295 bytes'],
    ['giant integers', '\x8b\xff\xff\xff\x7f.', 'got an integer of 2147483647 bytes'],
    ['malformed integers', 'I1x\n.', 'got a malformed integer at byte 0'],
    ['malformed floats', 'F__proto__\n.', 'got a malformed float at byte 0'],
    ['a float named as a method', 'Fconstructor\n.', 'got a malformed float at byte 0'],
    ['unquoted strings', "S'\n.", 'got a string without quotes'],
    ['endless lines', `I${'1'.repeat(2000)}`, 'got a line without end'],
  ])('of %s', (_, text, message) => {
    failing(text).toThrow(FileError);
    failing(text).toThrow(message);
  });
});
