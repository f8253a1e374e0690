// Serves the test's pages on this machine: the package as a bundle and as its plain files, and a network file.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Where a page without a bundler finds the package and what it imports. */
const IMPORT_MAP = {
  imports: {
    stylegan: '/dist/browser.js',
    zod: '/node_modules/zod/index.js',
    'onnx-buf': '/node_modules/onnx-buf/dist/onnx_pb.js',
    '@bufbuild/protobuf': '/node_modules/@bufbuild/protobuf/dist/esm/index.js',
    '@bufbuild/protobuf/codegenv2': '/node_modules/@bufbuild/protobuf/dist/esm/codegenv2/index.js',
    '@bufbuild/protobuf/wkt': '/node_modules/@bufbuild/protobuf/dist/esm/wkt/index.js',
    'onnxruntime-web/wasm': '/node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs',
  },
};

/** Pages by path: bundled.html as an application ships it, plain.html straight from the package's files. */
const PAGES: Readonly<Record<string, string>> = {
  '/bundled.html': '<!doctype html><script type="module" src="/page.js"></script>',
  '/plain.html': `<!doctype html><script type="importmap">${JSON.stringify(IMPORT_MAP)}</script>
    <script type="module" src="/test/browser/page.js"></script>`,
};

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

/** Serves `network` beside the pages, cross-origin isolated so that WebAssembly may use threads. */
export async function servePage(network: Uint8Array): Promise<PageServer> {
  const folder = await mkdtemp(join(tmpdir(), 'stylegan-page-'));
  await bundlePage(folder);
  const read = async (path: string): Promise<Uint8Array | string> => {
    if (path in PAGES) return PAGES[path];
    if (path === '/network.safetensors') return network;
    const isPackageFile = /^\/(dist|node_modules|test\/browser)\//.test(path);
    return readFile(isPackageFile ? join(root, path) : join(folder, basename(path)));
  };
  const server = createServer(async (request, response) => {
    const path = request.url!.split('?')[0];
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
    response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    response.setHeader('Content-Type', TYPES[extname(path)] ?? 'application/octet-stream');
    try {
      response.end(await read(path));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
}
