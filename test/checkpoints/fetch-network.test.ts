// Networks by path, address and name: what is downloaded, where it is kept, and when the server is asked.

import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  cacheFolder,
  cachePath,
  type DownloadProgress,
  fetchNetwork,
} from '../../src/checkpoints/fetch-network.node.ts';
import { PUBLISHED_NETWORKS } from '../../src/checkpoints/published-networks.ts';
import { FileError, OptionError } from '../../src/core/errors.ts';
import { loadNetwork } from '../../src/generate/load-network.node.ts';
import { runHere, runProgram } from '../cli/run-program.ts';
import { tinyNetwork } from '../generate/tiny-network.ts';
import { type FileServer, serve, startFileServer } from './file-server.ts';

const network = tinyNetwork();
const sha256 = createHash('sha256').update(network).digest('hex');

let server: FileServer;
let folder: string;

beforeAll(async () => {
  server = await startFileServer();
  server.handler = (request, response) => serve(request, response, network, { etag: 'a' });
});
afterAll(() => server.close());

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stylegan-fetch-'));
  vi.stubEnv('STYLEGAN_CACHE_DIR', join(folder, 'cache'));
  server.requests.length = 0;
  return () => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  };
});

describe('an address', () => {
  test('is downloaded once, and then used without the server', async () => {
    const address = `${server.url}/tiny.safetensors`;
    const seen: DownloadProgress[] = [];
    const options = { onDownload: (progress: DownloadProgress) => seen.push(progress) };
    const path = await fetchNetwork(address, options);
    expect(Buffer.compare(readFileSync(path), network)).toBe(0);
    expect(path).toBe(cachePath(address));
    expect(seen.at(-1)).toEqual({ address, done: network.length, total: network.length, network: null });
    seen.length = 0;
    expect(await fetchNetwork(address, options)).toBe(path);
    expect(server.requests).toHaveLength(1);
    expect(seen).toEqual([]);
  });

  test('with a hash is checked at every use, and a file that does not match is downloaded anew', async () => {
    const address = `${server.url}/tiny.safetensors`;
    const path = await fetchNetwork(`${address}#sha256=${sha256.toUpperCase()}`);
    await fetchNetwork(`${address}#sha256=${sha256}`);
    expect(server.requests).toHaveLength(1);
    writeFileSync(path, 'something else');
    await fetchNetwork(`${address}#sha256=${sha256}`);
    expect(Buffer.compare(readFileSync(path), network)).toBe(0);
    const wrong = '0'.repeat(64);
    await expect(fetchNetwork(`${address}#sha256=${wrong}`)).rejects.toThrow(/expected 0000/);
    expect(Buffer.compare(readFileSync(path), network)).toBe(0);
  });

  test.each([
    ['ftp://a.example/x.pkl', /^got the address ftp:.*, expected https:/],
    ['https://', /^got the address https:/],
    ['http://a.example/x.pkl', /expected https:.*, or http:.* with #sha256=/],
    [
      'https://a.example/x.pkl#sha256=12',
      /^got #sha256=12 in the address, expected #sha256= and 64 hex digits$/,
    ],
    ['https://a.example/x.pkl#part', /^got #part/],
  ])('%s is refused', async (address, message) => {
    const error = await fetchNetwork(address).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OptionError);
    expect((error as Error).message).toMatch(message);
  });

  test('is what loadNetwork and commands take', async () => {
    const address = `${server.url}/tiny.safetensors`;
    const loaded = await loadNetwork(address, { device: 'cpu' });
    expect(loaded.config.imgResolution).toBe(16);
    await loaded.close();
    const outdir = join(folder, 'out');
    await runHere('generate', '--network', address, '--seeds', '1,2', '--outdir', outdir, '--device', 'cpu');
    expect(readdirSync(outdir)).toEqual(['seed0001.png', 'seed0002.png']);
    expect(server.requests).toHaveLength(1);
  });
});

describe('the cache', () => {
  test('keeps every address inside its folder, under a name of its own', () => {
    const addresses = [
      'https://a.example/ffhq.pkl',
      'https://b.example/ffhq.pkl',
      'https://a.example/ffhq.pkl?version=2',
      'https://a.example/..%2f..%2fetc%2fpasswd',
      'https://a.example/../../etc/passwd',
      'https://a.example/%00con.pkl',
      'https://a.example/',
      `https://a.example/${'x'.repeat(500)}.pkl`,
    ];
    const paths = addresses.map(cachePath);
    expect(new Set(paths).size).toBe(paths.length);
    for (const path of paths) {
      expect(dirname(path)).toBe(cacheFolder());
      expect(path.slice(dirname(path).length + 1)).toMatch(/^[0-9a-f]{16}-[\w.-]{0,64}$/);
    }
    expect(paths[0]).toMatch(/-ffhq\.pkl$/);
    expect(cachePath('https://a.example/ffhq.pkl#sha256=00')).toBe(paths[0]);
  });

  test("is the user's, where the system keeps such", () => {
    expect(cacheFolder({ STYLEGAN_CACHE_DIR: '/here', XDG_CACHE_HOME: '/xdg' }, 'linux')).toBe('/here');
    expect(cacheFolder({ XDG_CACHE_HOME: '/xdg' }, 'linux')).toBe('/xdg/stylegan');
    expect(cacheFolder({ XDG_CACHE_HOME: 'relative' }, 'linux')).toBe(join(homedir(), '.cache/stylegan'));
    expect(cacheFolder({}, 'darwin')).toBe(join(homedir(), 'Library/Caches/stylegan'));
    expect(cacheFolder({ LOCALAPPDATA: '/local' }, 'win32')).toBe('/local/stylegan/Cache');
  });
});

describe('a name', () => {
  test('of a published network stands for its address', async () => {
    const { address } = PUBLISHED_NETWORKS[0];
    await fetchNetwork(`${server.url}/any`);
    writeFileSync(cachePath(address), network);
    expect(await fetchNetwork('ffhq')).toBe(cachePath(address));
  });

  test('of a file is the file', async () => {
    expect(await fetchNetwork('some.safetensors')).toBe('some.safetensors');
    writeFileSync(join(folder, 'ffhq'), network);
    const before = process.cwd();
    process.chdir(folder);
    try {
      expect(await fetchNetwork('ffhq')).toBe('ffhq');
    } finally {
      process.chdir(before);
    }
  });

  test('of nothing is told where to look', async () => {
    const error = await fetchNetwork('ffgq').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FileError);
    expect((error as Error).message).toMatch(/^cannot read ffgq: no such file, and no network of that name/);
  });
});

test('published networks have names, addresses and licences to go by', async () => {
  const names = PUBLISHED_NETWORKS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(new Set(PUBLISHED_NETWORKS.map(({ address }) => address)).size).toBe(names.length);
  for (const { name, address, licence, shows, sha256: hash, resolution } of PUBLISHED_NETWORKS) {
    expect(name).toMatch(/^[a-z0-9-]+$/);
    expect(address).toMatch(/^https:\/\/[\w.-]+\.nvidia\.com\/[\w./-]+\.pkl$/);
    expect(licence.address).toMatch(/^https:/);
    expect(shows).toBeTruthy();
    expect(hash ?? '0'.repeat(64)).toMatch(/^[0-9a-f]{64}$/);
    expect(Math.log2(resolution) % 1).toBe(0);
  }
  const [{ stdout: json }, { stdout: text }] = await Promise.all([
    runProgram(['networks', '--json']),
    runProgram(['networks']),
  ]);
  expect(JSON.parse(json)).toEqual(PUBLISHED_NETWORKS.map((listed) => ({ ...listed, file: null })));
  for (const { name, address } of PUBLISHED_NETWORKS) {
    expect(text).toContain(`  ${name} `);
    expect(text).toContain(`    ${address}\n`);
  }
});
