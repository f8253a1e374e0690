// generate, mix, video and info as a user runs them, on a small untrained network.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OptionError } from '../../src/core/errors.ts';
import { picturesOf } from '../../src/generate/image-grid.ts';
import { loadNetwork } from '../../src/generate/load-network.node.ts';
import { latentsOf } from '../../src/generate/seeds.ts';
import { tinyNetwork } from '../generate/tiny-network.ts';
import { runHere, runProgram } from './run-program.ts';

let folder: string;
let network: string;
let labelled: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'stylegan-cli-'));
  network = join(folder, 'tiny.safetensors');
  labelled = join(folder, 'labelled.safetensors');
  writeFileSync(network, tinyNetwork());
  writeFileSync(labelled, tinyNetwork({ cDim: 3, imgChannels: 1 }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command, its output going to the folder that is returned. */
async function into(name: string, ...args: string[]): Promise<string> {
  const path = join(folder, name);
  await runHere(...args, '--outdir', path, '--device', 'cpu');
  return path;
}

const generate = (name: string, ...args: string[]) => into(name, 'generate', '--network', network, ...args);
const mix = (name: string, ...args: string[]) => into(name, 'mix', '--network', network, ...args);
const video = (output: string, ...args: string[]) =>
  runHere('video', '--network', network, '--output', join(folder, output), '--device', 'cpu', ...args);

const pixels = async (...path: string[]): Promise<Uint8Array> =>
  sharp(join(...path))
    .raw()
    .toBuffer();

/** One 16x16 cell of a picture. */
const cell = (path: string, column: number, row: number): Promise<Uint8Array> =>
  sharp(path)
    .extract({ left: column * 16, top: row * 16, width: 16, height: 16 })
    .raw()
    .toBuffer();

/** Largest difference of two pictures, in steps of a byte. */
function difference(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i])), 0);
}

describe('generate', () => {
  it('writes the pictures that the library gives, and a grid of them', async () => {
    const path = join(folder, 'plain');
    const args = ['--network', network, '--seeds', '0-2,7', '--grid', '2x2', '--outdir', path];
    const run = await runProgram(['generate', ...args]);
    expect(run).toEqual({ code: 0, stderr: '', stdout: `wrote 4 pictures to ${path}\n` });
    const names = ['grid.png', 'seed0000.png', 'seed0001.png', 'seed0002.png', 'seed0007.png'];
    expect(readdirSync(path).sort()).toEqual(names);

    const loaded = await loadNetwork(network);
    const [expected] = picturesOf(await loaded.generate(latentsOf([7], 8), null));
    await loaded.close();
    const seven = await pixels(path, 'seed0007.png');
    expect(difference(seven, expected.data)).toBeLessThanOrEqual(1);
    expect(difference(await cell(join(path, 'grid.png'), 1, 1), seven)).toBe(0);
  });

  it('truncates: with --trunc 0 all seeds are the average image, with a cutoff they are not', async () => {
    const all = await generate('trunc', '--seeds', '1,2', '--trunc', '0');
    const some = await generate('cutoff', '--seeds', '1,2', '--trunc', '0', '--trunc-cutoff', '3');
    const between = async (path: string) =>
      difference(await pixels(path, 'seed0001.png'), await pixels(path, 'seed0002.png'));
    expect(await between(all)).toBe(0);
    expect(await between(some)).toBeGreaterThan(5);
  });

  it('has three noise modes, random ones from the seed', async () => {
    const image = async (name: string, mode: string) =>
      pixels(await generate(name, '--seeds', '1', '--noise-mode', mode), 'seed0001.png');
    const constant = await image('const', 'const');
    const random = await image('random', 'random');
    expect(difference(constant, await image('none', 'none'))).toBeGreaterThan(5);
    expect(difference(constant, random)).toBeGreaterThan(5);
    expect(difference(random, await image('again', 'random'))).toBe(0);
  });

  it('takes a class for a network with labels, and writes gray pictures of one channel', async () => {
    const path = await into('class', 'generate', '--network', labelled, '--seeds', '5', '--class', '2');
    expect(await sharp(join(path, 'seed0005.png')).metadata()).toMatchObject({ channels: 1, width: 16 });
  });

  it.each([
    ['a missing class', () => [labelled], /trained with labels; choose one with --class 0 to 2$/],
    ['a class too many', () => [network, '--class', '1'], /trained without labels; leave --class out$/],
    [
      'a small grid',
      () => [network, '--grid', '1x1'],
      /got --grid 1x1 for 2 pictures, expected at least 2 cells/,
    ],
  ])('refuses %s before writing anything', async (name, args, message) => {
    const run = into(name, 'generate', '--seeds', '1,2', '--network', ...args());
    await expect(run).rejects.toThrow(OptionError);
    await expect(run).rejects.toThrow(message);
    expect(readdirSync(folder)).not.toContain(name);
  });
});

