// `stylegan metrics` as a user meets it: table, JSON, the file that grows beside a run's network, and slips.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDataset } from '../../src/data/open-dataset.node.ts';
import { tinyNetwork } from '../generate/tiny-network.ts';
import { tinyData } from '../training/tiny-run.ts';
import { runHere, runProgram } from './run-program.ts';

const NAME = 'network-snapshot-000012.safetensors';
let folder: string;
let run: string;
let data: string;
let alone: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stylegan-cli-metrics-'));
  data = await tinyData(folder);
  const dataset = await openDataset(data, { labels: true });
  run = join(folder, 'run');
  alone = join(folder, 'alone.safetensors');
  mkdirSync(run);
  writeFileSync(join(run, 'training_options.json'), '{}');
  writeFileSync(join(run, NAME), tinyNetwork({ imgResolution: 8, numWs: 4, cDim: dataset.labelDim }));
  writeFileSync(alone, tinyNetwork({ imgResolution: 8, numWs: 4 }));
  await dataset.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const lines = (path: string) =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('metrics', () => {
  it('prints a table, and adds a line to the file of the run', async () => {
    const args = ['metrics', '--network', join(run, NAME), '--data', data, '--num', '8', '--trunc', '0.7'];
    const { code, stdout, stderr } = await runProgram(args);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      /^swd of 8 images, seed 0, in \d+ s\n {2}SWDx1e3_8 {4}\d+\.\d{4}\n {2}SWDx1e3_avg {2}\d+\.\d{4}\n$/,
    );
    await runHere(...args, '--device', 'cpu');
    const [first, second, ...others] = lines(join(run, 'metric-swd.jsonl'));
    expect(others).toEqual([]);
    expect(first).toMatchObject({
      metric: 'swd',
      snapshot_pkl: NAME,
      kimg: 12.5,
      num: 8,
      seed: 0,
      trunc: 0.7,
    });
    expect(stdout).toContain(`SWDx1e3_avg  ${first.results.SWDx1e3_avg.toFixed(4)}\n`);
    expect(second.results.SWDx1e3_avg).toBeCloseTo(first.results.SWDx1e3_avg, 3);
  });

  it('prints the same line as JSON, and writes it where it is told to', async () => {
    const outdir = join(folder, 'elsewhere');
    const args = ['--data', data, '--num', '4', '--metrics', 'swd', '--seed', '3', '--mirror', '--json'];
    const run = await runProgram(['metrics', '--network', alone, ...args, '--outdir', outdir]);
    expect([run.code, run.stderr]).toEqual([0, '']);
    expect(lines(join(outdir, 'metric-swd.jsonl'))).toEqual([JSON.parse(run.stdout)]);
  });

  it('leaves no file beside a network that is not in a run', async () => {
    await runHere('metrics', '--network', alone, '--data', data, '--num', '2');
    expect(existsSync(join(folder, 'metric-swd.jsonl'))).toBe(false);
  });

  it.each<[string, string | RegExp]>([
    ['--data DATA --metrics swd,fid', '--metrics: got fid, expected one of swd'],
    ['--data DATA --num 0', "argument '0' is invalid. Expected a whole number of at least 1."],
    ['--num 4', "required option '--data <path>' not specified"],
    ['--data nosuch.zip', 'cannot read nosuch.zip: no such file or folder'],
  ])('refuses %s in one line', async (words, message) => {
    const args = words.replace('DATA', data).split(' ');
    const { code, stdout, stderr } = await runProgram(['metrics', '--network', alone, ...args]);
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect(stderr).toContain(message);
    expect([code, stdout]).toEqual([1, '']);
  });

  it('refuses data of another size than the network makes', async () => {
    const other = join(folder, 'larger.safetensors');
    writeFileSync(other, tinyNetwork());
    await expect(runHere('metrics', '--network', other, '--data', data)).rejects.toThrow(
      /faces\.zip: got 8x8 images of 3 channels with 0 classes, expected 16x16 images of 3 channels with 0 classes/,
    );
  });
});
