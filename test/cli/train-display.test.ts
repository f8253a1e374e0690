// The line of a tick says what there is to say of a run, and no more.

import { expect, test } from 'vitest';
import { formatProgress } from '../../src/cli/train-display.ts';

const PROGRESS = {
  kimg: 12,
  totalKimg: 100,
  tick: 3,
  lod: 0,
  seconds: 90,
  secPerKimg: 7.5,
  secondsLeft: 660,
  memoryMB: 400,
  isTick: true,
};
const SIGNS = { 'Loss/signs/real': 0.625, 'Loss/signs/fake': -0.5 };

test.each([
  ['adaptive', { 'Progress/augment': 0.12345 }, '  signs real 0.63 fake -0.50  p 0.123  drift '],
  ['none', {}, '  signs real 0.63 fake -0.50  drift '],
])('augmentation: %s', (_name, stats, expected) => {
  expect(formatProgress({ ...PROGRESS, stats: { ...SIGNS, ...stats } })).toContain(expected);
});
