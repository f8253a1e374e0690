// A local HTTP server that serves one file as well, or as badly, as a test wants.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Served {
  /** Strong ETag, without quotes; undefined for none. */
  readonly etag?: string;
  /** Whether ranges are answered. Default true. */
  readonly ranges?: boolean;
  /** Closes the connection after that many bytes of the body. */
  readonly cutAfter?: number;
  /** Milliseconds between the twentieths of the body. */
  readonly drip?: number;
  readonly headers?: Record<string, string>;
}

/** The nth request (from 0), answered by the server that a test describes. */
export type Handler = (request: IncomingMessage, response: ServerResponse, n: number) => unknown;

export interface FileServer {
  readonly url: string;
  /** Headers of all requests so far. */
  readonly requests: IncomingMessage['headers'][];
  /** What answers from now on. */
  handler: Handler;
  close(): Promise<void>;
}

export async function startFileServer(): Promise<FileServer> {
  const requests: IncomingMessage['headers'][] = [];
  const server = createServer((request, response) => {
    requests.push(request.headers);
    fileServer.handler(request, response, requests.length - 1);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const fileServer: FileServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    handler: (_, response) => response.writeHead(404).end(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return fileServer;
}

/** Answers with the file, or with the range of it that is asked for, by the rules of HTTP except as `served` says. */
export async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  file: Uint8Array,
  { etag, ranges = true, cutAfter, drip, headers = {} }: Served = {},
): Promise<void> {
  const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
  const isSame = request.headers['if-range'] === `"${etag}"`;
  const start = ranges && isSame && from !== undefined ? Number(from) : 0;
  if (etag !== undefined) response.setHeader('etag', `"${etag}"`);
  if (start > 0) response.setHeader('content-range', `bytes ${start}-${file.length - 1}/${file.length}`);
  response.writeHead(start > 0 ? 206 : 200, { 'content-length': file.length - start, ...headers });
  const body = file.subarray(start, cutAfter === undefined ? undefined : start + cutAfter);
  const step = drip === undefined ? body.length : Math.ceil(body.length / 20);
  for (let at = 0; at < body.length && !response.destroyed; at += step) {
    response.write(body.subarray(at, at + step));
    if (drip !== undefined) await sleep(drip);
  }
  if (cutAfter === undefined) response.end();
  // After what was written has left.
  else setTimeout(() => response.destroy(), 20);
}
