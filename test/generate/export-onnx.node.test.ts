// Exported models as another program meets them: plain ONNX Runtime opens the file and draws the network's images.

import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, TensorProto_DataType } from 'onnx-buf';
import * as ort from 'onnxruntime-node';
import * as web from 'onnxruntime-web';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeNetworkFile } from '../../src/checkpoints/network-file.ts';
import { FileError, OptionError } from '../../src/core/errors.ts';
import type { FloatTensor } from '../../src/core/tensor.ts';
import { type WriteOnnxOptions, writeOnnx } from '../../src/generate/export-onnx.node.ts';
import { picturesOf } from '../../src/generate/image-grid.ts';
import { openNetwork } from '../../src/generate/open-network.ts';
import { latentsOf } from '../../src/generate/seeds.ts';
import { createModel, type NetworkConfig } from '../../src/models/registry.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';
import { tinyGAN, tinyNetwork, tinyStyleGAN, untrainedNetwork } from './tiny-network.ts';

const folder = mkdtempSync(join(tmpdir(), 'stylegan-onnx-'));
const engine = await openEngine({ device: 'cpu', threads: 1 });
afterAll(async () => {
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

const PROGAN: NetworkConfig = {
  model: 'progan',
  zDim: 8,
  cDim: 0,
  wDim: 8,
  numWs: 1,
  imgResolution: 16,
  imgChannels: 3,
  channelBase: 128,
  channelMax: 16,
  fusedScale: false,
  discriminator: { mbstdGroup: 4, channelBase: 128, channelMax: 16 },
};

const networks: Record<string, Uint8Array> = {
  stylegan2: tinyNetwork({ cDim: 3 }),
  'stylegan2 resnet, gray': tinyNetwork({ architecture: 'resnet', imgChannels: 1 }),
  stylegan: tinyStyleGAN(),
  progan: untrainedNetwork(PROGAN),
  gan: tinyGAN(),
};

type Values = Record<string, ort.Tensor>;

async function run(path: string, feeds: Values): Promise<Values> {
  const session = await ort.InferenceSession.create(path, { logSeverityLevel: 3 });
  expect([...session.inputNames]).toEqual(Object.keys(feeds));
  const results = await session.run(feeds);
  await session.release();
  return results as Values;
}

/** A network, what it is fed for two images, and the images that it gives. */
async function example(name: string, batch: number) {
  const file = decodeNetworkFile(networks[name], name);
  file.G_ema.get('mapping.w_avg')?.data.forEach((_, i, wAvg) => {
    wAvg[i] = 0.1 * i - 0.3;
  });
  const { zDim, cDim } = file.config;
  const hasW = createModel(file.config).wAvg !== null;
  const z = latentsOf([4, 7].slice(0, batch), zDim);
  const c = cDim === 0 ? null : Float32Array.from({ length: batch * cDim }, (_, i) => (i % 4 === 1 ? 1 : 0));
  const feeds: Values = { z: new ort.Tensor('float32', z, [batch, zDim]) };
  if (c !== null) feeds.c = new ort.Tensor('float32', c, [batch, cDim]);
  if (hasW) feeds.psi = new ort.Tensor('float32', Float32Array.of(0.7), []);
  const draw = (noiseMode: 'const' | 'none' = 'const') =>
    openNetwork(file, engine).generate(z, c, { ...(hasW ? { psi: 0.7 } : {}), noiseMode });
  return { file, feeds, draw };
}

let count = 0;
async function write(
  file: Parameters<typeof writeOnnx>[0],
  options: WriteOnnxOptions = {},
): Promise<string[]> {
  return writeOnnx(file, join(folder, `${count++}.onnx`), options);
}

/** Largest difference, as a part of the largest value. */
function relativeError(got: ort.Tensor, want: FloatTensor): number {
  expect(got.dims).toEqual(want.shape);
  const data = got.data as Float32Array;
  const most = (f: (x: number, i: number) => number) =>
    want.data.reduce((max, x, i) => Math.max(max, Math.abs(f(x, i))), 0);
  return most((x, i) => x - data[i]) / most((x) => x);
}

const read = (path: string) => fromBinary(ModelProtoSchema, readFileSync(path));

describe.each(Object.keys(networks))('%s', (name) => {
  it('gives its own images, one and two at a time', async () => {
    for (const batch of [1, 2]) {
      const { file, feeds, draw } = await example(name, batch);
      const [path] = await write(file, { batch });
      const { image } = await run(path, feeds);
      expect(relativeError(image, await draw())).toBeLessThan(1e-5);
    }
  });

  it('gives them in half precision to half a percent of the largest value', async () => {
    for (const batch of [1, 2]) {
      const { file, feeds, draw } = await example(name, batch);
      const [path] = await write(file, { batch, fp16: true });
      const { image } = await run(path, feeds);
      expect(image.type).toBe('float32');
      const error = relativeError(image, await draw());
      expect(error).toBeLessThan(5e-3);
      expect(error).toBeGreaterThan(0);
    }
  });

  it('is in two files, with ws in between', async () => {
    const { file, feeds, draw } = await example(name, 1);
    const [mapping, synthesis] = await write(file, { split: true });
    const { ws } = await run(mapping, feeds);
    expect(ws.dims).toEqual([1, file.config.numWs, file.config.wDim]);
    const { image } = await run(synthesis, { ws });
    expect(relativeError(image, await draw())).toBeLessThan(1e-5);
  });
});

describe('a model', () => {
  it('uses standard operators only, and says what it is', async () => {
    const { file } = await example('stylegan2', 1);
    const [path] = await write(file, { fp16: true, uint8: 'NHWC', source: 'network.pkl' });
    const model = read(path);
    expect(model.opsetImport.map(({ domain, version }) => [domain, Number(version)])).toEqual([['', 17]]);
    expect(model.graph!.node.filter(({ domain }) => domain !== '')).toEqual([]);
    const metadata = Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value]));
    expect(metadata).toMatchObject({ format: 'stylegan-onnx', precision: 'float16', source: 'network.pkl' });
    expect(JSON.parse(metadata.config)).toEqual(file.config);
  });

  it.each([false, true])('runs in WebAssembly, too (half precision: %s)', async (fp16) => {
    const { file, feeds, draw } = await example('stylegan2', 1);
    const [path] = await write(file, { fp16 });
    web.env.wasm.numThreads = 1;
    const session = await web.InferenceSession.create(new Uint8Array(readFileSync(path)));
    const inputs = Object.entries(feeds).map(([name, { data, dims }]) => {
      return [name, new web.Tensor('float32', data as Float32Array, dims)];
    });
    const { image } = await session.run(Object.fromEntries(inputs));
    expect(relativeError(image, await draw())).toBeLessThan(fp16 ? 5e-3 : 1e-5);
    await session.release();
  });

  it('without noise draws without noise', async () => {
    const { file, feeds, draw } = await example('stylegan2', 1);
    const [path] = await write(file, { noiseMode: 'none' });
    const { image } = await run(path, feeds);
    expect(relativeError(image, await draw('none'))).toBeLessThan(1e-5);
    expect(relativeError(image, await draw())).toBeGreaterThan(0.01);
  });

  it('keeps its weights beside it when asked to, each at the start of a page', async () => {
    const { file, feeds, draw } = await example('gan', 1);
    const [inside] = await write(file);
    const [data, path] = await write(file, { externalData: true });
    expect(data).toBe(`${path}.data`);
    const weights = read(path).graph!.initializer.filter(({ externalData }) => externalData.length > 0);
    const offsets = weights.map((w) => Number(w.externalData.find(({ key }) => key === 'offset')!.value));
    expect(offsets.every((offset) => offset % 4096 === 0)).toBe(true);
    expect(statSync(path).size + statSync(data).size).toBeGreaterThanOrEqual(statSync(inside).size * 0.9);
    expect(statSync(path).size).toBeLessThan(statSync(inside).size / 2);
    const { image } = await run(path, feeds);
    expect(relativeError(image, await draw())).toBeLessThan(1e-5);
  });

  it('stores the large weights of half precision as such', async () => {
    const { file } = await example('stylegan2', 1);
    const [path] = await write(file, { fp16: true });
    const large = read(path).graph!.initializer.filter(({ rawData }) => rawData.length >= 4096);
    expect(large.every(({ dataType }) => dataType === TensorProto_DataType.FLOAT16)).toBe(true);
  });

  it.each(['NHWC', 'NCHW'] as const)('gives the bytes of our pictures as %s', async (layout) => {
    const { file, feeds, draw } = await example('stylegan2', 2);
    const [path] = await write(file, { batch: 2, uint8: layout });
    const { image } = await run(path, feeds);
    expect(image.type).toBe('uint8');
    expect(image.dims).toEqual(layout === 'NHWC' ? [2, 16, 16, 3] : [2, 3, 16, 16]);
    const images = await draw();
    const pictures = picturesOf(images).flatMap(({ data }) => [...data]);
    pictures.forEach((byte, i) => {
      const [n, pixel, channel] = [Math.floor(i / 768), Math.floor((i % 768) / 3), i % 3];
      const planar = n * 768 + channel * 256 + pixel;
      const got = image.data[layout === 'NHWC' ? i : planar] as number;
      // Where the exact value lies within rounding of a whole number, either side will do.
      const exact = images.data[planar] * 127.5 + 128;
      const isTie = Math.abs(exact - Math.round(exact)) < 1e-3;
      if (!isTie || Math.abs(got - byte) > 1) expect(got, `pixel ${i}`).toBe(byte);
    });
  });

  it('survives half precision where sums of many large channels meet', async () => {
    const { file, feeds, draw } = await example('stylegan2', 2);
    for (const [name, { data }] of file.G_ema) {
      // As demodulation undoes both, images stay the same but for ToRGB's share.
      if (/b\d+\.conv[01]\.weight$/.test(name)) for (let i = 0; i < data.length; i++) data[i] *= 3e4;
    }
    const [path] = await write(file, { batch: 2, fp16: true });
    const { image } = await run(path, feeds);
    expect(relativeError(image, await draw())).toBeLessThan(2e-3);
  });
});

it('tells in one line what cannot be written', async () => {
  const { file } = await example('gan', 1);
  await expect(writeOnnx(file, join(folder, 'a.txt'))).rejects.toThrow(FileError);
  await expect(write(file, { batch: 0 })).rejects.toThrow(OptionError);
  await expect(writeOnnx(file, join(folder, 'none', 'a.onnx'))).rejects.toThrow(FileError);
});
