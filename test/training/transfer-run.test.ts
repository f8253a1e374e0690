// Runs that start from a network: what they write, that they resume byte for byte, and what stays frozen in them.

import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeNetworkFile, encodeNetworkFile } from '../../src/checkpoints/network-file.ts';
import { openNetworkFile } from '../../src/checkpoints/open-file.node.ts';
import { FileError, OptionError } from '../../src/core/errors.ts';
import { createModel } from '../../src/models/registry.ts';
import { frozenParameters } from '../../src/training/freeze.ts';
import { lastingName } from '../../src/training/open-transfer.node.ts';
import { networkConfigOf, resolveOptions } from '../../src/training/options.ts';
import { TrainingState } from '../../src/training/state.ts';
import { type TrainRequest, train } from '../../src/training/train.node.ts';
import { lossesOf, readStats, resultsOf, TINY, TINY_ENGINE, tinyData } from './tiny-run.ts';

let folder: string;
let request: TrainRequest;
/** A network of 16x16 without labels. */
let source: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stylegan-transfer-'));
  const data = await tinyData(folder);
  source = join(folder, 'source.safetensors');
  const shape = { resolution: 16, channels: 3, labelDim: 0 };
  const options = resolveOptions({ ...TINY, cond: false, seed: 1 }, shape);
  const state = new TrainingState(createModel(networkConfigOf(options, shape)), 1);
  writeFileSync(source, Buffer.concat(encodeNetworkFile(state.networkFile())));
  // Two phases are compiled quicker than four.
  const quick = { ...TINY, kimg: 0.048, tick: 0.016, snap: 1, plWeight: 0, styleMixing: 0, reg: [] };
  request = { ...quick, data, outdir: '', ...TINY_ENGINE, resume: source };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const lastOf = (path: string) => decodeNetworkFile(readFileSync(path), path);

/** Trains until `kimg` are shown and breaks off, without a word. */
async function cutOff(kimg: number, outdir: string): Promise<void> {
  const cut = new Error('cut off');
  const onProgress = (progress: { kimg: number }) => {
    if (progress.kimg >= kimg) throw cut;
  };
  await expect(train({ ...request, outdir, onProgress })).rejects.toBe(cut);
}

