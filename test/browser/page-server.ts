// Serves the test's page on this machine: the bundled package, ONNX Runtime's WebAssembly, and a network file.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const ortFolder = join(root, 'node_modules/onnxruntime-web/dist');

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

/** Bundles the page as an application would, through the package's own entry for browsers. */
async function bundlePage(outdir: string): Promise<void> {
  await build({
    entryPoints: [join(root, 'test/browser/page.js')],
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    logLevel: 'silent',
  });
}

export interface PageServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves `network` beside the page, cross-origin isolated so that WebAssembly may use threads. */
export async function servePage(network: Uint8Array): Promise<PageServer> {
  const folder = await mkdtemp(join(tmpdir(), 'stylegan-page-'));
  await bundlePage(folder);
  const read = async (path: string): Promise<Uint8Array | string> => {
    if (path === '/') return '<!doctype html><script type="module" src="/page.js"></script>';
    if (path === '/network.safetensors') return network;
    return readFile(join(path.startsWith('/ort/') ? ortFolder : folder, basename(path)));
  };
  const server = createServer(async (request, response) => {
    const path = request.url!.split('?')[0];
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
    response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    response.setHeader(
      'Content-Type',
      TYPES[path === '/' ? '.html' : extname(path)] ?? 'application/octet-stream',
    );
    try {
      response.end(await read(path));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
}
