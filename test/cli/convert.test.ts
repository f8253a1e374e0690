// convert and info on published checkpoints, as a user runs them.

import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeNetworkFile } from '../../src/checkpoints/network-file.ts';
import { readForeign } from '../../src/checkpoints/read-foreign.ts';
import { loadNetwork } from '../../src/generate/load-network.node.ts';
import { randomTensors, rosinalityGenerator, stateDictFile } from '../checkpoints/published.ts';
import { tinyNetwork } from '../generate/tiny-network.ts';
import { runHere, runProgram } from './run-program.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const PICKLE = fixture('nvidia-stylegan2-32.pkl');
const folder = mkdtempSync(join(tmpdir(), 'stylegan-convert-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const here = (name: string) => join(folder, name);

const read = (path: string) => decodeNetworkFile(new Uint8Array(readFileSync(path)), path);

describe('convert', () => {
  it('writes all networks of a pickle, whatever its name', async () => {
    copyFileSync(PICKLE, here('network-snapshot-000123.bin'));
    const { code, stdout } = await runProgram([
      'convert',
      here('network-snapshot-000123.bin'),
      here('a.safetensors'),
    ]);
    expect(code).toBe(0);
    expect(stdout).toBe(`wrote ${here('a.safetensors')}: stylegan2 32x32, 3 channels, G_ema, G, D\n`);
    const file = read(here('a.safetensors'));
    expect(file).toMatchObject({ config: { model: 'stylegan2', imgResolution: 32, zDim: 16 }, kimg: 123 });
    const theirs = readForeign(new Uint8Array(readFileSync(PICKLE)), PICKLE).networks;
    for (const { name, tensors } of theirs.filter(({ name }) => name !== 'augment_pipe')) {
      expect(file[name as 'G'], name).toHaveProperty('size', tensors.size);
    }
  });

  it('keeps one generator only, and the same images', async () => {
    await runHere('convert', PICKLE, here('g.safetensors'), '--use', 'G');
    expect(read(here('g.safetensors'))).toMatchObject({ G: null, D: null });
    const draw = async (...args: Parameters<typeof loadNetwork>) => {
      const network = await loadNetwork(...args);
      const image = await network.generate(new Float32Array(16).fill(0.5), null);
      await network.close();
      return image.data;
    };
    expect(await draw(here('g.safetensors'))).toEqual(await draw(PICKLE, { use: 'G' }));
  });

  it('measures the average w that a state dict lacks', async () => {
    const { config } = decodeNetworkFile(tinyNetwork(), 'tiny');
    const tensors = rosinalityGenerator(randomTensors(config, 'generator'));
    writeFileSync(here('r.pt'), await stateDictFile({ g_ema: tensors }));
    await runHere('convert', here('r.pt'), here('r.safetensors'), '--device', 'cpu');
    const average = read(here('r.safetensors')).G_ema.get('mapping.w_avg')!;
    expect(average.data.every((value) => value !== 0)).toBe(true);
  });

  it('writes ONNX models, apart and with their weights beside them', async () => {
    const { code, stdout } = await runProgram([
      ...['convert', PICKLE, here('a.onnx')],
      ...['--split', '--batch', '2', '--fp16', '--uint8', '--noise-mode', 'none', '--external-data'],
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain(`wrote ${here('a-synthesis.onnx')}: stylegan2 32x32, 3 channels, G_ema\n`);
    const session = await InferenceSession.create(here('a-synthesis.onnx'), { logSeverityLevel: 3 });
    const ws = new OrtTensor('float32', new Float32Array(2 * 8 * 16), [2, 8, 16]);
    const { image } = await session.run({ ws });
    expect([image.type, ...image.dims]).toEqual(['uint8', 2, 32, 32, 3]);
    await session.release();
  });

  it('writes the pickle of the published tools, and reads it again', async () => {
    await runHere('convert', PICKLE, here('again.pkl'));
    await runHere('convert', here('again.pkl'), here('again.safetensors'));
    await runHere('convert', PICKLE, here('once.safetensors'));
    expect(read(here('again.safetensors'))).toEqual(read(here('once.safetensors')));
  });

  it('never writes over its source', async () => {
    copyFileSync(PICKLE, here('source.pkl'));
    symlinkSync(here('source.pkl'), here('other.pkl'));
    for (const dest of ['source.pkl', 'other.pkl']) {
      const run = runHere('convert', here('source.pkl'), here(dest));
      await expect(run).rejects.toThrow(/as source and dest, expected another dest/);
    }
    expect(readFileSync(here('source.pkl')).equals(readFileSync(PICKLE))).toBe(true);
  });

  it.each<[string[], RegExp]>([
    [
      [PICKLE, 'a.safetensors', '--fp16'],
      /^got --fp16 for a\.safetensors, expected a name that ends in \.onnx/,
    ],
    [[fixture('tf-stylegan1-32.pkl'), here('x.pkl')], /^got a stylegan, expected one that the published/],
    [[PICKLE, 'a.txt'], /^got a\.txt, expected a name that ends in \.safetensors/],
    [[fixture('nvidia-stylegan3-t-32.pkl'), 'a.safetensors'], /got StyleGAN3, expected StyleGAN2/],
    [[fixture('data/images.npz'), 'a.safetensors'], /images\.npz/],
  ])('refuses %j in one line', async (args, message) => {
    await expect(runHere('convert', ...args)).rejects.toThrow(message);
  });
});

describe('info', () => {
  it('shows networks, settings and layers of a pickle', async () => {
    const { code, stdout } = await runProgram(['info', fixture('tf-stylegan2-32.pkl')]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^format: StyleGAN2, TensorFlow pickle$/m);
    expect(stdout).toMatch(/^ {2}model: stylegan2$/m);
    expect(stdout).toMatch(/^G_ema: [\d,]+ parameters$/m);
    expect(stdout).toMatch(/^ {2}mapping_layers: 3$/m);
    expect(stdout).toMatch(/^ {2}4x4\/Conv +2,593 {2}bias \[16\], mod_bias \[16\], mod_weight \[16, 16\], /m);
  });

  it('tells why a network cannot be used, as JSON too', async () => {
    const { stdout } = await runProgram(['info', fixture('nvidia-stylegan3-t-32.pkl'), '--json']);
    const info = JSON.parse(stdout);
    expect(info.metadata.format).toBe('StyleGAN3, PyTorch pickle');
    expect(info.metadata['cannot be used']).toMatch(/there is no model of it here yet/);
    expect(info.networks[0]).toMatchObject({ name: 'G', settings: { channel_base: 512 } });
  });
});
