// `stylegan train` as a user meets it: help, slips, the dry run, and a run of a second from start to picture.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labelFlag, trainCommand } from '../../src/cli/train.ts';
import { FLAGS } from '../../src/training/options.ts';
import { TINY_FLAGS, tinyData } from '../training/tiny-run.ts';
import { runProgram } from './run-program.ts';

let folder: string;
let data: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stylegan-cli-train-'));
  data = await tinyData(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const trainProgram = (...args: string[]) => runProgram(['train', ...args]);

describe('help', () => {
  it('has every option, and examples', async () => {
    const { code, stdout } = await trainProgram('--help');
    expect(code).toBe(0);
    for (const flag of Object.values(FLAGS)) expect(stdout).toMatch(new RegExp(`^ {2}${flag}\\b`, 'm'));
    for (const flag of ['--data', '--outdir', '--device', '-n, --dry-run'])
      expect(stdout).toContain(`\n  ${flag}`);
    expect(stdout).toMatch(/Examples:\n( {2}stylegan train --data .*\n){3,}/);
    expect(stdout).toContain('the same command resumes it');
  });
});

describe('a slip', () => {
  it('is answered in one line, with what was probably meant', async () => {
    const { code, stdout, stderr } = await trainProgram('--data', data, '--outdir', 'x', '--gama', '3');
    expect(stderr).toBe("error: unknown option '--gama'\n(Did you mean --gamma?)\n");
    expect([code, stdout]).toEqual([1, '']);
  });

  it.each<[string, string | RegExp]>([
    ['--outdir OUT', '--data: got nothing, expected pictures: a folder, a zip, or faces'],
    ['--data DATA', '--outdir: got nothing, expected a folder for the run'],
    ['--data nosuch.zip --outdir OUT', 'cannot read nosuch.zip: no such file or folder'],
    ['--data DATA --outdir OUT --batch 0', "argument '0' is invalid. Expected a whole number of at least 1."],
    ['--data DATA --outdir OUT --mirror=maybe', "argument 'maybe' is invalid. Expected 1 or 0."],
    [
      '--data DATA --outdir OUT --batch 8 --batch-gpu 3',
      '--batch-gpu: got 3, expected a divisor of --batch 8',
    ],
    [
      '--data DATA --outdir OUT --reg r1,dropout',
      'Expected none, or some of r1, r2, gp, sn, separated by commas.',
    ],
    ['--data DATA --outdir OUT --loss l1', 'Allowed choices are saturating, logistic, lsgan, hinge, wgan.'],
    [
      '--data DATA --outdir OUT --res-batch 8=16',
      'Expected none, or RESOLUTION:VALUE,…, such as 4:128,8:64.',
    ],
    ['--data DATA --outdir OUT --start-res 2', 'Expected a whole number of at least 4.'],
    ['--data DATA --outdir OUT --stable-kimg 0', 'Expected a number above 0.'],
    [
      '--data DATA --outdir OUT --cfg progan --res-batch 6:16',
      '--res-batch: got 6:16, expected values of powers of two from 4 to 1024',
    ],
    ['--data DATA --outdir OUT --start-res 4', '--start-res: got 4, expected none: stylegan2 does not grow'],
    [
      '--data DATA --outdir OUT --cfg dcgan --style-mixing 0.9',
      '--style-mixing: got 0.9, expected 0: this dcgan has no styles to mix',
    ],
    ['--data DATA --outdir OUT --style-mixing 2', "argument '2' is invalid. Expected a number from 0 to 1."],
    ['--data DATA --outdir OUT --aug fixed --p 2', "argument '2' is invalid. Expected a number from 0 to 1."],
    ['--data DATA --outdir OUT --aug ada --target -1', "'-1' is invalid. Expected a number from 0 to 1."],
    ['--data DATA --outdir OUT --resume ', "'' is invalid. Expected a path, an address, a published name"],
  ])('%s', async (args, message) => {
    const outdir = join(folder, 'slip');
    const words = args.split(' ').map((word) => (word === 'DATA' ? data : word === 'OUT' ? outdir : word));
    const command = trainCommand()
      .exitOverride()
      .configureOutput({ writeErr() {} });
    await expect(command.parseAsync(words, { from: 'user' })).rejects.toThrow(message);
    expect(existsSync(outdir)).toBe(false);
  });
});

describe('--dry-run', () => {
  it('tells options, layers, memory and time, needs no --outdir, and makes nothing', async () => {
    const before = readdirSync(folder);
    const { code, stdout, stderr } = await trainProgram('--data', data, ...TINY_FLAGS, '-n');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^Data: 24 images of 8x8, 3 channels, \d labels \(.*faces\.zip\)$/m);
    for (const flag of Object.values(FLAGS)) expect(stdout).toMatch(new RegExp(`^  ${flag} +\\S+$`, 'm'));
    expect(stdout).toMatch(/^ {2}--cbase +64$/m);
    expect(stdout).toMatch(/^ {2}--mirror +true$/m);
    // 8·8·9 + bias 8 + noise strength.
    expect(stdout).toMatch(/^ {2}synthesis\.b8\.conv0 +585 +80 {2}8x8x3x3$/m);
    // 9·8·8 + 8, with the channel of the minibatch deviation.
    expect(stdout).toMatch(/^ {2}b4\.conv +656 +16 {2}8x9x3x3$/m);
    expect(stdout.match(/^ {2}total +\d+$/gm)).toHaveLength(2);
    expect(stdout).toMatch(/^ {2}memory +about \d+ MB$/m);
    expect(stdout).toMatch(/^ {2}time +about \d+\.\d s\/kimg, /m);
    expect(readdirSync(folder)).toEqual(before);
  });

  it('shows tables, lists and none as they are typed', async () => {
    const typed = {
      '--cfg': 'stylegan',
      '--loss': 'wgan',
      '--reg': 'gp,sn',
      '--gp-target': '750',
      '--drift': '0.001',
      '--beta1': '0.5',
      '--start-res': '4',
      '--stable-kimg': '2',
      '--fade-kimg': '0',
      '--res-batch': '4:16,8:8',
      '--res-lr': 'none',
      '--noise': 'false',
      '--ema-rampup': 'none',
    };
    const small = '--cbase 64 --cmax 8 --z-dim 8 --w-dim 8'.split(' ');
    const { stdout } = await trainProgram('--data', data, ...Object.entries(typed).flat(), ...small, '-n');
    for (const [flag, value] of Object.entries(typed))
      expect(stdout).toMatch(new RegExp(`^  ${flag} +${value}$`, 'm'));
    expect(stdout).toMatch(/^ {2}--batch-gpu +16$/m);
    expect(stdout).toMatch(/^ {2}synthesis\.8x8\.Conv0_up +584 +0 {2}8x8x3x3$/m);
    expect(stdout).toMatch(/^ {2}time +about \d+\.\d s\/kimg, /m);
  });
});

