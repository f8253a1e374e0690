// Resume is exact for other generations and regularizers too: stopped and cut off at random steps.

import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors } from '../../src/checkpoints/safetensors.ts';
import { Random } from '../../src/core/random.ts';
import type { TrainingRequest } from '../../src/training/options.ts';
import { train } from '../../src/training/train.node.ts';
import { lossesOf, resultsOf, TINY_ENGINE, tinyData } from './tiny-run.ts';

let folder: string;
let data: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stylegan-resume-each-'));
  data = await tinyData(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Eighteen steps, a tick every three or four of them. */
const SHORT: TrainingRequest = {
  kimg: 0.072,
  tick: 0.014,
  snap: 2,
  batch: 4,
  mbstdGroup: 2,
  mirror: true,
  aug: 'noaug',
  seed: 3,
};
const SMALL: TrainingRequest = { ...SHORT, cbase: 64, cmax: 8, zDim: 8, wDim: 8 };
/** 4² for five steps, a fade for nine, 8² for the rest. */
const GROWING: TrainingRequest = { ...SMALL, startRes: 4, stableKimg: 0.02, fadeKimg: 0.036 };

const RUNS: [name: string, request: TrainingRequest, array: string][] = [
  [
    'StyleGAN2, spectrally normalized',
    { ...SMALL, cfg: 'cpu', mapDepth: 2, reg: ['r1', 'sn'], cond: true },
    'D.buffers',
  ],
  [
    'StyleGAN2, adaptively augmented',
    { ...SMALL, cfg: 'cpu', mapDepth: 2, aug: 'ada', target: 0, adaKimg: 0.1 },
    'D.adam.v',
  ],
  [
    'ProGAN with Wasserstein loss and gradient penalty, augmented while it grows',
    { ...GROWING, cfg: 'progan', aug: 'ada', augpipe: 'blit', adaKimg: 0.1 },
    'G.adam.v',
  ],
  ['DCGAN with momentum and batch norm', { ...SMALL, cfg: 'dcgan', mbstdGroup: 1 }, 'G.adam.m'],
  [
    'the first GAN, spectrally normalized every other step',
    { ...SMALL, cfg: 'gan', loss: 'hinge', reg: ['sn'], dRegInterval: 2, cond: true },
    'D.buffers',
  ],
];

/** All that a checkpoint holds, but for the time that it took. */
function checkpointOf(run: string): unknown {
  const path = join(run, 'checkpoint.safetensors');
  const { tensors, metadata } = readSafetensors(new Uint8Array(readFileSync(path)), path);
  const { seconds: _, ...counters } = JSON.parse(metadata.counters);
  const digests = [...tensors].map(([name, { data }]) => [name, digest(data)]);
  return { counters, tensors: Object.fromEntries(digests), context: metadata.context };
}

const digest = (data: ArrayBufferView): string =>
  createHash('sha256')
    .update(Buffer.from(data.buffer, data.byteOffset, data.byteLength))
    .digest('hex');

/** Trains until `kimg` are shown: cut off there without a word, or stopped with a checkpoint. */
async function until(
  kimg: number,
  request: TrainingRequest,
  outdir: string,
  isKill: boolean,
): Promise<number> {
  const cut = new Error('cut off');
  const stopped = new AbortController();
  let lod = -1;
  const onProgress = (progress: { kimg: number; lod: number }) => {
    if (progress.kimg < kimg) return;
    lod = progress.lod;
    if (isKill) throw cut;
    stopped.abort(cut);
  };
  const run = train({ ...request, data, outdir, ...TINY_ENGINE, onProgress, signal: stopped.signal });
  await expect(run).rejects.toBe(cut);
  return lod;
}

describe.each(RUNS)('%s', (name, request, array) => {
  it('ends in the same bytes, cut off and stopped in between', async () => {
    const [whole, parts] = ['whole', 'parts'].map((part) => join(folder, `${name} ${part}`));
    await train({ ...request, data, outdir: whole, ...TINY_ENGINE });
    const random = new Random(7, name);
    const from = (first: number, count: number) => (4 * (first + random.integer(count))) / 1000;
    const lods = [
      await until(from(7, 3), request, parts, false),
      await until(from(11, 3), request, parts, true),
    ];
    if (request.startRes !== undefined) for (const lod of lods) expect(lod % 1).toBeGreaterThan(0);
    await train({ ...request, data, outdir: parts, ...TINY_ENGINE });
    expect(resultsOf(parts)).toEqual(resultsOf(whole));
    expect(lossesOf(parts)).toEqual(lossesOf(whole));
    expect(checkpointOf(parts)).toEqual(checkpointOf(whole));
    // What the run is about takes part: moments, vectors and running statistics are not as they were.
    const path = join(whole, 'checkpoint.safetensors');
    const { tensors } = readSafetensors(new Uint8Array(readFileSync(path)), path);
    expect(tensors.get(array)!.data.some((x) => x !== 0)).toBe(true);
  });
});

describe('a run made longer', () => {
  it('ends as if it had been asked for at once', async () => {
    const request = { ...SMALL, cfg: 'dcgan', data, ...TINY_ENGINE } as const;
    const whole = await train({ ...request, outdir: join(folder, 'at once') });
    await train({ ...request, outdir: join(folder, 'longer'), kimg: 0.03 });
    const { kimg, network } = await train({ ...request, outdir: join(folder, 'longer') });
    expect(kimg).toBe(0.072);
    expect(readFileSync(network).equals(readFileSync(whole.network))).toBe(true);
  });
});
