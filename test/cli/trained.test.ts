// Networks of every generation from the training run to their use: files, pictures, mixing, video and info.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeNetworkFile } from '../../src/checkpoints/network-file.ts';
import { readSafetensors, writeSafetensors } from '../../src/checkpoints/safetensors.ts';
import { FileError, OptionError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { picturesOf } from '../../src/generate/image-grid.ts';
import { loadNetwork } from '../../src/generate/load-network.node.ts';
import type { TrainingRequest } from '../../src/training/options.ts';
import { gridSize } from '../../src/training/sample-grid.ts';
import { train } from '../../src/training/train.node.ts';
import { TINY_ENGINE, tinyData } from '../training/tiny-run.ts';
import { runHere, runProgram } from './run-program.ts';

/** Four steps of four images. */
const SMALL: TrainingRequest = {
  kimg: 0.016,
  batch: 4,
  mbstdGroup: 2,
  cbase: 64,
  cmax: 8,
  zDim: 8,
  wDim: 8,
  seed: 5,
};
const GROWING: TrainingRequest = { ...SMALL, startRes: 4, stableKimg: 0.004, fadeKimg: 0.016 };
/** Level of detail of the last step, which began after 12 images. */
const RUNS: [cfg: 'gan' | 'dcgan' | 'progan' | 'stylegan', request: TrainingRequest, lod: number][] = [
  ['gan', { ...SMALL, reg: ['sn'] }, 0],
  ['dcgan', SMALL, 0],
  ['progan', GROWING, 0.5],
  ['stylegan', { ...GROWING, mapDepth: 2 }, 0.5],
];

let folder: string;
const networks: Record<string, string> = {};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stylegan-trained-'));
  const data = await tinyData(folder);
  for (const [cfg, request] of RUNS) {
    const { network } = await train({ ...request, cfg, data, outdir: join(folder, cfg), ...TINY_ENGINE });
    networks[cfg] = network;
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(RUNS)('%s', (cfg, { seed }, lod) => {
  it('gives the pictures that training showed of it', async () => {
    const file = decodeNetworkFile(readFileSync(networks[cfg]), cfg);
    expect(file.config.model).toBe(cfg);
    expect(file.lod).toBeCloseTo(lod, 12);
    const count = 4;
    const z = new Random(seed!, 'sample-grid').fillNormal(new Float32Array(count * 8));
    const network = await loadNetwork(networks[cfg], TINY_ENGINE);
    const pictures = picturesOf(await network.generate(z, null));
    await network.close();
    const [columns] = gridSize(8);
    for (let i = 0; i < count; i++) {
      const place = { left: 8 * (i % columns), top: 8 * Math.floor(i / columns), width: 8, height: 8 };
      const shown = await sharp(join(folder, cfg, 'fakes000000.png'))
        .extract(place)
        .raw()
        .toBuffer();
      shown.forEach((value, k) => {
        expect(Math.abs(value - pictures[i].data[k])).toBeLessThanOrEqual(1);
      });
    }
    expect(pictures[0].data).not.toEqual(pictures[1].data);
  });

  it('is described by info, buffers apart from parameters', async () => {
    const { stdout, code } = await runProgram(['info', networks[cfg], '--json']);
    expect(code).toBe(0);
    const { metadata, networks: parts } = JSON.parse(stdout);
    expect(metadata).toMatchObject({ kimg: 0.016, config: { model: cfg, imgResolution: 8 } });
    expect(metadata.lod ?? 0).toBeCloseTo(lod, 12);
    const { tensors } = readSafetensors(
      new Uint8Array(readFileSync(join(folder, cfg, 'checkpoint.safetensors'))),
      'checkpoint',
    );
    for (const name of ['G', 'D']) {
      const { parameters } = parts.find((part: { name: string }) => part.name === name);
      expect(parameters).toBe(tensors.get(`${name}.parameters`)!.data.length);
    }
  });

  it('makes pictures and a video on the command line', async () => {
    const out = join(folder, `${cfg} pictures`);
    await runHere(
      'generate',
      '--network',
      networks[cfg],
      '--seeds',
      '0-1',
      '--outdir',
      out,
      '--device',
      'cpu',
    );
    expect(readdirSync(out).sort()).toEqual(['seed0000.png', 'seed0001.png']);
    const video = join(folder, `${cfg} video`);
    const args = ['--seeds', '0-1', '--w-frames', '2', '--output', video, '--device', 'cpu'];
    await runHere('video', '--network', networks[cfg], ...args);
    expect(readdirSync(video)).toHaveLength(4);
  });

  it('mixes styles where it has some, and says so in one line where it has none', async () => {
    const out = join(folder, `${cfg} mix`);
    const args = ['--rows', '1', '--cols', '2', '--outdir', out, '--device', 'cpu'];
    const mixed = runHere('mix', '--network', networks[cfg], ...args);
    if (cfg === 'stylegan') {
      await mixed;
      expect(readdirSync(out).sort()).toEqual(['1-1.png', '1-2.png', '2-2.png', 'grid.png']);
      return;
    }
    await expect(mixed).rejects.toThrow(OptionError);
    await expect(mixed).rejects.toThrow(
      new RegExp(`^got a network of model ${cfg} with one vector for the whole image, [^\\n]+$`),
    );
    expect(readdirSync(folder)).not.toContain(`${cfg} mix`);
  });
});

describe('a level of detail', () => {
  it.each([
    ['progan', '1.5', 'got lod 1.5, expected a number from 0 to 1'],
    ['stylegan', '-1', 'got lod -1, expected a number from 0 to 1'],
    ['stylegan', 'NaN', 'got lod NaN, expected a number from 0 to 1'],
    ['dcgan', '0.5', 'got lod 0.5, expected a number from 0 to 0'],
  ])('that a %s cannot have, %s, is refused in one line', async (cfg, lod, message) => {
    const { tensors, metadata } = readSafetensors(new Uint8Array(readFileSync(networks[cfg])), cfg);
    const path = join(folder, 'changed.safetensors');
    writeFileSync(path, Buffer.concat(writeSafetensors(tensors, { ...metadata, lod })));
    const opened = loadNetwork(path, TINY_ENGINE);
    await expect(opened).rejects.toThrow(FileError);
    await expect(opened).rejects.toThrow(`${path}: ${message}`);
  });
});
