// Downloads from a server that fails in every way: a whole and right file in the end, or one line and the old file.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type DownloadLimits,
  type DownloadOptions,
  download,
  redirectTarget,
} from '../../src/checkpoints/download.node.ts';
import { FileError, OptionError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { type FileServer, type Served, serve, startFileServer } from './file-server.ts';

const LIMITS: Partial<DownloadLimits> = { stall: 20_000, pause: 1, failures: 3 };
const SIZE = 400_000;

const file = bytesOf('the file');
const other = bytesOf('another file');
const sha256 = createHash('sha256').update(file).digest('hex');

let server: FileServer;
let folder: string;
let path: string;

beforeAll(async () => {
  server = await startFileServer();
});
afterAll(() => server.close());

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stylegan-download-'));
  path = join(folder, 'network.pkl');
  server.requests.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true }));

function bytesOf(purpose: string): Uint8Array {
  const numbers = new Float32Array(SIZE / 4);
  new Random(1, purpose).fillNormal(numbers);
  return new Uint8Array(numbers.buffer);
}

const get = (options: DownloadOptions = {}): Promise<void> =>
  download(new URL('/network.pkl', server.url), path, { limits: LIMITS, ...options });

/** Lets the server answer its nth request as the nth entry says, and all later ones as the last. */
function answer(...served: (Served & { file?: Uint8Array })[]): void {
  server.handler = (request, response, n) => {
    const { file: content = file, ...how } = served[Math.min(n, served.length - 1)];
    return serve(request, response, content, how);
  };
}

function expectWhole(content: Uint8Array = file): void {
  expect(Buffer.compare(readFileSync(path), content)).toBe(0);
  expect(readdirSync(folder)).toEqual(['network.pkl']);
}

/** The download fails with that line, and the file that was there before is untouched. */
async function expectFailure(message: RegExp, options: DownloadOptions = {}): Promise<void> {
  writeFileSync(path, 'good');
  const error = await get(options).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(FileError);
  expect((error as Error).message).toMatch(message);
  expect((error as Error).message).not.toContain('\n');
  expect(readFileSync(path, 'utf8')).toBe('good');
}

const parts = (): string[] => readdirSync(folder).filter((name) => name.includes('.part-'));
const ranges = (): (string | undefined)[] => server.requests.map(({ range }) => range);

