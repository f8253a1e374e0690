// Downloads a file over HTTP so that it is there whole and right, or not at all, and an interruption costs nothing.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileError, OptionError } from '../core/errors.ts';
import { asFileError, readFileStart } from '../core/files.node.ts';
import { type Content, Part } from './download-part.node.ts';

export interface DownloadOptions {
  /** What the file must have, in lower-case hex. */
  readonly sha256?: string | null;
  /** Stops the download, which then rejects with the signal's reason. The part stays for the next time. */
  readonly signal?: AbortSignal;
  /** Bytes that are here, and of the whole; null where the server does not say. */
  readonly onProgress?: (done: number, total: number | null) => void;
  readonly limits?: Partial<DownloadLimits>;
}

export interface DownloadLimits {
  /** Largest file, declared or actual. */
  readonly maxBytes: number;
  /** Milliseconds without a byte before the connection is given up. */
  readonly stall: number;
  /** Failures in a row, without a byte gained, before the download is given up. */
  readonly failures: number;
  /** Milliseconds before the next attempt; doubles with each failure. */
  readonly pause: number;
}

const LIMITS: DownloadLimits = { maxBytes: 2 ** 33, stall: 30_000, failures: 5, pause: 1000 };
const MAX_REDIRECTS = 10;

/** Worth another attempt: the connection, or a server that is unwell. */
class Hiccup extends Error {}

/** What came is not the file: nothing of it may stay. */
class WrongContent extends FileError {}

/**
 * Downloads `address` to `path`, which is replaced only by a file that is complete, has the hash asked for and is no
 * web page. Goes on from the part that an earlier attempt left, where the server says that the content is the same.
 * Throws FileError, and OptionError for an address that is not safe to use.
 */
export async function download(address: URL, path: string, options: DownloadOptions = {}): Promise<void> {
  checkAddress(address, options.sha256);
  const limits = { ...LIMITS, ...options.limits };
  const part = await Part.claim(path);
  try {
    await fill(part, address, limits, options);
    await checkFile(part, address, options.sha256);
    await part.finish();
  } catch (error) {
    await (error instanceof WrongContent ? part.discard() : part.release());
    throw error;
  }
}

/** SHA-256 of a file, in lower-case hex. Throws FileError. */
export async function sha256Of(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal })) hash.update(chunk);
  } catch (error) {
    signal?.throwIfAborted();
    throw asFileError(error, 'read', path);
  }
  return hash.digest('hex');
}

/** Only https, except from this machine itself or where a hash tells what must come. Throws OptionError. */
function checkAddress({ href, protocol, hostname, username, password }: URL, sha256?: string | null): void {
  if (username !== '' || password !== '') {
    throw new OptionError('got an address with a user name or password, expected one without');
  }
  const isLocal = hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
  const isSafe = protocol === 'https:' || (protocol === 'http:' && (isLocal || Boolean(sha256)));
  if (!isSafe) {
    throw new OptionError(
      `got ${href}, expected https://…, or http://… with #sha256= and the file's SHA-256`,
    );
  }
}

/** Attempts until the part is whole. */
async function fill(
  part: Part,
  address: URL,
  limits: DownloadLimits,
  options: DownloadOptions,
): Promise<void> {
  const { signal } = options;
  let furthest = part.bytes;
  for (let failures = 0; ; ) {
    try {
      await attempt(part, address, limits, options);
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Hiccup)) throw error;
      failures = part.bytes > furthest ? 0 : failures + 1;
      furthest = Math.max(furthest, part.bytes);
      if (failures >= limits.failures) {
        const left = part.bytes > 0 && part.content?.validator ? '; run it again to go on from there' : '';
        throw new FileError(`cannot download ${address}: ${error.message}${left}`);
      }
      await sleep(limits.pause * 2 ** failures, undefined, { signal }).catch(() => {});
      signal?.throwIfAborted();
    }
  }
}

/** One connection: from where the part ends, if it can be resumed, to where the content or the connection does. */
async function attempt(
  part: Part,
  address: URL,
  limits: DownloadLimits,
  { signal, sha256, onProgress }: DownloadOptions,
): Promise<void> {
  if (part.bytes > 0 && part.bytes === part.content?.total) return;
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(), limits.stall);
  const either = signal ? AbortSignal.any([signal, stalled.signal]) : stalled.signal;
  try {
    const response = await request(address, rangeOf(part), sha256, either);
    try {
      await settleContent(part, response, address);
      const total = part.content?.total ?? null;
      if (total !== null) checkSize(total, limits.maxBytes, address);
      onProgress?.(part.bytes, total);
      for await (const chunk of response.body ?? []) {
        timer.refresh();
        checkSize(part.bytes + chunk.length, limits.maxBytes, address);
        await part.append(chunk);
        onProgress?.(part.bytes, total);
      }
      await checkLength(part, total);
    } finally {
      await response.body?.cancel().catch(() => {});
    }
  } catch (error) {
    if (stalled.signal.aborted && !(error instanceof FileError))
      throw new Hiccup(`no data for ${limits.stall / 1000} s`);
    throw networkError(error, address);
  } finally {
    clearTimeout(timer);
  }
}

function rangeOf({ bytes, content }: Part): Record<string, string> {
  if (bytes === 0 || !content?.validator) return {};
  return { range: `bytes=${bytes}-`, 'if-range': content.validator };
}

