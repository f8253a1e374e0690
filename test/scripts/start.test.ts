// `npm start` in a folder of its own: a short run on few faces.

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeFolder } from '../../src/core/files.node.ts';
import { prepareDataset } from '../../src/data/prepare.node.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/start.ts', import.meta.url));
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stylegan-start-'));
  await makeFolder(join(folder, 'data'));
  await prepareDataset('faces', join(folder, 'data/faces-32.zip'), { resolution: 32, maxImages: 40 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start(...args: string[]): Promise<string> {
  const tsx = import.meta.resolve('tsx');
  const run = await promisify(execFile)(process.execPath, ['--import', tsx, SCRIPT, ...args], {
    cwd: folder,
  });
  return run.stdout;
}

test('npm start runs what package.json says', () => {
  const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  // Started by the tsx program instead, Ctrl-C would kill the run before it could save itself.
  expect(scripts.start).toBe('node --import tsx scripts/start.ts');
});

test('trains and makes the pictures', async () => {
  const output = await start('--kimg', '0.03');
  expect(output).toContain('0.032 kimg trained');
  const size = async (name: string) => {
    const {
      width,
      pageHeight,
      height,
      pages = 1,
    } = await sharp(join(folder, 'out/first', name), {
      animated: true,
    }).metadata();
    return [width, pageHeight ?? height, pages];
  };
  expect(await size('grid.png')).toEqual([8 * 128, 5 * 128, 1]);
  expect(await size('mix.png')).toEqual([8 * 128, 5 * 128, 1]);
  expect(await size('interpolation.webp')).toEqual([4 * 128, 2 * 128, 96]);
});
