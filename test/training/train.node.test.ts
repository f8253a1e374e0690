// A run folder holds what was promised, belongs to one run, and survives broken files and divergence.

import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeNetworkFile } from '../../src/checkpoints/network-file.ts';
import { readSafetensors, writeSafetensors } from '../../src/checkpoints/safetensors.ts';
import { DivergenceError, FileError, OptionError } from '../../src/core/errors.ts';
import { floatTensor } from '../../src/core/tensor.ts';
import { openDataset } from '../../src/data/open-dataset.node.ts';
import { loadNetwork } from '../../src/generate/load-network.node.ts';
import { latentsOf } from '../../src/generate/seeds.ts';
import { deviationAcross } from '../../src/training/monitor.ts';
import type { TrainingRequest } from '../../src/training/options.ts';
import { gridSize } from '../../src/training/sample-grid.ts';
import { type TrainProgress, type TrainRequest, train } from '../../src/training/train.node.ts';
import { lossesOf, readStats, resultsOf, TINY, TINY_ENGINE, tinyData } from './tiny-run.ts';

let folder: string;
let request: TrainRequest;
/** A finished run of two ticks. */
let run: string;
const seen: TrainProgress[] = [];
const lines: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stylegan-train-'));
  run = join(folder, 'run');
  const data = await tinyData(folder);
  request = { ...TINY, kimg: 0.06, snap: 1, data, outdir: run, ...TINY_ENGINE };
  await train({
    ...request,
    onProgress: (progress) => seen.push(progress),
    onLog: (line) => lines.push(line),
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A copy of the finished run. */
function copyOf(name: string): string {
  const copy = join(folder, name);
  cpSync(run, copy, { recursive: true });
  return copy;
}

const checkpointOf = (path: string) => join(path, 'checkpoint.safetensors');

describe('a run folder', () => {
  it('holds the files that users know', () => {
    expect(readdirSync(run).sort()).toEqual([
      'checkpoint.safetensors',
      'fakes000000.png',
      'fakes_init.png',
      'log.txt',
      'network-snapshot-000000.safetensors',
      'reals.png',
      'stats.jsonl',
      'training_options.json',
    ]);
  });

  it('names options and data', () => {
    const { options, data } = JSON.parse(readFileSync(join(run, 'training_options.json'), 'utf8'));
    expect(options).toMatchObject({ ...TINY, kimg: 0.06, snap: 1, plWeight: 2, generator: 'skip' });
    expect(data).toMatchObject({ path: request.data, images: 24, resolution: 8, channels: 3 });
    expect(data.labelDim).toBeGreaterThan(1);
  });

  it('holds networks to use, with an average of its own', async () => {
    const path = join(run, 'network-snapshot-000000.safetensors');
    const { kimg, config, G_ema, G, D } = decodeNetworkFile(readFileSync(path), path);
    expect(kimg).toBe(0.06);
    expect(config).toMatchObject({ imgResolution: 8, zDim: 8, wDim: 8, channelBase: 64, channelMax: 8 });
    expect(D!.size).toBeGreaterThan(20);
    const weight = 'synthesis.b8.conv0.weight';
    expect(G!.get(weight)!.data).not.toEqual(G_ema.get(weight)!.data);
    for (const { data } of [...G_ema.values(), ...G!.values(), ...D!.values()])
      expect(data.every(Number.isFinite)).toBe(true);

    const network = await loadNetwork(path, { device: 'cpu' });
    const c = new Float32Array(config.cDim).fill(1, 0, 1);
    const image = await network.generate(latentsOf([0], 8), c);
    expect(image.shape).toEqual([1, 3, 8, 8]);
    expect(image.data.every(Number.isFinite)).toBe(true);
    await network.close();
  });

  it('shows reals and fakes in grids of one size, with a row for each class, and keeps the names of classes', async () => {
    const dataset = await openDataset(request.data as string, { labels: true });
    const classes = Array.from({ length: dataset.length }, (_, i) => dataset.label(i).indexOf(1));
    const shown = [...new Set(classes)].sort();
    const [columns, rows] = gridSize(8);
    const size = {
      width: columns * 8,
      height: Math.floor(rows / shown.length) * shown.length * 8,
      channels: 3,
    };
    for (const name of ['reals', 'fakes_init', 'fakes000000'])
      expect(await sharp(join(run, `${name}.png`)).metadata()).toMatchObject(size);
    // The first cell of the reals is the first image of the first class.
    const pixels = await dataset.readImage(classes.indexOf(shown[0]));
    const cell = await sharp(join(run, 'reals.png'))
      .extract({ left: 0, top: 0, width: 8, height: 8 })
      .raw()
      .toBuffer();
    for (let i = 0; i < 64; i++)
      for (let channel = 0; channel < 3; channel++)
        expect(cell[3 * i + channel]).toBe(pixels[64 * channel + i]);
    await dataset.close();
    const names = shown.map((which) => dataset.labelNames![which]);
    expect(lines).toContain(`rows of the pictures, from the top: ${names.join(', ')}`);
    const network = await loadNetwork(join(run, 'network-snapshot-000000.safetensors'), TINY_ENGINE);
    expect(network.labelNames).toEqual(dataset.labelNames);
    await network.close();
    expect(readFileSync(join(run, 'fakes_init.png'))).not.toEqual(readFileSync(join(run, 'fakes000000.png')));
  });

  it('names classes in one line, whatever their names hold', async () => {
    const dataset = await openDataset(request.data as string, { labels: true });
    const value = dataset.labelNames!.map((name) => `${name}\u001b[2J\n${'x'.repeat(1000)}`);
    const data = Object.create(dataset, { labelNames: { value } });
    const cut = new Error('cut off');
    let named = '';
    const onLog = (line: string) => {
      if (!line.startsWith('rows')) return;
      named = line;
      throw cut;
    };
    await expect(train({ ...request, data, outdir: join(folder, 'names'), onLog })).rejects.toBe(cut);
    expect(named).toMatch(/^rows of the pictures, from the top: none\?\[2J\?xx[^\p{Cc}]{1,500}$/u);
    await dataset.close();
  });

  it('has one line of statistics a tick, the same that progress reports', () => {
    const stats = readStats(run);
    expect(stats.map((line) => line['Progress/tick'])).toEqual([1, 2]);
    expect(stats.map((line) => line['Progress/kimg'])).toEqual([0.032, 0.06]);
    const ticks = seen.filter(({ isTick }) => isTick);
    expect(ticks.map((progress) => progress.stats)).toEqual(
      stats.map((line) => expect.objectContaining({ 'Loss/G/loss': line['Loss/G/loss'] })),
    );
    for (const line of stats) {
      for (const value of Object.values(line)) expect(Number.isFinite(value)).toBe(true);
      expect(line['Timing/sec_per_kimg']).toBeGreaterThan(0);
      expect(line['Resources/memory_mb']).toBeGreaterThan(10);
      expect(Math.abs(line['Loss/signs/real'])).toBeLessThanOrEqual(1);
    }
  });

  it('reports every step', () => {
    expect(seen.map(({ kimg }) => kimg)).toEqual(Array.from({ length: 15 }, (_, i) => (4 * (i + 1)) / 1000));
    const { totalKimg, secondsLeft, secPerKimg } = seen[6];
    expect(totalKimg).toBe(0.06);
    expect(secondsLeft).toBeCloseTo(0.032 * secPerKimg, 9);
    expect(seen.at(-1)!.secondsLeft).toBe(0);
    expect(lines[0]).toBe('compiling for cpu');
    expect(lines.at(-1)).toBe(`wrote ${join(run, 'network-snapshot-000000.safetensors')}`);
    expect(readFileSync(join(run, 'log.txt'), 'utf8')).toBe(`${lines.join('\n')}\n`);
  });
});

describe('an augmented run', () => {
  it.each<[string, TrainingRequest, string]>([
    ['adaptively', { aug: 'ada', augpipe: 'color', target: 0 }, 'ada, color, target 0 over 500 kimg'],
    ['always as much', { aug: 'fixed', augpipe: 'color', p: 0.25 }, 'fixed, color, p 0.25'],
  ])('%s says how, and reports its strength', async (name, options, text) => {
    const outdir = join(folder, name);
    const said: string[] = [];
    await train({ ...request, ...options, outdir, onLog: (line) => said.push(line) });
    expect(said[0]).toBe(`augmentation: ${text}`);
    const strengths = readStats(outdir).map((line) => line['Progress/augment']);
    expect(strengths).toHaveLength(2);
    for (const p of strengths) {
      if (options.aug === 'fixed') expect(p).toBe(0.25);
      // Three updates of 16 images each, up or down.
      else expect(p * (500_000 / 16)).toBeCloseTo(Math.round(p * (500_000 / 16)), 9);
    }
    const { metadata } = readSafetensors(new Uint8Array(readFileSync(checkpointOf(outdir))), name);
    expect(JSON.parse(metadata.counters).augment.p).toBe(strengths[1]);
    const network = readFileSync(join(outdir, 'network-snapshot-000000.safetensors'));
    const { augmentP = '0' } = readSafetensors(new Uint8Array(network), name).metadata;
    expect(Number(augmentP)).toBe(strengths[1]);
  });

  it('is none where nothing was asked for', () => {
    for (const line of readStats(run)) expect(line).not.toHaveProperty('Progress/augment');
  });
});

describe('the same request', () => {
  it('says that the run is finished, and changes nothing', async () => {
    const copy = copyOf('finished');
    const before = [resultsOf(copy), lossesOf(copy), readFileSync(checkpointOf(copy))];
    const said: string[] = [];
    const result = await train({ ...request, outdir: copy, onLog: (line) => said.push(line) });
    expect(result).toEqual({
      kimg: 0.06,
      outdir: copy,
      network: join(copy, 'network-snapshot-000000.safetensors'),
      label: Float32Array.of(1, 0, 0, 0, 0, 0),
    });
    expect(said.at(-1)).toBe(`finished before: 0.06 kimg in ${copy}`);
    expect([resultsOf(copy), lossesOf(copy), readFileSync(checkpointOf(copy))]).toEqual(before);
  });

  it('repeats no statistics of a run that was killed before its first checkpoint', async () => {
    const copy = copyOf('early');
    rmSync(checkpointOf(copy));
    writeFileSync(join(copy, 'checkpoint.safetensors.tmp-123'), 'a part');
    writeFileSync(join(copy, 'stats.jsonl'), `${readFileSync(join(copy, 'stats.jsonl'), 'utf8')}{"Loss/G/l`);
    await train({ ...request, outdir: copy });
    expect(lossesOf(copy)).toEqual(lossesOf(run));
    expect(resultsOf(copy)).toEqual(resultsOf(run));
    expect(existsSync(join(copy, 'checkpoint.safetensors.tmp-123'))).toBe(false);
  });

  it('stops when it is asked to, at once or in the middle, and goes on', async () => {
    const outdir = join(folder, 'aborted');
    const reason = new Error('enough');
    await expect(train({ ...request, outdir, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const stopped = train({
      ...request,
      outdir,
      signal: controller.signal,
      onProgress: ({ kimg }) => kimg >= 0.02 && controller.abort(reason),
    });
    await expect(stopped).rejects.toBe(reason);
    expect(readFileSync(join(outdir, 'log.txt'), 'utf8')).toMatch(
      /stopped at 0\.004 kimg[\s\S]*resumed at 0\.004 kimg[\s\S]*stopped at 0\.02 kimg/,
    );
    await train({ ...request, outdir });
    expect(resultsOf(outdir)).toEqual(resultsOf(run));
    expect(lossesOf(outdir)).toEqual(lossesOf(run));
  });
});

describe('another request', () => {
  it.each<[string, Partial<TrainRequest>, string]>([
    ['width', { cbase: 128 }, '--cbase: got 128, but the run in RUN has 64'],
    ['seed', { seed: 4 }, '--seed: got 4, but the run in RUN has 3'],
    ['labels', { cond: false }, '--cond: got false, but the run in RUN has true'],
    ['weight', { gamma: 1 }, '--gamma: got 1, but the run in RUN has 0.032'],
    ['preset', { cfg: 'cifar' }, '--cfg: got "cifar", but the run in RUN has "cpu"'],
    ['interval', { tick: 1 }, '--tick: got 1, but the run in RUN has 0.03'],
    ['shorter length', { kimg: 0.05 }, '--kimg: got 0.05, but the run in RUN has 0.06'],
  ])('of another %s is refused, with both values', async (_name, change, message) => {
    const before = readFileSync(join(run, 'training_options.json'), 'utf8');
    const attempt = train({ ...request, ...change });
    await expect(attempt).rejects.toThrow(OptionError);
    await expect(attempt).rejects.toThrow(
      `${message.replace('RUN', run)}; give the same options to resume it, or another --outdir`,
    );
    expect(readFileSync(join(run, 'training_options.json'), 'utf8')).toBe(before);
  });

  it('of other data is refused', async () => {
    const data = join(folder, 'copy.zip');
    copyFileSync(request.data as string, data);
    await expect(train({ ...request, data })).rejects.toThrow(
      `--data: got "${data}", but the run in ${run} has`,
    );
  });

  it('finds labels missing where they are asked for', async () => {
    const dataset = await openDataset(request.data as string);
    const unlabelled = { ...dataset, labelDim: 0, label: () => new Float32Array(), length: dataset.length };
    const attempt = train({ ...request, data: unlabelled, outdir: join(folder, 'none') });
    await expect(attempt).rejects.toThrow('--cond: got a data set without labels');
    expect(existsSync(join(folder, 'none'))).toBe(false);
    await dataset.close();
  });

  it('refuses labels that are the same for all images', async () => {
    const pictures = join(folder, 'pictures');
    mkdirSync(pictures);
    const picture = sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } });
    for (const name of ['a.png', 'b.png']) await picture.toFile(join(pictures, name));
    const labels = {
      labels: [
        ['a.png', 2],
        ['b.png', 2],
      ],
    };
    writeFileSync(join(pictures, 'dataset.json'), JSON.stringify(labels));
    const attempt = train({ ...request, data: pictures, outdir: join(folder, 'none') });
    await expect(attempt).rejects.toThrow(OptionError);
    await expect(attempt).rejects.toThrow(
      /^--cond: got the same label for all 2 images of [^\n]+; leave --cond out$/,
    );
  });
});

describe('a broken file', () => {
  it('in place of the checkpoint is named in one line, and left there', async () => {
    const copy = copyOf('cut');
    truncateSync(checkpointOf(copy), 5000);
    const attempt = train({ ...request, outdir: copy });
    await expect(attempt).rejects.toThrow(FileError);
    await expect(attempt).rejects.toThrow(
      /^[^\n]*checkpoint\.safetensors is not a usable safetensors file[^\n]*$/,
    );
    expect(readFileSync(checkpointOf(copy))).toHaveLength(5000);
  });

  it('in place of the options is named too', async () => {
    const copy = copyOf('options');
    writeFileSync(join(copy, 'training_options.json'), '{"options":');
    await expect(train({ ...request, outdir: copy })).rejects.toThrow(
      `${join(copy, 'training_options.json')}: got options that this version does not know, expected a run of its own`,
    );
  });
});

/** Rewrites what a checkpoint says of itself. */
function changeCheckpoint(
  path: string,
  change: (metadata: Record<string, string>) => Record<string, string>,
) {
  const { tensors, metadata } = readSafetensors(
    new Uint8Array(readFileSync(checkpointOf(path))),
    'checkpoint',
  );
  const changed = writeSafetensors(tensors, { ...metadata, ...change(metadata) });
  writeFileSync(checkpointOf(path), Buffer.concat(changed));
}

describe('the gauge of collapse', () => {
  it('compares the deviation across the pictures of the grids, at each tick', async () => {
    const last = readStats(run).at(-1)!;
    for (const [name, picture] of [
      ['fake', 'fakes000000'],
      ['real', 'reals'],
    ]) {
      const { data, info } = await sharp(join(run, `${picture}.png`))
        .raw()
        .toBuffer({ resolveWithObject: true });
      const cells: number[][] = [];
      for (let y = 0; y < info.height; y += 8)
        for (let x = 0; x < info.width; x += 8)
          cells.push(
            Array.from({ length: 192 }, (_, i) => {
              const [row, column] = [y + Math.floor(i / 24), 3 * x + (i % 24)];
              return data[3 * info.width * row + column] / 127.5 - 1;
            }),
          );
      const images = floatTensor(Float32Array.from(cells.flat()), [cells.length, 192]);
      expect(deviationAcross(images)).toBeCloseTo(last[`Monitor/deviation_${name}`], 2);
    }
    for (const line of readStats(run)) {
      const ratio = line['Monitor/deviation_fake'] / line['Monitor/deviation_real'];
      expect(line['Monitor/deviation']).toBeCloseTo(ratio, 12);
      for (const name of ['Gmain', 'Gpl', 'Dmain']) expect(line[`Gradient/${name}/norm`]).toBeGreaterThan(0);
      expect(Math.abs(line['Monitor/D_drift'])).toBeGreaterThan(0);
    }
  });

  it('warns once when it has fallen far, not at every tick', async () => {
    const copy = copyOf('collapsed');
    changeCheckpoint(copy, ({ counters }) => ({
      counters: JSON.stringify({ ...JSON.parse(counters), bestDeviation: 100 }),
    }));
    await train({ ...request, outdir: copy, kimg: 0.12 });
    expect(readStats(copy)).toHaveLength(4);
    const warnings = readFileSync(join(copy, 'log.txt'), 'utf8').match(/^warning: .*$/gm);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^warning: generated images differ [01]\.\d\d times as much as real ones, after 100\.00 /,
      ),
    ]);
  });

  it('is left out where all real images are the same', async () => {
    const dataset = await openDataset(request.data as string);
    const one = {
      ...dataset,
      labelDim: 0,
      label: () => new Float32Array(),
      readImage: () => dataset.readImage(0),
    };
    const outdir = join(folder, 'one');
    const small = { cfg: 'gan', kimg: 0.008, tick: 0.004, batch: 4, cmax: 8, zDim: 8 } as const;
    const alike = { ...small, data: { ...one, length: 4 }, outdir, ...TINY_ENGINE };
    await train(alike);
    await train({ ...alike, kimg: 0.012 });
    expect(readStats(outdir).map((line) => line['Monitor/deviation'])).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    await dataset.close();
  });
});

