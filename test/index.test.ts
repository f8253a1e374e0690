// The built package in Node, imported by its name as its users do, with the program beside it.

import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeNetworkFile } from '../src/checkpoints/network-file.ts';
import { openNetwork } from '../src/generate/open-network.ts';
import { latentsOf } from '../src/generate/seeds.ts';
import { openEngine } from '../src/runtime/engine.node.ts';
import { buildPackage, ROOT } from './build-package.ts';
import { tinyNetwork } from './generate/tiny-network.ts';

let folder: string;
let file: string;

beforeAll(async () => {
  await buildPackage();
  folder = await mkdtemp(join(tmpdir(), 'stylegan-package-'));
  file = join(folder, 'tiny.safetensors');
  await writeFile(file, tinyNetwork());
});

afterAll(() => rm(folder, { recursive: true }));

/** Runs a module that imports the package by its name, in a process without any loader, and parses what it prints. */
async function runModule(code: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], {
    cwd: ROOT,
    maxBuffer: 2 ** 24,
  });
  return JSON.parse(stdout);
}

describe('the built package', () => {
  test('exports what the documentation names', async () => {
    const names = (await runModule(`
      import * as stylegan from 'stylegan';
      console.log(JSON.stringify(Object.keys(stylegan)));
    `)) as string[];
    const documented = [
      'openDataset',
      'prepareDataset',
      'train',
      'loadNetwork',
      'openEngine',
      'openWorkerEngine',
    ];
    expect(names).toEqual(expect.arrayContaining([...documented, 'RandomState', 'UserError', 'ops']));
  });

  test('writes a network as ONNX', async () => {
    const model = join(folder, 'tiny.onnx');
    const written = await runModule(`
      import { networkSource, openNetworkFile, writeOnnx } from 'stylegan';
      const path = ${JSON.stringify(file)};
      const source = await networkSource(await openNetworkFile(path), 'G_ema', path);
      console.log(JSON.stringify(await writeOnnx(source, ${JSON.stringify(model)})));
    `);
    expect(written).toEqual([model]);
    expect((await stat(model)).size).toBeGreaterThan(1000);
  });

  test('makes the picture that the sources make', async () => {
    const network = openNetwork(
      decodeNetworkFile(tinyNetwork(), 'tiny'),
      await openEngine({ device: 'cpu' }),
    );
    const { data } = await network.generate(latentsOf([3], network.config.zDim), null);
    await network.close();
    const built = await runModule(`
      import { latentsOf, loadNetwork } from 'stylegan';
      const network = await loadNetwork(${JSON.stringify(file)});
      const { data } = await network.generate(latentsOf([3], network.config.zDim), null);
      await network.close();
      console.log(JSON.stringify([...data]));
    `);
    expect(built).toEqual([...data]);
  });

  test('runs sessions in a worker, which does not keep the process alive', async () => {
    const results = await runModule(`
      import { openWorkerEngine, ops } from 'stylegan';
      const engine = await openWorkerEngine({ device: 'cpu' });
      const x = ops.input('x', [2]);
      const session = await engine.compile({ outputs: { y: ops.mul(x, x) } });
      const { y } = await session.run({ x: Float32Array.of(2, 3) });
      console.log(JSON.stringify([...y]));
    `);
    expect(results).toEqual([4, 9]);
  });

  test('tells the absence of a device in one line', async () => {
    const { name, message } = (await runModule(`
      import { openEngine } from 'stylegan';
      const none = { name: 'DeviceError', message: 'it is there' };
      const { name, message } = await openEngine({ device: 'cuda' }).then(() => none, (error) => error);
      console.log(JSON.stringify({ name, message }));
    `)) as Error;
    expect(name).toBe('DeviceError');
    expect(message).toMatch(/^(--device cuda: not available here \(.+\); use --device cpu|it is there)$/);
  });
});
