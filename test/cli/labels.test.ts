// Classes on the command line: by number and by name, one and many, and their names through files.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { decodeNetworkFile, encodeNetworkFile } from '../../src/checkpoints/network-file.ts';
import { readSafetensors, writeSafetensors } from '../../src/checkpoints/safetensors.ts';
import { FileError } from '../../src/core/errors.ts';
import { picturesOf } from '../../src/generate/image-grid.ts';
import { loadNetwork } from '../../src/generate/load-network.node.ts';
import { latentsOf } from '../../src/generate/seeds.ts';
import { tinyNetwork } from '../generate/tiny-network.ts';
import { runHere } from './run-program.ts';

const NAMES = ['cat', 'dog', 'emu'];
let folder: string;
let network: string;
const at = (name: string) => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'stylegan-labels-'));
  network = at('pets.safetensors');
  const file = decodeNetworkFile(tinyNetwork({ cDim: 3 }), 'tiny');
  writeFileSync(network, Buffer.concat(encodeNetworkFile({ ...file, labelNames: NAMES })));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command on the network, its output going to the folder that is returned. */
async function into(name: string, command: string, ...args: string[]): Promise<string> {
  await runHere(command, '--network', network, ...args, '--outdir', at(name), '--device', 'cpu');
  return at(name);
}

describe('generate', () => {
  it('takes a class by its name', async () => {
    const [byName, byNumber] = [
      await into('name', 'generate', '--seeds', '3', '--class', 'emu'),
      await into('number', 'generate', '--seeds', '3', '--class', '2'),
    ];
    expect(readdirSync(byName)).toEqual(['seed0003.png']);
    const [first, second] = [byName, byNumber].map((path) => readFileSync(join(path, 'seed0003.png')));
    expect(first.equals(second)).toBe(true);
  });

  it('draws a row of the grid for each class, the same seeds in each', async () => {
    const path = await into('all', 'generate', '--seeds', '3,4', '--class', 'all', '--grid');
    const names = [0, 1, 2].flatMap((c) => [`class${c}-seed0003.png`, `class${c}-seed0004.png`]);
    expect(readdirSync(path).sort()).toEqual([...names, 'grid.png']);
    const loaded = await loadNetwork(network, { device: 'cpu' });
    const dog = Float32Array.of(0, 1, 0);
    const [expected] = picturesOf(await loaded.generate(latentsOf([4], 8), dog));
    await loaded.close();
    const grid = sharp(join(path, 'grid.png'));
    expect(await grid.metadata()).toMatchObject({ width: 2 * 16, height: 3 * 16 });
    const cell = await grid.extract({ left: 16, top: 16, width: 16, height: 16 }).raw().toBuffer();
    cell.forEach((value, i) => {
      expect(Math.abs(value - expected.data[i])).toBeLessThanOrEqual(1);
    });
  });

  it('takes the numbers of a label', async () => {
    const path = await into('vector', 'generate', '--seeds', '3', '--label', '0,0,1');
    const emu = await into('emu', 'generate', '--seeds', '3', '--class', 'emu');
    const [first, second] = [path, emu].map((each) => readFileSync(join(each, 'seed0003.png')));
    expect(first.equals(second)).toBe(true);
    await into('other', 'generate', '--seeds', '3', '--label', '-1,0.5,0');
    expect(readFileSync(join(at('other'), 'seed0003.png')).equals(first)).toBe(false);
  });

  it('lists the classes when none or another is chosen', async () => {
    const generate = (...args: string[]) => into('none', 'generate', '--seeds', '3', ...args);
    const list = '0 "cat", 1 "dog", 2 "emu"';
    await expect(generate()).rejects.toThrow(
      `this network was trained with labels; choose one with --class ${list}`,
    );
    await expect(generate('--class', 'cow')).rejects.toThrow(`got --class cow, expected ${list}`);
    expect(readdirSync(folder)).not.toContain('none');
  });
});

it('mix, noise and video take one class by its name', async () => {
  await into('mix', 'mix', '--rows', '1', '--cols', '2', '--class', 'dog');
  await into('sheet', 'mix', '--sheet', '--rows', '1', '--cols', '2', '--class', 'dog');
  await into('noise', 'noise', '--draws', '2', '--class', 'dog');
  const report = () => JSON.parse(readFileSync(join(at('noise'), 'noise.json'), 'utf8'));
  expect(report()).toMatchObject({ class: 1, label: null });
  await into('noise', 'noise', '--draws', '2', '--label', '0,0.5,1');
  expect(report()).toMatchObject({ class: null, label: [0, 0.5, 1] });
  const video = ['--seeds', '0-1', '--w-frames', '1', '--output', at('walk'), '--device', 'cpu'];
  await runHere('video', '--network', network, ...video, '--class', 'dog');
  expect(readdirSync(at('walk'))).toHaveLength(2);
  await expect(into('two', 'mix', '--rows', '1', '--cols', '2', '--class', 'dog,emu')).rejects.toThrow(
    'got --class dog,emu, which are 2 classes, expected one',
  );
});

describe('names of classes', () => {
  it('are listed by info and kept by convert', async () => {
    const copy = at('copy.safetensors');
    await runHere('convert', network, copy, '--use', 'G_ema');
    expect(decodeNetworkFile(readFileSync(copy), copy).labelNames).toEqual(NAMES);
    const lines: string[] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((line: string) => lines.push(line));
    await runHere('info', copy).finally(() => log.mockRestore());
    expect(lines.join('\n')).toContain('\nlabelNames: ["cat","dog","emu"]\n');
    const { labelNames } = await loadNetwork(copy, { device: 'cpu' });
    expect(labelNames).toEqual(NAMES);
  });

  it.each([
    ['["cat","dog"]', 'got 2 names in metadata labelNames, expected a list of 3 names'],
    ['{"0":"cat"}', 'got something else in metadata labelNames, expected a list of 3 names'],
    ['[1,2,3]', 'got something else in metadata labelNames, expected a list of 3 names'],
    ['cat', 'got metadata without a readable labelNames, expected JSON'],
  ])('%s are refused in one line', async (labelNames, message) => {
    const { tensors, metadata } = readSafetensors(new Uint8Array(readFileSync(network)), network);
    const path = at('changed.safetensors');
    writeFileSync(path, Buffer.concat(writeSafetensors(tensors, { ...metadata, labelNames })));
    const opened = loadNetwork(path, { device: 'cpu' });
    await expect(opened).rejects.toThrow(FileError);
    await expect(opened).rejects.toThrow(`${path}: ${message}`);
  });
});