describe('a server that is well', () => {
  test('gives the file, with progress, and its hash is compared', async () => {
    answer({ etag: 'a' });
    const seen: [number, number | null][] = [];
    await get({ sha256, onProgress: (done, total) => seen.push([done, total]) });
    expectWhole();
    expect(seen[0]).toEqual([0, SIZE]);
    expect(seen.at(-1)).toEqual([SIZE, SIZE]);
  });

  test('may drip slowly, as long as something comes', async () => {
    answer({ drip: 100 });
    await get({ limits: { ...LIMITS, stall: 1500 } });
    expectWhole();
    expect(server.requests).toHaveLength(1);
  });

  test('may send the file in chunks, without saying how long it is, or compressed', async () => {
    server.handler = (_, response) => response.writeHead(200, { 'transfer-encoding': 'chunked' }).end(file);
    await get();
    expectWhole();
    server.handler = (_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip', etag: '"z"' }).end(gzipSync(file));
    await get({ sha256 });
    expectWhole();
  });
});

describe('a lost connection', () => {
  test('is taken up again where it broke', async () => {
    answer({ etag: 'a', cutAfter: 100_000 }, { etag: 'a', cutAfter: 50_000 }, { etag: 'a' });
    await get({ sha256 });
    expectWhole();
    expect(ranges()).toEqual([undefined, 'bytes=100000-', 'bytes=150000-']);
  });

  test('begins anew where the server has no ranges, or no way to tell versions apart', async () => {
    answer({ etag: 'a', ranges: false, cutAfter: 100_000 }, { etag: 'a', ranges: false });
    await get();
    expectWhole();
    server.requests.length = 0;
    answer({ cutAfter: 100_000 }, {});
    await get();
    expectWhole();
    expect(ranges()).toEqual([undefined, undefined]);
  });

  test('begins anew where the file has changed meanwhile', async () => {
    answer({ etag: 'a', cutAfter: 100_000 }, { etag: 'b', file: other });
    await get();
    expectWhole(other);
  });

  test('is given up after some failures without progress, and the part stays', async () => {
    answer({ etag: 'a', cutAfter: 100_000 }, { etag: 'a', cutAfter: 0 });
    await expectFailure(
      /^cannot download http:.*: the connection was lost .*run it again to go on from there$/,
    );
    expect(server.requests).toHaveLength(4);
    answer({ etag: 'a' });
    await get();
    expectWhole();
    expect(ranges().at(-1)).toBe('bytes=100000-');
  });

  test('goes unnoticed but for the time without data', async () => {
    server.handler = (_, response) => response.writeHead(200, { 'content-length': SIZE }).write('some');
    await expectFailure(/no data for 0\.05 s$/, { limits: { ...LIMITS, stall: 50 } });
  });
});

describe('a server that lies about ranges', () => {
  test.each([
    ['its start', { 'content-range': `bytes 0-${SIZE - 1}/${SIZE}` }],
    ['the total', { 'content-range': `bytes 100000-${SIZE - 1}/${SIZE + 1}` }],
    ['the version', { 'content-range': `bytes 100000-${SIZE - 1}/${SIZE}`, etag: '"b"' }],
    ['everything', {}],
  ])('in %s is asked for the whole file', async (_, headers) => {
    server.handler = (request, response, n) => {
      if (n === 0) return serve(request, response, file, { etag: 'a', cutAfter: 100_000 });
      if (n === 1) return response.writeHead(206, headers as Record<string, string>).end(other);
      return serve(request, response, file, { etag: 'a' });
    };
    await get();
    expectWhole();
    expect(ranges()).toEqual([undefined, 'bytes=100000-', undefined]);
  });

  test('in more bytes than the file has is asked again', async () => {
    server.handler = (request, response, n) => {
      if (n === 0) return serve(request, response, file, { etag: 'a', cutAfter: 100_000 });
      const range = { 'content-range': `bytes 100000-${SIZE - 1}/${SIZE}`, etag: '"a"' };
      if (n === 1) return response.writeHead(206, range).end(other);
      return serve(request, response, file, { etag: 'a' });
    };
    await get();
    expectWhole();
  });

  test('in the bytes themselves is found out by the hash', async () => {
    answer({ etag: 'a', cutAfter: 100_000 }, { etag: 'a', file: other });
    await expectFailure(/got a file with SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}$/, { sha256 });
    expect(parts()).toEqual([]);
  });
});

describe('what is not the file', () => {
  test('has the wrong hash', async () => {
    answer({ file: other });
    await expectFailure(/got a file with SHA-256/, { sha256 });
    expect(parts()).toEqual([]);
  });

  test('is shorter than announced, every time', async () => {
    answer({ headers: { 'content-length': String(SIZE + 10) }, cutAfter: SIZE });
    await expectFailure(/the connection was lost|got 400000 bytes, expected 400010/);
  });

  test.each([{ 'content-type': 'text/html; charset=utf-8' }, { 'content-type': 'application/octet-stream' }])(
    'is a web page, sent as %o',
    async (headers) => {
      answer({ headers, file: Buffer.from('\n<!DOCTYPE html><title>Virus scan warning</title>') });
      await expectFailure(/got a web page, expected a file; get it with a browser and give its path$/);
      expect(parts()).toEqual([]);
    },
  );

  test('is a web page on the second attempt, which costs nothing of the first', async () => {
    answer({ etag: 'a', cutAfter: 100_000 }, { headers: { 'content-type': 'text/html' } });
    await expectFailure(/got a web page/);
    answer({ etag: 'a' });
    await get();
    expectWhole();
    expect(ranges().at(-1)).toBe('bytes=100000-');
  });

  test('is empty', async () => {
    answer({ file: new Uint8Array() });
    await expectFailure(/got an empty file$/);
  });

  test.each([
    ['as announced', { etag: 'a' }],
    ['unannounced', { headers: { 'transfer-encoding': 'chunked' } }],
  ])('is too large, %s', async (_, served) => {
    server.handler = (request, response) => {
      if ('etag' in served) return serve(request, response, file, served);
      return response.writeHead(200, served.headers).end(file);
    };
    await expectFailure(/got \d+ bytes or more, expected at most 1000$/, {
      limits: { ...LIMITS, maxBytes: 1000 },
    });
    expect(parts()).toEqual([]);
  });
});