describe('mix', () => {
  it('writes every pair, the sources, and the grid with the sources along its edges', async () => {
    const path = await mix('mix', '--rows', '1,2', '--cols', '3', '--styles', '0-1');
    const names = ['1-1.png', '1-3.png', '2-2.png', '2-3.png', '3-3.png', 'grid.png'];
    expect(readdirSync(path).sort()).toEqual(names);
    const grid = join(path, 'grid.png');
    const [row, column, mixed] = await Promise.all(
      ['2-2.png', '3-3.png', '2-3.png'].map((name) => pixels(path, name)),
    );
    expect(Math.max(...(await cell(grid, 0, 0)))).toBe(0);
    expect(difference(await cell(grid, 1, 0), column)).toBe(0);
    expect(difference(await cell(grid, 0, 2), row)).toBe(0);
    expect(difference(await cell(grid, 1, 2), mixed)).toBe(0);
    expect(difference(mixed, row)).toBeGreaterThan(5);
    expect(difference(mixed, column)).toBeGreaterThan(5);
  });

  it('takes the column for all layers, and refuses a layer that is not there', async () => {
    const path = await mix('all', '--rows', '1', '--cols', '3', '--styles', '0-5');
    expect(difference(await pixels(path, '1-3.png'), await pixels(path, '3-3.png'))).toBe(0);
    await expect(mix('outside', '--rows', '1', '--cols', '3', '--styles', '0-6')).rejects.toThrow(
      'got --styles 6, expected layers from 0 to 5 for this network',
    );
  });
});

describe('video', () => {
  it('walks through the seeds of every cell and returns', async () => {
    await video('walk', '--seeds', '0-3', '--grid', '2x1', '--w-frames', '3');
    expect(readdirSync(join(folder, 'walk'))).toHaveLength(6);
    const keyframes = await generate('keyframes', '--seeds', '0-3');
    // Cell 0 walks 0 → 1 → 0, cell 1 walks 2 → 3 → 2.
    for (const [seed, frame, column] of [
      [0, 0, 0],
      [1, 3, 0],
      [2, 0, 1],
      [3, 3, 1],
    ]) {
      const shown = await cell(join(folder, 'walk', `frame0000${frame}.png`), column, 0);
      expect(difference(shown, await pixels(keyframes, `seed000${seed}.png`))).toBeLessThanOrEqual(1);
    }
    const between = await cell(join(folder, 'walk', 'frame00001.png'), 0, 0);
    expect(difference(between, await pixels(keyframes, 'seed0000.png'))).toBeGreaterThan(5);
  });

  it('makes an animation', async () => {
    await video('walk.webp', '--seeds', '0-1', '--w-frames', '4', '--fps', '10');
    expect((await sharp(join(folder, 'walk.webp')).metadata()).pages).toBe(8);
  });

  it('refuses seeds that do not fill the grid', async () => {
    await expect(video('x.webp', '--seeds', '0-4', '--grid', '2x2')).rejects.toThrow(
      'got 5 --seeds for --grid 2x2, expected a multiple of 4',
    );
  });

  it.each([1, 2])('leaves nothing half-written after Ctrl-C, pressed %i times', async (times) => {
    const name = `stopped${times}`;
    const args = ['--seeds', '0-3', '--w-frames', '20000', '--output', join(folder, name)];
    const { code, stderr } = await runProgram(['video', '--network', network, ...args], (child) => {
      const timer = setInterval(() => {
        if (!readdirSync(folder).some((file) => file.startsWith(`${name}.tmp-`))) return;
        clearInterval(timer);
        for (let i = 0; i < times; i++) child.kill('SIGINT');
      }, 20);
    });
    expect(code).toBe(130);
    expect(stderr).toBe('stopping (Ctrl-C again to stop at once)\n');
    expect(readdirSync(folder).filter((file) => file.startsWith(name))).toEqual([]);
  });
});

describe('info', () => {
  it('shows configuration, kimg, and layers in the order of their resolution', async () => {
    const { stdout, code } = await runProgram(['info', network]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^kimg: 12.5$/m);
    expect(stdout).toMatch(/^ {2}imgResolution: 16$/m);
    expect(stdout).toMatch(/^ {2}synthesis\.b8\.conv1 +\d[\d,]+ {2}bias \[16\], noise_const \[8, 8\]/m);
    expect(stdout.indexOf('synthesis.b8.conv0')).toBeLessThan(stdout.indexOf('synthesis.b16.conv0'));
    // b4.const of 16 x 4 x 4; buffers are no parameters.
    expect(stdout).toMatch(/^ {2}synthesis\.b4 +256 {2}const \[16, 4, 4\], resample_filter \[4, 4\]$/m);
  });
});