describe('a run that starts from a network', () => {
  it('says what it takes, in short and in full, once', async () => {
    const outdir = join(folder, 'run');
    const lines: string[] = [];
    await train({ ...request, kimg: 0.016, outdir, onLog: (line) => lines.push(line) });
    const report = join(outdir, 'resume.txt');
    expect(lines.slice(0, 5)).toEqual([
      `starting from ${source}: stylegan2 of 16x16 images with 3 channels and 0 classes, 0 kimg`,
      expect.stringMatching(
        /^ {2}G_ema, G: \d+ tensors taken, 3 new \(mapping\.embed, mapping\.fc0\.weight\), \d+ skipped \(synthesis\.b16, mapping\.fc0\.weight\)$/,
      ),
      expect.stringMatching(
        /^ {2}D: \d+ tensors taken, \d+ new \(b8\.fromrgb, .*\), \d+ skipped \(b16, .*\)$/,
      ),
      `  all of it: ${report}`,
      'compiling for cpu',
    ]);
    expect(readFileSync(report, 'utf8')).toContain(
      '  skipped  mapping.fc0.weight [8,8]: [8,16] in this run\n',
    );
    lines.length = 0;
    renameSync(source, `${source}.gone`);
    await train({ ...request, kimg: 0.02, outdir, onLog: (line) => lines.push(line) }).finally(() =>
      renameSync(`${source}.gone`, source),
    );
    expect(lines[0]).toMatch(/^resumed at 0\.016 kimg/);
    expect(lines.join('\n')).not.toContain('starting from');
  });

  it('begins with the pictures of the source', async () => {
    const outdir = join(folder, 'same');
    const first = await train({ ...request, resume: null, cond: false, kimg: 0.016, outdir });
    const again = join(folder, 'again');
    await train({ ...request, resume: first.network, cond: false, kimg: 0.004, outdir: again });
    const picture = (run: string, name: string) => readFileSync(join(run, name)).toString('base64');
    expect(picture(again, 'fakes_init.png')).toBe(picture(outdir, 'fakes000000.png'));
  });

  it('starts from a published pickle', async () => {
    const pickle = fileURLToPath(new URL('../fixtures/nvidia-stylegan2-32.pkl', import.meta.url));
    const outdir = join(folder, 'published');
    const width = { cbase: 512, cmax: 16, zDim: 16, wDim: 16, mapDepth: 2, cond: false } as const;
    const rates = { glr: 1e-12, dlr: 1e-12, kimg: 0.004 };
    const { network } = await train({ ...request, ...width, ...rates, resume: pickle, outdir });
    const [ours, theirs] = [lastOf(network), await openNetworkFile(pickle)];
    for (const name of [
      'synthesis.b8.conv0.weight',
      'synthesis.b4.const',
      'synthesis.b8.conv1.noise_const',
    ]) {
      const expected = (await (await openNetworkFile(pickle)).part('G'))!.get(name)!.data;
      expect(ours.G!.get(name)!.data, name).toEqual(expected);
    }
    const b8 = 'b8.conv0.weight';
    expect(ours.D!.get(b8)!.data).toEqual((await theirs.part('D'))!.get(b8)!.data);
  });

  it('cut off before and after its first checkpoint ends in the same bytes', async () => {
    const [whole, parts] = [join(folder, 'whole'), join(folder, 'parts')];
    await train({ ...request, outdir: whole });
    await cutOff(0.008, parts);
    expect(existsSync(join(parts, 'checkpoint.safetensors'))).toBe(false);
    await cutOff(0.024, parts);
    expect(existsSync(join(parts, 'checkpoint.safetensors'))).toBe(true);
    await train({ ...request, outdir: parts });
    expect(resultsOf(parts)).toEqual(resultsOf(whole));
    expect(lossesOf(parts)).toEqual(lossesOf(whole));
    const report = (run: string) => readFileSync(join(run, 'resume.txt'), 'utf8');
    expect(report(parts)).toBe(report(whole));
    const log = readFileSync(join(parts, 'log.txt'), 'utf8');
    expect(log.match(/^starting from/gm)).toHaveLength(2);
    expect(log.match(/^resumed at/gm)).toHaveLength(1);

    // Named from another folder it is the same source.
    await train({ ...request, resume: relative(process.cwd(), source), outdir: whole });
    const other = train({ ...request, resume: `${source}x`, outdir: whole });
    await expect(other).rejects.toThrow(OptionError);
    await expect(other).rejects.toThrow(
      `--resume: got "${source}x", but the run in ${whole} has "${source}"`,
    );
  });
});

it.each([
  ['a/../b.pkl', resolve('b.pkl')],
  ['ffhq256', 'ffhq256'],
  ['https://me:secret@models.example/a.pkl#sha256=00', 'https://models.example/a.pkl#sha256=00'],
  ['https://models.example/a%20b.pkl', 'https://models.example/a%20b.pkl'],
])('a run calls %s %s', (typed, expected) => {
  expect(lastingName(typed)).toBe(expected);
});

