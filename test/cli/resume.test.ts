// `stylegan train --resume` as a user meets it: slips, the dry run, and the word for none.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TINY_FLAGS, tinyData } from '../training/tiny-run.ts';
import { runHere, runProgram } from './run-program.ts';

const PICKLE = fileURLToPath(new URL('../fixtures/nvidia-stylegan2-32.pkl', import.meta.url));
let folder: string;
let data: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stylegan-cli-resume-'));
  data = await tinyData(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.each<[string, string | RegExp]>([
  ['--resume nosuch.pkl', 'cannot read nosuch.pkl: no such file or folder'],
  [
    `--resume ${PICKLE} --cfg gan`,
    /^--resume .*: got a stylegan2 of 32x32 images .* in common with this gan of/,
  ],
  ['--freezed 3', '--freezed: got 3 without --resume, expected a network to start from'],
  ['--resume noresume --resume-kimg 5', '--resume-kimg: got 5 without --resume, expected a network'],
  [
    `--resume ${PICKLE} --freezed 5`,
    '--freezed: got 5, expected at most 4: so many layers has the discriminator of this stylegan2 before its last',
  ],
  [
    `--resume ${PICKLE} --resume-kimg 9`,
    '--kimg: got 0.12, expected more than --resume-kimg 9: both count from',
  ],
])('%s is answered in one line', async (args, message) => {
  const outdir = join(folder, 'slip');
  const base = args.includes('--cfg') ? [] : TINY_FLAGS;
  const attempt = runHere('train', '--data', data, '--outdir', outdir, ...base, ...args.split(' '));
  await expect(attempt).rejects.toThrow(message);
  expect(existsSync(outdir)).toBe(false);
});

it('--dry-run prints what would be taken, and what would take more', async () => {
  const args = ['train', '--data', data, ...TINY_FLAGS, '--resume', PICKLE, '--z-dim', '16', '--w-dim', '16'];
  const { code, stdout, stderr } = await runProgram([...args, '--dry-run']);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toContain(
    `\nstarting from ${PICKLE}: stylegan2 of 32x32 images with 3 channels and 0 classes\n`,
  );
  expect(stdout).toMatch(
    /^ {2}G_ema, G: \d+ tensors taken, \d+ new \(.*\), \d+ skipped \(.*synthesis\.b16.*\)$/m,
  );
  expect(stdout).toMatch(/^ {2}more can be taken with the source's --cbase 512 --cmax 16$/m);
  expect(stdout).toMatch(/^ {2}--ema-rampup +none$/m);
  expect(stdout).toMatch(/^ {2}--ada-kimg +100$/m);
});
