// What reading costs: memory by the budget that is stated, and time in proportion, whatever the pickle does.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { FileError } from '../../../src/core/errors.ts';
import { BASE_BUDGET, type GlobalKind } from '../../../src/core/pickle/machine.ts';
import { readPickle } from '../../../src/core/pickle/read-pickle.ts';
import type { PickleValue } from '../../../src/core/pickle/values.ts';
import { join, le, raw } from './assemble.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const globals = new Map<string, GlobalKind>([
  ['a.B', 'object'],
  ['a.D', 'dict'],
]);
const read = (bytes: Uint8Array): PickleValue => readPickle(bytes, 'f.pkl', { globals }).value;

/** Bytes on V8's heap and in buffers that stay taken by what `make` returns. */
function retained(make: () => unknown): number {
  const used = () => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = used();
  const value = make();
  const after = used();
  return value === undefined ? 0 : after - before;
}

describe('values keep to the budget that is stated', () => {
  it.each([
    ['dicts', '}'],
    ['sets', '\x8f'],
    ['lists', ']'],
    ['lists of one', ']Na'],
    ['tuples of three', 'NNN\x87'],
    ['dicts of one', '}NNs'],
    ['objects', 'ca\nB\n)R}b'],
    ['dicts by call', 'ca\nD\n)R'],
    ['short text', 'X\x03\x00\x00\x00\xe2\x82\xac'],
    ['short strings', 'U\x03abc'],
    ['bytes', 'C\x01a'],
    ['doubles', `G${'\x01'.repeat(8)}`],
    ['long integers', `\x8a\x09${'\x01'.repeat(9)}`],
    ['memos', ']\x94'],
  ])('%s', (_, item) => {
    const bytes = join('](', item.repeat(10_000), 'e.');
    let cost = 0;
    const taken = retained(() => {
      const result = readPickle(bytes, 'f.pkl', { globals });
      cost = result.cost;
      return result;
    });
    expect(taken).toBeLessThan(cost);
    expect(cost).toBeLessThan(BASE_BUDGET);
  });
});

const MEGABYTE = 2 ** 20;

describe('files made to hurt end at once', () => {
  const numbers = (count: number, stride: number) =>
    join(
      '}(',
      ...Array.from({ length: count }, (_, i) => join('J', le((i * stride) % 2 ** 31, 4), 'N')),
      'u.',
    );

  it.each<[string, () => Uint8Array]>([
    ['a megabyte of dicts', () => raw(`${'}'.repeat(MEGABYTE)}.`)],
    ['a megabyte of marks', () => raw(`${'('.repeat(2 * MEGABYTE)}.`)],
    ['deep nesting', () => raw(`${'('.repeat(MEGABYTE / 4)}${'t'.repeat(MEGABYTE / 4)}.`)],
    ['deep nesting by append', () => raw(`${']'.repeat(MEGABYTE / 4)}${'a'.repeat(MEGABYTE / 4 - 1)}.`)],
    ['lists that double', () => raw(`]q\x00N${'a(h\x00h\x00lq\x00N'.repeat(100_000)}.`)],
    ['a list extended by itself', () => raw(`]q\x00${`(${'h\x00'.repeat(1000)}e`.repeat(300)}.`)],
    [
      'a dict copied over and over',
      () => {
        const dict = `ca\nD\nq\x00}(${Array.from({ length: 200 }, (_, i) => `K${String.fromCharCode(i)}N`).join('')}uq\x01`;
        return raw(`${dict}${'h\x00h\x01\x85R0'.repeat(10_000)}.`);
      },
    ],
    [
      'long text decoded by names',
      () => raw(`X\xe8\x03\x00\x00${'a'.repeat(1000)}q\x00${'h\x00h\x00\x93'.repeat(1000)}.`),
    ],
    ['keys that collide', () => numbers(30_000, 2 ** 16)],
    [
      'memo gaps',
      () => join('N', ...Array.from({ length: 10_000 }, (_, i) => join('r', le(64 * i, 4))), '.'),
    ],
    ['long lines', () => raw(`${`V${'a'.repeat(MEGABYTE / 8)}\n0`.repeat(20)}N.`)],
    ['escapes', () => raw(`S'${'\\x41'.repeat(50_000)}'\n.`)],
    ['random bytes', () => Uint8Array.from({ length: MEGABYTE }, (_, i) => (i * 2654435761) >>> 13)],
  ])('%s', (_, make) => {
    const bytes = make();
    const start = process.cpuUsage();
    let peak = 0;
    try {
      peak = retained(() => read(bytes));
    } catch (error) {
      expect(error).toBeInstanceOf(FileError);
      expect((error as Error).message).not.toContain('\n');
    }
    expect(peak).toBeLessThan(BASE_BUDGET + bytes.length);
    const { user, system } = process.cpuUsage(start);
    expect(user + system).toBeLessThan(3e6); // microseconds
  });
});