describe('frozen layers', () => {
  it('keep the bytes of the source while all others move', async () => {
    const outdir = join(folder, 'frozen');
    const freezed = 2;
    const same = { ...request, reg: ['r1' as const], cond: false, outdir };
    const first = await train({ ...same, resume: null, kimg: 0.004, outdir: join(folder, 'first') });
    // Both of D's phases, and all parameters of G.
    const { network } = await train({ ...same, resume: first.network, freezed, kimg: 0.016 });
    const [before, after] = [lastOf(first.network), lastOf(network)];
    const { discriminator } = createModel(after.config);
    const frozen = frozenParameters(discriminator, freezed);
    expect([...frozen]).toEqual(['b8.fromrgb.weight', 'b8.fromrgb.bias', 'b8.conv0.weight', 'b8.conv0.bias']);
    for (const { name, trainable } of discriminator) {
      const { data } = before.D!.get(name)!;
      const isSame = after.D!.get(name)!.data.every((value, i) => value === data[i]);
      if (trainable) expect([name, isSame]).toEqual([name, frozen.has(name)]);
    }
    expect(after.G!.get('synthesis.b8.conv0.weight')).not.toEqual(before.G!.get('synthesis.b8.conv0.weight'));
  });

  it('that are not in the source are warned of', async () => {
    const lines: string[] = [];
    const onLog = (line: string) => lines.push(line);
    await train({ ...request, freezed: 1, kimg: 0.004, outdir: join(folder, 'untrained'), onLog });
    expect(lines).toContain(
      '  warning: --freezed 1 keeps layers that are not trained: b8.fromrgb.weight, b8.fromrgb.bias',
    );
  });
});

describe('counting from --resume-kimg', () => {
  it('goes for progress, names, ramps, levels of detail and the end', async () => {
    const outdir = join(folder, 'counting');
    const growing = { cfg: 'stylegan', mapDepth: 2, startRes: 4, stableKimg: 2, fadeKimg: 0.032 } as const;
    const grown = join(folder, 'grown.safetensors');
    const shape = { resolution: 8, channels: 3, labelDim: 5 };
    const options = resolveOptions({ ...TINY, ...growing }, shape);
    const state = new TrainingState(createModel(networkConfigOf(options, shape)), 1);
    writeFileSync(grown, Buffer.concat(encodeNetworkFile(state.networkFile())));
    const asked = { ...request, ...growing, resume: grown, resumeKimg: 2.016, kimg: 2.048, outdir };
    const { kimg, network } = await train(asked);
    expect([kimg, network]).toEqual([2.048, join(outdir, 'network-snapshot-000002.safetensors')]);
    const stats = readStats(outdir);
    expect(stats.map((line) => line['Progress/tick'])).toEqual([1, 2]);
    expect(stats.map((line) => line['Progress/kimg'])).toEqual([2.032, 2.048]);
    // One step before the end of a tick: (2.028 - 2) / 0.032 and (2.044 - 2) / 0.032 of the fade.
    expect(stats.map((line) => line['Progress/lod'])).toEqual([1 - 0.875, 0]);
    expect(lastOf(network).kimg).toBe(2.048);
    expect(stats.every((line) => line['Timing/sec_per_kimg'] > 0)).toBe(true);
  });
});

describe('a source that cannot be used', () => {
  it.each<[string, () => string, RegExp]>([
    [
      'is not there',
      () => join(folder, 'nosuch.pkl'),
      /^cannot read [^\n]*nosuch\.pkl: no such file or folder$/,
    ],
    [
      'has no such name',
      () => 'nosuch',
      /^cannot read nosuch: no such file, and no network of that name[^\n]*$/,
    ],
    ['is a folder', () => folder, /^cannot read [^\n]*: it is a folder, expected a file$/],
    ['is no network', () => request.data as string, /^[^\n]*faces\.zip[^\n]*expected[^\n]*$/],
    [
      'is a generation that is not known',
      () => fileURLToPath(new URL('../fixtures/nvidia-stylegan3-t-32.pkl', import.meta.url)),
      /^[^\n]*nvidia-stylegan3-t-32\.pkl[^\n]*$/,
    ],
    [
      'has nothing to take',
      () => fileURLToPath(new URL('../fixtures/tf-stylegan1-32.pkl', import.meta.url)),
      /^--resume [^\n]*: got a stylegan of 32x32 [^\n]*, expected a network that has a weight in common[^\n]*$/,
    ],
  ])('because it %s is refused in one line, and leaves no run', async (_name, resume, message) => {
    const outdir = join(folder, 'refused');
    const attempt = train({ ...request, resume: resume(), outdir });
    await expect(attempt).rejects.toThrow(FileError);
    await expect(attempt).rejects.toThrow(message);
    expect(existsSync(outdir)).toBe(false);
  });
});
