// Means between two ticks, also over a resume.

import { expect, it } from 'vitest';
import { Statistics } from '../../src/training/statistics.ts';

it('gives means of what was added since the last reset', () => {
  const statistics = new Statistics();
  for (const value of [1, 2, 6]) statistics.add('a', value);
  statistics.add('b', -1);
  expect(statistics.means()).toEqual({ a: 3, b: -1 });
  statistics.reset();
  expect(statistics.means()).toEqual({});
  statistics.add('a', 4);
  expect(statistics.means()).toEqual({ a: 4 });
});

it('goes on from a snapshot, of which it is independent', () => {
  const statistics = new Statistics();
  statistics.add('a', 1);
  const snapshot = JSON.parse(JSON.stringify(statistics.snapshot()));
  const resumed = new Statistics();
  resumed.restore(snapshot);
  resumed.add('a', 3);
  statistics.add('a', 3);
  expect(resumed.means()).toEqual(statistics.means());
  expect(snapshot).toEqual([['a', { sum: 1, count: 1 }]]);
});