it.each<[number[] | null, string]>([
  [null, ''],
  [[0, 1, 0], ' --class 0'],
  [[0.1, -2, 0], ' --label 0.1,-2,0'],
  [[1, 1], ' --label 1,1'],
  [[2], ' --label 2'],
  [Array(40).fill(0.5), ' --label <40 numbers>'],
])('a network with the label %j is asked for%s', (label, expected) => {
  expect(labelFlag(label && Float32Array.from(label))).toBe(expected);
});

describe('a run', () => {
  it('shows a line a tick where there is no terminal, and says what to do next', async () => {
    const outdir = join(folder, 'run');
    const args = ['--data', data, '--outdir', outdir, ...TINY_FLAGS, '--kimg', '0.06'];
    const { code, stdout, stderr } = await trainProgram(...args);
    expect(code).toBe(0);
    const network = join(outdir, 'network-snapshot-000000.safetensors');
    expect(stdout).toBe(
      `0.06 kimg trained. Make pictures with:\n  stylegan generate --network ${network} --seeds 0-35 --class 0 --grid\n`,
    );
    const lines = stderr.trimEnd().split('\n');
    const ticks = lines.filter((line) => line.startsWith('tick '));
    expect(ticks).toHaveLength(2);
    // R1 runs every 16 steps: in the first tick, of eight, but not in the second.
    expect(ticks[0]).toMatch(/ {2}r1 \d\S+ {2}drift /);
    expect(ticks[1]).toMatch(
      /^tick 2 {2}kimg 0\.06\/0\.06 {2}\S+ s\/kimg {2}\d+ s gone {2}0 s left {2}G \S+ {2}D \S+ {2}signs real \S+ fake \S+ {2}drift \S+ {2}grad G \S+ D \S+ {2}dev \S+ {2}mem \d+ MB$/,
    );
    expect(stderr).not.toContain('\r');
    expect(readFileSync(join(outdir, 'log.txt'), 'utf8').trimEnd().split('\n')).toEqual(lines);

    const other = await trainProgram(...args, '--seed', '9');
    expect(other).toMatchObject({ code: 1, stdout: '' });
    expect(other.stderr).toBe(
      `error: --seed: got 9, but the run in ${outdir} has 3; give the same options to resume it, or another --outdir\n`,
    );
    const again = await trainProgram(...args);
    expect(again).toMatchObject({ code: 0, stdout });
    expect(again.stderr).toMatch(/finished before: 0\.06 kimg in .*run\n$/);
  });

  it('that diverges ends in one line', async () => {
    const args = ['--data', data, '--outdir', join(folder, 'diverged'), ...TINY_FLAGS, '--glr', '1e30'];
    const { code, stderr } = await trainProgram(...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^compiling for cpu\nrows of the pictures, from the top: [^\n]+\nerror: training diverged at 0\.000 kimg: [^\n]+ is not finite; [^\n]+\n$/,
    );
  });
});
