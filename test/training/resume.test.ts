// Resume is exact: killed at any moment and started again, a run ends in the bytes of one that was left alone.

import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { train } from '../../src/training/train.node.ts';
import { type Finished, runProgram } from '../cli/run-program.ts';
import { lossesOf, readStats, resultsOf, TINY, TINY_ENGINE, TINY_FLAGS, tinyData } from './tiny-run.ts';

/** A StyleGAN that grows, for most of the run in a fade. */
const GROWING = {
  ...TINY,
  cfg: 'stylegan',
  mapDepth: 2,
  startRes: 4,
  stableKimg: 0.024,
  fadeKimg: 0.072,
} as const;
const FLAGS = [
  ...TINY_FLAGS,
  ...'--cfg stylegan --map-depth 2 --start-res 4 --stable-kimg 0.024 --fade-kimg 0.072'.split(' '),
];
const [FADE_START, FADE_END] = [0.024, 0.096];

const SEED = 5;
// Seconds on a quiet machine; a dozen programs start one after the other.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

let folder: string;
let data: string;
let undisturbed: string;

const start = (run: string, whenRunning?: Parameters<typeof runProgram>[1]): Promise<Finished> =>
  runProgram(['train', '--data', data, '--outdir', run, ...FLAGS], whenRunning);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stylegan-resume-'));
  data = await tinyData(folder);
  undisturbed = join(folder, 'undisturbed');
  await train({ ...GROWING, data, outdir: undisturbed, ...TINY_ENGINE });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function expectSameRun(run: string): void {
  expect(Object.keys(resultsOf(run))).toEqual(Object.keys(resultsOf(undisturbed)));
  expect(resultsOf(run)).toEqual(resultsOf(undisturbed));
  expect(lossesOf(run)).toEqual(lossesOf(undisturbed));
  expect(readdirSync(run).filter((name) => name.includes('.tmp-'))).toEqual([]);
}

const ticksOf = (run: string): number =>
  existsSync(join(run, 'stats.jsonl'))
    ? readFileSync(join(run, 'stats.jsonl'), 'utf8').split('\n').length - 1
    : 0;

/** Waits until the condition holds or the process has ended. */
async function until(child: ChildProcess, condition: () => boolean): Promise<void> {
  while (child.exitCode === null && !condition()) await sleep(2);
}

/** Waits until the run has reported one more tick. */
async function nextTick(child: ChildProcess, run: string): Promise<void> {
  const before = ticksOf(run);
  await until(child, () => ticksOf(run) > before);
}

/** Waits until a file of this name begins to be written. */
async function writingOf(child: ChildProcess, run: string, name: string): Promise<void> {
  let isWritten = false;
  const watcher = watch(run, (_event, file) => {
    isWritten ||= file?.startsWith(`${name}.tmp-`) ?? false;
  });
  await until(child, () => isWritten);
  watcher.close();
}

const random = new Random(SEED, 'kills');

/** When to kill a run: a random delay of up to so many milliseconds after something is reached. */
type Moment = [name: string, delay: number, reached: (child: ChildProcess, run: string) => Promise<void>];

const MOMENTS: Moment[] = [
  ['while the program loads', 700, async () => {}],
  [
    'while the networks are compiled',
    300,
    (child, run) => until(child, () => existsSync(join(run, 'training_options.json'))),
  ],
  ['in a tick', 60, nextTick],
  ['while the checkpoint is written', 0, (child, run) => writingOf(child, run, 'checkpoint.safetensors')],
  ['while a snapshot is written', 0, (child, run) => writingOf(child, run, 'network-snapshot-000000')],
];

describe('a run', () => {
  it('has four ticks to be killed in', () => {
    expect(readStats(undisturbed).map((line) => line['Progress/tick'])).toEqual([1, 2, 3, 4]);
  });

  it('killed at many moments ends in the same bytes', async () => {
    const run = join(folder, 'killed');
    const killed: string[] = [];
    for (const [name, delay, reached] of MOMENTS) {
      const { code } = await start(run, async (child) => {
        await reached(child, run);
        await sleep(random.integer(delay + 1));
        child.kill('SIGKILL');
      });
      if (code === null) killed.push(name);
      else expect(code, name).toBe(0);
    }
    // On a quick machine a run may end before it is killed; most kills must have met it alive.
    expect(killed.length).toBeGreaterThanOrEqual(4);
    expect(await start(run)).toMatchObject({ code: 0 });
    expectSameRun(run);
    const log = readFileSync(join(run, 'log.txt'), 'utf8');
    const resumed = [...log.matchAll(/^resumed at (\S+) kimg/gm)].map(([, kimg]) => Number(kimg));
    expect(resumed.some((kimg) => kimg > FADE_START && kimg < FADE_END)).toBe(true);
  });

  it('stopped by Ctrl-C writes a checkpoint, says how to go on, and ends in the same bytes', async () => {
    const run = join(folder, 'stopped');
    const { code, stderr } = await start(run, async (child) => {
      await nextTick(child, run);
      child.kill('SIGINT');
    });
    expect(code).toBe(130);
    expect(stderr).toContain('stopping (Ctrl-C again to stop at once)');
    expect(stderr).toMatch(/stopped at 0\.\d+ kimg; the same command resumes\n$/);
    const again = await start(run);
    expect(again.code).toBe(0);
    const [, kimg] = /stopped at (\S+) kimg/.exec(stderr)!;
    expect(again.stderr).toContain(`resumed at ${kimg} kimg from ${join(run, 'checkpoint.safetensors')}`);
    expectSameRun(run);
  });
});