/** Asks for the address and follows redirects, never from https to http. */
async function request(
  address: URL,
  range: Record<string, string>,
  sha256: string | null | undefined,
  signal: AbortSignal,
): Promise<Response> {
  // Ranges count the bytes that are sent, so none may be compressed on the way.
  const headers = { 'user-agent': 'stylegan', 'accept-encoding': 'identity', ...range };
  let url = address;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const response = await fetch(url, { headers, redirect: 'manual', signal });
    const location = response.headers.get('location');
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return response;
    await response.body?.cancel();
    url = redirectTarget(url, location, sha256);
  }
  throw new FileError(`cannot download ${address}: got more than ${MAX_REDIRECTS} redirects`);
}

/** Where a redirect leads, which must not be less safe than where it comes from. Throws FileError, OptionError. */
export function redirectTarget(from: URL, location: string, sha256?: string | null): URL {
  const to = URL.canParse(location, from) ? new URL(location, from) : null;
  if (to === null || (from.protocol === 'https:' && to.protocol !== 'https:')) {
    throw new FileError(`cannot download ${from}: it leads to ${location}, expected an https address`);
  }
  checkAddress(to, sha256);
  return to;
}

/** Decides whether the body of the response goes on where the part ends, or begins anew. */
async function settleContent(part: Part, response: Response, address: URL): Promise<void> {
  const { status, headers } = response;
  const isResumed = part.bytes > 0 && part.content?.validator;
  if (status === 200) {
    if (/^text\/html\b/i.test(headers.get('content-type') ?? '')) throw new FileError(webPage(address));
    await part.restart(contentOf(headers));
  } else if (isResumed && status === 206 && continues(part, headers)) {
    return;
  } else if (isResumed && (status === 206 || status === 416)) {
    await part.restart(null);
    throw new Hiccup('the server sent another part of the file than was asked for');
  } else {
    const said = `the server answered ${status}${response.statusText ? ` ${response.statusText}` : ''}`;
    if (status >= 500 || status === 408 || status === 429) throw new Hiccup(said);
    throw new FileError(`cannot download ${address}: ${said}`);
  }
}

/** Whether a partial response is of the same content as the part, and begins where that ends. */
function continues({ bytes, content }: Part, headers: Headers): boolean {
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '') ?? [];
  const { validator } = contentOf(headers);
  return (
    Number(start) === bytes &&
    (validator === null || validator === content?.validator) &&
    (total === '*' || content?.total === null || Number(total) === content?.total)
  );
}

function contentOf(headers: Headers): Content {
  const encoding = headers.get('content-encoding') ?? 'identity';
  // Its length and ranges would be those of the encoded bytes.
  if (encoding !== 'identity') return { validator: null, total: null };
  const etag = headers.get('etag');
  const validator = etag?.startsWith('"') ? etag : headers.get('last-modified');
  const length = headers.get('content-length');
  return { validator, total: length !== null && /^\d{1,15}$/.test(length) ? Number(length) : null };
}

function checkSize(bytes: number, maxBytes: number, address: URL): void {
  if (bytes > maxBytes) {
    throw new WrongContent(
      `cannot download ${address}: got ${bytes} bytes or more, expected at most ${maxBytes}`,
    );
  }
}

async function checkLength(part: Part, total: number | null): Promise<void> {
  if (total === null || part.bytes === total) return;
  const message = `got ${part.bytes} bytes, expected ${total}`;
  if (part.bytes > total) await part.restart(null);
  throw new Hiccup(message);
}

/** What a file can show of itself. */
async function checkFile(part: Part, address: URL, sha256?: string | null): Promise<void> {
  if (part.bytes === 0) throw new WrongContent(`cannot download ${address}: got an empty file`);
  const { bytes } = await readFileStart(part.path, 512);
  if (/^\s*<(!doctype html|html|head)\b/i.test(new TextDecoder().decode(bytes))) {
    throw new WrongContent(webPage(address));
  }
  if (!sha256) return;
  const found = await sha256Of(part.path);
  if (found !== sha256) {
    throw new WrongContent(
      `cannot download ${address}: got a file with SHA-256 ${found}, expected ${sha256}`,
    );
  }
}

function webPage(address: URL): string {
  return `cannot download ${address}: got a web page, expected a file; get it with a browser and give its path`;
}

/** No second attempt would mend these. */
const LASTING: Record<string, string> = {
  ENOTFOUND: 'there is no such host, or no network',
  EAI_AGAIN: 'the name of the host cannot be looked up; is there a network?',
  ECONNREFUSED: 'the connection was refused',
};

/** What fetch throws, as an error that says what to do; others as they are. */
function networkError(error: unknown, address: URL): unknown {
  if (!(error instanceof Error) || error instanceof Hiccup || error instanceof FileError) return error;
  if (error instanceof OptionError) return error;
  const cause = (error.cause ?? error) as NodeJS.ErrnoException;
  const code = String(cause.code ?? '');
  const reason = LASTING[code] ?? (/CERT|TLS|SSL|SIGNATURE/.test(code) ? cause.message : null);
  if (reason !== null) return new FileError(`cannot download ${address}: ${reason}`, { cause: error });
  return new Hiccup(`the connection was lost (${cause.message || code})`);
}