describe('divergence', () => {
  /** Lets a run go on at another rate, as no request may. */
  function changeRate(path: string, glr: number): void {
    const options = join(path, 'training_options.json');
    const description = JSON.parse(readFileSync(options, 'utf8'));
    description.options.glr = glr;
    writeFileSync(options, JSON.stringify(description));
    changeCheckpoint(path, ({ context }) => ({ context: JSON.stringify({ ...JSON.parse(context), glr }) }));
  }

  it('stops in one line and keeps what was good, from which a run can go on', async () => {
    const copy = copyOf('diverged');
    changeRate(copy, 1e30);
    const before = [resultsOf(copy), lossesOf(copy), readFileSync(checkpointOf(copy))];
    const attempt = train({ ...request, outdir: copy, glr: 1e30, kimg: 0.12 });
    await expect(attempt).rejects.toThrow(DivergenceError);
    await expect(attempt).rejects.toThrow(
      /^training diverged at 0\.06\d kimg: [^\n]+ is not finite; [^\n]*--glr than 1e\+30[^\n]*$/,
    );
    expect([resultsOf(copy), lossesOf(copy), readFileSync(checkpointOf(copy))]).toEqual(before);

    changeRate(copy, 0.0025);
    await train({ ...request, outdir: copy, kimg: 0.12 });
    expect(lossesOf(copy).map((line) => line['Progress/kimg'])).toEqual([0.032, 0.06, 0.092, 0.12]);
  });

  it('of weights alone, at the end of a tick, writes none of them', async () => {
    const outdir = join(folder, 'overflow');
    const attempt = train({ ...request, outdir, dlr: 1e39, gamma: 0, tick: 0.004 });
    await expect(attempt).rejects.toThrow(/: D\.parameters is not finite; /);
    expect(readdirSync(outdir).sort()).toEqual([
      'fakes_init.png',
      'log.txt',
      'reals.png',
      'training_options.json',
    ]);
  });
});