describe('status codes', () => {
  test.each([
    [404, /the server answered 404 Not Found$/, 1],
    [403, /the server answered 403 Forbidden$/, 1],
    [503, /the server answered 503 Service Unavailable$/, 3],
  ])('%i fails', async (status, message, attempts) => {
    server.handler = (_, response) => response.writeHead(status).end('<html>sorry</html>');
    await expectFailure(message);
    expect(server.requests).toHaveLength(attempts);
  });

  test('500 and 429 are asked again', async () => {
    server.handler = (request, response, n) => {
      if (n < 2) return response.writeHead([500, 429][n]).end();
      return serve(request, response, file);
    };
    await get();
    expectWhole();
  });
});

describe('redirects', () => {
  test('are followed', async () => {
    server.handler = (request, response, n) => {
      if (n < 3) return response.writeHead([301, 302, 307][n], { location: `/hop${n}` }).end();
      return serve(request, response, file);
    };
    await get();
    expectWhole();
  });

  test('in a circle end', async () => {
    server.handler = (_, response) => response.writeHead(302, { location: '/network.pkl' }).end();
    await expectFailure(/got more than 10 redirects$/);
  });

  test('never lead to where it is less safe', () => {
    const from = new URL('https://a.example/x');
    expect(redirectTarget(from, '/y').href).toBe('https://a.example/y');
    expect(() => redirectTarget(from, 'http://a.example/y', sha256)).toThrow(FileError);
    expect(() => redirectTarget(from, 'http://localhost/y')).toThrow(FileError);
    expect(() => redirectTarget(from, 'file:///etc/passwd')).toThrow(FileError);
    expect(() => redirectTarget(new URL(server.url), 'http://a.example/y')).toThrow(OptionError);
  });
});

describe('addresses', () => {
  test.each(['http://a.example/x', 'https://me:secret@a.example/x', 'file:///etc/passwd'])(
    '%s is refused',
    async (address) => {
      await expect(download(new URL(address), path)).rejects.toThrow(OptionError);
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  test('of nobody fail at once', async () => {
    await expect(download(new URL('https://nobody.invalid/x'), path)).rejects.toThrow(/host/);
    const closed = await startFileServer();
    await closed.close();
    await expect(download(new URL(closed.url), path)).rejects.toThrow(/the connection was refused$/);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('cannot be kept where there is no folder to be had', async () => {
    writeFileSync(path, 'a file');
    await expect(download(new URL(server.url), join(path, 'inside'))).rejects.toThrow(FileError);
  });
});

describe('several downloads of one file', () => {
  test('at once do not meet', async () => {
    answer({ etag: 'a', drip: 2 });
    await Promise.all([get({ sha256 }), get({ sha256 }), get({ sha256 })]);
    expectWhole();
  });

  test('one after the other: stopped, then gone on with', async () => {
    answer({ etag: 'a', drip: 5 });
    const controller = new AbortController();
    const stop = new Error('stop');
    const onProgress = (done: number) => done > SIZE / 2 && controller.abort(stop);
    await expect(get({ signal: controller.signal, onProgress })).rejects.toBe(stop);
    expect(parts()).toHaveLength(1);
    await get({ sha256 });
    expectWhole();
    expect(ranges().at(-1)).toMatch(/^bytes=2\d{5}-$/);
  });

  test('of processes that have died are taken over, of others left alone', async () => {
    answer({ etag: 'a', cutAfter: 100_000 }, { etag: 'a', cutAfter: 0 }, { etag: 'a', cutAfter: 0 });
    await expect(get()).rejects.toThrow(FileError);
    const [part] = parts();
    const { pid: dead } = spawnSync(process.execPath, ['--version']);
    // Another owner: first one that is alive, then one that has ended.
    const of = (pid: number) => join(folder, part.replace(`-${process.pid}-`, `-${pid}-`));
    renameSync(join(folder, part), of(process.ppid));
    answer({ etag: 'a' });
    await get({ sha256 });
    expect(ranges().at(-1)).toBeUndefined();
    renameSync(of(process.ppid), of(dead));
    await get({ sha256 });
    expectWhole();
    expect(ranges().at(-1)).toBe('bytes=100000-');
  });
});
