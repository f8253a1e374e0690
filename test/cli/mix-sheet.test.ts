// The mixing sheet as a user makes it: sources along the edges, three bands between.

import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tinyGAN, tinyNetwork, tinyStyleGAN } from '../generate/tiny-network.ts';
import { runHere, runProgram } from './run-program.ts';

let folder: string;
let network: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'stylegan-mix-sheet-'));
  network = join(folder, 'tiny.safetensors');
  writeFileSync(network, tinyNetwork());
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Images of 16x16 are shown in cells of 128, with gaps of 4, margins of 8, letters of 14, the first column apart. */
const left = (column: number) => 8 + column * 132 + (column > 0 ? 8 : 0);
const top = (band: number, row: number, rows: number) =>
  8 + 14 + 4 + 128 + band * (16 + 14 + rows * 132) + 16 + 14 + 4 + row * 132;

const cell = async (sheet: string, x: number, y: number): Promise<Uint8Array> =>
  sharp(sheet)
    .extract({ left: x, top: y, width: 128, height: 128 })
    .resize(16, 16, { kernel: 'nearest' })
    .raw()
    .toBuffer();

const picture = async (path: string): Promise<Uint8Array> => sharp(path).raw().toBuffer();

it('shows in each band what mixing those layers gives', async () => {
  const seeds = ['--network', network, '--rows', '7,8', '--cols', '1-3', '--trunc', '0.8', '--device', 'cpu'];
  await runHere('mix', '--sheet', ...seeds, '--outdir', join(folder, 'sheet'));
  expect(readdirSync(join(folder, 'sheet'))).toEqual(['sheet.png']);
  const sheet = join(folder, 'sheet', 'sheet.png');
  expect(await sharp(sheet).metadata()).toMatchObject({
    width: left(3) + 128 + 8,
    height: top(2, 1, 2) + 128 + 8,
  });
  for (const [band, styles] of ['0-1', '2-3', '4-5'].entries()) {
    const out = join(folder, `band${band}`);
    await runHere('mix', ...seeds, '--styles', styles, '--outdir', out);
    for (const [row, a] of [7, 8].entries()) {
      expect(await cell(sheet, left(0), top(band, row, 2))).toEqual(
        await picture(join(out, `${a}-${a}.png`)),
      );
      for (const [column, b] of [1, 2, 3].entries()) {
        const mixed = await cell(sheet, left(column + 1), top(band, row, 2));
        expect(mixed).toEqual(await picture(join(out, `${a}-${b}.png`)));
      }
    }
    expect(await cell(sheet, left(3), 8 + 14 + 4)).toEqual(await picture(join(out, '3-3.png')));
  }
});

it('needs nothing but a network', async () => {
  const out = join(folder, 'alone');
  const { code, stdout, stderr } = await runProgram([
    'mix',
    '--sheet',
    '--network',
    network,
    '--outdir',
    out,
  ]);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toBe(
    'coarse styles (layers 0-1: 4x4)\nmiddle styles (layers 2-3: 8x8)\nfine styles (layers 4-5: 16x16)\n' +
      `wrote ${join(out, 'sheet.png')}\n`,
  );
  expect(await sharp(join(out, 'sheet.png')).metadata()).toMatchObject({
    width: left(5) + 128 + 8,
    height: top(2, 2, 3) + 128 + 8,
  });
});

it('refuses what it cannot show, before writing anything', async () => {
  const out = join(folder, 'refused');
  const run = (...args: string[]) => runHere('mix', '--sheet', '--outdir', out, '--device', 'cpu', ...args);
  await expect(run('--network', network, '--styles', '0-1')).rejects.toThrow(
    'got --styles with --sheet, which shows all styles in three bands; leave one out',
  );
  await expect(run('--network', network, '--rows', '0-999', '--cols', '0-99')).rejects.toThrow(
    /^a sheet of \d+ pictures of 128x128 is over 1 GiB; use fewer --rows or --cols$/,
  );
  const small = join(folder, 'small.safetensors');
  writeFileSync(small, tinyNetwork({ imgResolution: 4, numWs: 2 }));
  await expect(run('--network', small)).rejects.toThrow('with 2 styles, expected at least 3 styles to mix');
  await expect(runHere('noise', '--network', small, '--outdir', out)).rejects.toThrow(
    'got a network of model stylegan2, whose noise layers are of one resolution',
  );
  expect(existsSync(out)).toBe(false);
});

it('mixes StyleGANs, and nothing that has one vector for the whole image', async () => {
  const out = join(folder, 'stylegan');
  const run = (bytes: Uint8Array, ...args: string[]) => {
    const path = join(folder, 'other.safetensors');
    writeFileSync(path, bytes);
    return runHere('mix', '--network', path, '--outdir', out, '--device', 'cpu', ...args);
  };
  const message = 'got a network of model gan with one vector for the whole image, expected at least';
  await expect(run(tinyGAN(), '--sheet')).rejects.toThrow(message);
  await expect(run(tinyGAN(), '--rows', '1', '--cols', '2')).rejects.toThrow(message);
  const plain = tinyStyleGAN({ styles: false, constInput: false, numWs: 1 });
  await expect(run(plain, '--sheet')).rejects.toThrow('got a network of model stylegan with one vector');
  expect(existsSync(out)).toBe(false);
  await run(tinyStyleGAN(), '--sheet', '--rows', '1', '--cols', '2');
  expect(readdirSync(out)).toEqual(['sheet.png']);
});
