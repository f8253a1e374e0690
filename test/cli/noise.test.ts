// The noise study as a user runs it, on a small untrained network with loud noise.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyGAN, tinyNetwork, tinyStyleGAN } from '../generate/tiny-network.ts';
import { runHere, runProgram } from './run-program.ts';

let folder: string;
let network: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'stylegan-noise-'));
  network = join(folder, 'tiny.safetensors');
  writeFileSync(network, tinyNetwork());
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pixels = async (...path: string[]): Promise<Uint8Array> =>
  sharp(join(...path))
    .raw()
    .toBuffer();

describe('noise', () => {
  it('writes a sheet, its parts and the numbers', async () => {
    const out = join(folder, 'out');
    const options = [
      '--seeds',
      '3,5',
      '--draws',
      '20',
      '--crop',
      '2,4,8',
      '--outdir',
      out,
      '--device',
      'cpu',
    ];
    const { code, stdout, stderr } = await runProgram(['noise', '--network', network, ...options]);
    expect([code, stderr]).toEqual([0, '']);
    expect(readdirSync(out).sort()).toEqual(['noise.json', 'seed0003', 'seed0005']);
    const settings = ['all', 'coarse', 'fine', 'none'];
    const parts = settings.flatMap((name) => [`${name}.png`, `${name}-crop.png`, `${name}-deviation.png`]);
    const draws = [0, 1, 2, 3].map((k) => `draw${k}-crop.png`);
    expect(readdirSync(join(out, 'seed0003')).sort()).toEqual([...parts, ...draws, 'sheet.png'].sort());

    const report = JSON.parse(readFileSync(join(out, 'noise.json'), 'utf8'));
    expect(report).toMatchObject({ network, kimg: 12.5, draws: 20, trunc: 1, class: null });
    expect(report.deviation.none).toEqual({ range: null, mean: 0, largest: 0 });
    expect(report.deviation.fine.range).toEqual([8, 16]);
    expect(report.seeds.map(({ seed }: { seed: number }) => seed)).toEqual([3, 5]);
    const [{ white, deviation }] = report.seeds;
    expect(white).toBe(Math.max(...settings.map((name) => deviation[name].largest)));
    const { mean } = report.deviation.all;
    expect(mean).toBeCloseTo((deviation.all.mean + report.seeds[1].deviation.all.mean) / 2, 12);
    expect(stdout).toMatch(/^noise {3}resolutions {2}mean deviation {2}largest$/m);
    expect(stdout).toContain(`all     4-16         ${mean.toFixed(4)}`);
    expect(stdout).toContain(`seed 3: crop 2,4,8; white is a deviation of ${white.toPrecision(3)}\n`);
    expect(stdout).toMatch(/wrote noise\.json and the pictures of 2 seeds to .*\n$/);
  });

  it('draws what the numbers say', async () => {
    const out = join(folder, 'out', 'seed0003');
    const [{ white, deviation }] = JSON.parse(readFileSync(join(out, '../noise.json'), 'utf8')).seeds;
    for (const setting of ['all', 'none', 'fine', 'coarse']) {
      const file = sharp(join(out, `${setting}-deviation.png`));
      expect(await file.metadata()).toMatchObject({ width: 16, height: 16, channels: 1 });
      const map = await file.extractChannel(0).raw().toBuffer();
      const mean = map.reduce((sum, value) => sum + value, 0) / map.length;
      expect(mean / 255).toBeCloseTo(deviation[setting].mean / white, 2);
    }
    // The crop's first pixel, enlarged to 256 pixels for 8.
    const image = await sharp(join(out, 'all.png'))
      .extract({ left: 2, top: 4, width: 1, height: 1 })
      .raw()
      .toBuffer();
    const crop = await sharp(join(out, 'all-crop.png')).raw().toBuffer({ resolveWithObject: true });
    expect(crop.info).toMatchObject({ width: 256, height: 256 });
    const last = (31 * 256 + 31) * 3;
    expect([...crop.data.subarray(last, last + 3)]).toEqual([...image]);
    expect([...(await pixels(out, 'draw0-crop.png'))]).toEqual([...crop.data]);
    // Four columns and rows of 256 with margins and letters.
    const { width, height } = await sharp(join(out, 'sheet.png')).metadata();
    expect([width! > 1024, height! > 1024, width! < 1200]).toEqual([true, true, true]);
  });

  it('chooses where to look, and where fine begins', async () => {
    const out = join(folder, 'chosen');
    const args = ['--draws', '2', '--fine-from', '16', '--trunc', '0.5', '--outdir', out, '--device', 'cpu'];
    await runHere('noise', '--network', network, ...args);
    const report = JSON.parse(readFileSync(join(out, 'noise.json'), 'utf8'));
    expect(report.deviation.coarse.range).toEqual([4, 8]);
    expect(report.seeds).toMatchObject([{ seed: 0, crop: { x: 0, y: 0, size: 16 } }]);
  });

  it('works for gray networks with labels', async () => {
    const labelled = join(folder, 'labelled.safetensors');
    writeFileSync(labelled, tinyNetwork({ cDim: 3, imgChannels: 1 }));
    const out = join(folder, 'gray');
    const run = (...args: string[]) =>
      runHere('noise', '--network', labelled, '--draws', '2', '--outdir', out, ...args, '--device', 'cpu');
    await expect(run()).rejects.toThrow('choose one with --class 0 to 2');
    await run('--class', '1');
    expect(await sharp(join(out, 'seed0000', 'sheet.png')).metadata()).toMatchObject({ channels: 1 });
  });

  it('works for StyleGAN, and says where there is no noise', async () => {
    const out = join(folder, 'stylegan');
    const run = (bytes: Uint8Array) => {
      const path = join(folder, 'other.safetensors');
      writeFileSync(path, bytes);
      return runHere('noise', '--network', path, '--draws', '2', '--outdir', out, '--device', 'cpu');
    };
    await expect(run(tinyGAN())).rejects.toThrow(
      'got a network of model gan, whose noise layers are none; expected noise at several resolutions, as in stylegan',
    );
    await expect(run(tinyStyleGAN({ noise: false }))).rejects.toThrow('whose noise layers are none');
    expect(existsSync(out)).toBe(false);
    await run(tinyStyleGAN());
    const { deviation } = JSON.parse(readFileSync(join(out, 'noise.json'), 'utf8'));
    expect([deviation.fine.range, deviation.coarse.range]).toEqual([
      [8, 16],
      [4, 4],
    ]);
  });

  it.each([
    [['--fine-from', '4'], 'got --fine-from 4, expected one of 8, 16'],
    [['--crop', '9,0,8'], 'got --crop 9,0,8, expected a square within 16x16'],
  ])('refuses %s before writing anything', async (args, message) => {
    const out = join(folder, 'refused');
    await expect(runHere('noise', '--network', network, ...args, '--outdir', out)).rejects.toThrow(message);
    expect(existsSync(out)).toBe(false);
  });
});
