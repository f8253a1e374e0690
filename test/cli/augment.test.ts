// The sheet of augmentations as a user draws it.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileError } from '../../src/core/errors.ts';
import { tinyData } from '../training/tiny-run.ts';
import { runHere, runProgram } from './run-program.ts';

let folder: string;
let data: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stylegan-augment-'));
  data = await tinyData(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sizeOf = async (path: string) => {
  const { width, height, channels } = await sharp(path).metadata();
  return [width, height, channels];
};

describe('augment', () => {
  it('draws all transforms and pipelines, captions to the left', async () => {
    const outdir = join(folder, 'all');
    const { code, stdout, stderr } = await runProgram(['augment', '--data', data, '--outdir', outdir]);
    const path = join(outdir, 'augment.png');
    expect([code, stdout, stderr]).toEqual([0, `wrote ${path}: 8 images, 23 augmentations, p 1\n`, '']);
    expect(readdirSync(outdir)).toEqual(['augment.png']);
    // 9 columns and 24 rows of 64 pixels, gaps of 2, margins of 4; the first column stands off by 4.
    expect(await sizeOf(path)).toEqual([9 * 66 - 2 + 8 + 4, 24 * 66 - 2 + 8, 3]);
  });

  it('draws one pipeline at a strength, the same for the same seed', async () => {
    const sheet = async (name: string, ...args: string[]) => {
      const outdir = join(folder, name);
      const flags = ['--augpipe', 'color', '--p', '0.3', '--images', '2', '--device', 'cpu', ...args];
      await runHere('augment', '--data', data, '--outdir', outdir, ...flags);
      return join(outdir, 'augment.png');
    };
    const first = await sheet('first');
    expect(await sizeOf(first)).toEqual([3 * 66 - 2 + 8 + 4, 7 * 66 - 2 + 8, 3]);
    const again = await sheet('again');
    expect(readFileSync(again).equals(readFileSync(first))).toBe(true);
    const other = await sheet('other', '--seed', '1');
    expect(readFileSync(other).equals(readFileSync(first))).toBe(false);
  });

  it.each([
    ['--p 1.5', /^error: option '--p <p>' argument '1.5' is invalid\. Expected a number from 0 to 1\.\n$/],
    ['--images 1001', /'1001' is invalid\. Expected a whole number from 1 to 1000\.\n$/],
    ['--images 5000000000', /^error: [^\n]* Expected a whole number from 1 to 1000\.\n$/],
    [
      '--augpipe bgx',
      /^error: option '--augpipe <name>' argument 'bgx' is invalid\. Allowed choices are blit, /,
    ],
    ['--data DATA/none.zip', /^error: .*none\.zip[^\n]*\n$/],
  ])('refuses %s in one line', async (flags, message) => {
    const out = join(folder, 'refused');
    const args = ['augment', '--data', data, '--outdir', out, ...flags.replace('DATA', folder).split(' ')];
    const { code, stdout, stderr } = await runProgram(args);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(message);
    expect(existsSync(out)).toBe(false);
  });

  it('finds that there can be no such folder before it computes', async () => {
    const outdir = join(data, 'out'); // in a file
    // Nor could it compute, where there is no such device: which error comes tells the order.
    const flags = ['--data', data, '--outdir', outdir, '--images', '1', '--device', 'cuda'];
    await expect(runHere('augment', ...flags)).rejects.toThrow(FileError);
  });

  it('asks for pictures', async () => {
    const { code, stderr } = await runProgram(['augment']);
    expect([code, stderr]).toEqual([1, "error: required option '--data <source>' not specified\n"]);
  });
});
