// The built package in headless Chromium gives the pictures that Node gives, by WebAssembly and by WebGPU.

import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeNetworkFile } from '../../src/checkpoints/network-file.ts';
import { openNetwork } from '../../src/generate/open-network.ts';
import { latentsOf } from '../../src/generate/seeds.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';
import { buildPackage } from '../build-package.ts';
import { tinyNetwork } from '../generate/tiny-network.ts';
import { type PageServer, servePage } from './page-server.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/google-chrome', process.env.CHROMIUM_PATH ?? ''].find(
  (path) => existsSync(path),
);
const FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // A software adapter, where there is no other.
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
];
const SEED = 7;
const WASM_URL = '/node_modules/onnxruntime-web/dist';

const bytes = tinyNetwork();

async function imageInNode(): Promise<Float32Array> {
  const network = openNetwork(decodeNetworkFile(bytes, 'tiny'), await openEngine({ device: 'cpu' }));
  const { data } = await network.generate(latentsOf([SEED], network.config.zDim), null, { psi: 0.7 });
  await network.close();
  return data;
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i] - b[i]));
  return largest;
}

if (CHROMIUM === undefined) console.log('browser tests skipped: no Chromium (apt-get install chromium)');

describe.skipIf(CHROMIUM === undefined)('the built package in Chromium', () => {
  let server: PageServer;
  let browser: Browser;
  let expected: Float32Array;

  beforeAll(async () => {
    await buildPackage();
    expected = await imageInNode();
    server = await servePage(bytes);
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  async function openPage(name: 'bundled' | 'plain'): Promise<Page> {
    const page = await browser.newPage();
    await page.goto(`${server.url}/${name}.html`);
    await page.waitForFunction('globalThis.ready');
    return page;
  }

  interface Made {
    readonly shape: number[];
    readonly data: number[];
    readonly isolated: boolean;
  }

  const generate = (page: Page, options: object): Promise<Made> =>
    page.evaluate(`generate(${JSON.stringify(options)}, ${SEED})`);

  test('gives Node’s image by WebAssembly, bundled', async () => {
    const page = await openPage('bundled');
    const { shape, data, isolated } = await generate(page, { device: 'cpu', wasmUrl: WASM_URL });
    expect(shape).toEqual([1, 3, 16, 16]);
    expect(isolated, 'the page may use threads').toBe(true);
    expect(largestDifference(data, expected)).toBeLessThan(1e-4);
  });

  test('gives Node’s image by WebAssembly, straight from the package’s files', async () => {
    const { data } = await generate(await openPage('plain'), { device: 'cpu' });
    expect(largestDifference(data, expected)).toBeLessThan(1e-4);
  });

  test('gives Node’s image by WebGPU', async (context) => {
    const page = await openPage('bundled');
    const adapter = 'navigator.gpu?.requestAdapter().then((adapter) => adapter !== null) ?? false';
    if (!(await page.evaluate(adapter))) {
      console.log('browser WebGPU test skipped: Chromium gives no adapter');
      context.skip('Chromium gives no WebGPU adapter');
    }
    const { data } = await generate(page, { device: 'webgpu', wasmUrl: WASM_URL });
    expect(largestDifference(data, expected)).toBeLessThan(1e-4);
  });

  test('tells in one line that a browser has no CUDA', async () => {
    const page = await openPage('bundled');
    expect(await page.evaluate("errorOf('cuda')")).toBe(
      'DeviceError: device cuda: not available in a browser; use webgpu or cpu',
    );
  });
});
