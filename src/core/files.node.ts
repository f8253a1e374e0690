// Files in Node: bounded reads and atomic writes, with system errors told in one line.

import { rmSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { FileError } from './errors.ts';

/** Largest file read into memory when the caller sets no other bound: 2 GiB. */
const DEFAULT_MAX_BYTES = 2 ** 31;

const REASONS: Record<string, string> = {
  ENOENT: 'no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file is too large for this file system',
  EISDIR: 'it is a folder, expected a file',
  ENOTDIR: 'a part of the path is a file, expected a folder',
  EEXIST: 'a file of that name is in the way',
  ENOTEMPTY: 'the folder is not empty',
  ENAMETOOLONG: 'the name is too long',
  EMFILE: 'too many open files',
};

/**
 * A system error as a FileError, "cannot ACTION PATH: reason"; anything else is returned as it is.
 * `action` is a verb: read, write, create.
 */
export function asFileError(error: unknown, action: string, path: string): unknown {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return error;
  const reason = REASONS[String(error.code)] ?? String(error.code);
  return new FileError(`cannot ${action} ${path}: ${reason}`, { cause: error });
}

/** Makes the folder and its parents; it may exist. Throws FileError. */
export async function makeFolder(path: string): Promise<void> {
  const whole = resolve(path);
  try {
    await makeParents(whole);
    // Of a folder that exists this says nothing; of a file in its place it does.
    await mkdir(whole, { recursive: true });
  } catch (error) {
    throw asFileError(error, 'create folder', path);
  }
}

/** Node's own recursion tries again without end where a file system refuses new folders as missing (/proc). */
async function makeParents(path: string, hasParent = false): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || hasParent || dirname(path) === path) throw error;
    await makeParents(dirname(path));
    await makeParents(path, true);
  }
}

/** The first `length` bytes of a file (fewer when it is shorter) and its size. Throws FileError. */
export async function readFileStart(
  path: string,
  length: number,
): Promise<{ bytes: Uint8Array; fileBytes: number }> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const bytes = new Uint8Array(Math.min(length, size));
      let filled = 0;
      while (filled < bytes.length) {
        const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return { bytes: bytes.subarray(0, filled), fileBytes: size };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw asFileError(error, 'read', path);
  }
}

/** `length` bytes from `start` on, which the file must have. Throws FileError. */
export async function readFileRange(path: string, start: number, length: number): Promise<Uint8Array> {
  try {
    const file = await open(path, 'r');
    try {
      const bytes = new Uint8Array(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await file.read(bytes, filled, length - filled, start + filled);
        if (bytesRead === 0)
          throw new FileError(`cannot read ${path}: got ${start + filled} bytes, expected more`);
        filled += bytesRead;
      }
      return bytes;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw asFileError(error, 'read', path);
  }
}

/** A whole file, in a buffer of its own. Throws FileError, also when it is larger than `maxBytes`. */
export async function readFileBounded(path: string, maxBytes = DEFAULT_MAX_BYTES): Promise<Uint8Array> {
  const { bytes, fileBytes } = await readFileStart(path, maxBytes);
  if (fileBytes > maxBytes) {
    throw new FileError(`cannot read ${path}: got ${fileBytes} bytes, expected at most ${maxBytes}`);
  }
  return bytes;
}

/**
 * Writes a file so that a reader, a crash or a full disk meets the old content or the new, never a part:
 * aside in the same folder, synced, renamed. Chunks are written in order as they come. On any failure,
 * one thrown by the chunks included, the file aside is removed. System errors become FileErrors.
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  await replaceAtomically(path, async (aside) => {
    const file = await open(aside, 'w');
    try {
      if (typeof data === 'string' || data instanceof Uint8Array) await file.writeFile(data);
      else for await (const chunk of data) await writeFully(file, chunk);
    } finally {
      await file.close();
    }
  });
}

/**
 * Lets `write` fill a file or folder at the path aside that it is given, then syncs it and puts it in the place
 * of `path` (a folder can only take the place of an empty one). See `writeFileAtomic` for the guarantees.
 */
export async function replaceAtomically(
  path: string,
  write: (aside: string) => Promise<void>,
): Promise<void> {
  const aside = pathAside(path);
  const forget = removeOnExit(aside);
  try {
    await write(aside);
    await sync(aside);
    await rename(aside, path);
    // The rename itself lasts only once the folder is on disk; not every system lets a folder be synced.
    await sync(dirname(resolve(path))).catch(() => {});
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    throw asFileError(error, 'write', path);
  } finally {
    forget();
  }
}

/** Where the content of `path` grows before it is renamed: same folder, so the same file system. */
function pathAside(path: string): string {
  return `${resolve(path)}.tmp-${process.pid}`;
}

const unfinished = new Set<string>();

/** Removes the file when the process exits early, as on a second Ctrl-C. Call the result once it is in place. */
function removeOnExit(path: string): () => void {
  if (unfinished.size === 0) process.once('exit', removeUnfinished);
  unfinished.add(path);
  return () => {
    unfinished.delete(path);
    if (unfinished.size === 0) process.removeListener('exit', removeUnfinished);
  };
}

function removeUnfinished(): void {
  for (const path of unfinished) rmSync(path, { recursive: true, force: true });
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function writeFully(file: Awaited<ReturnType<typeof open>>, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    done += (await file.write(chunk, done)).bytesWritten;
  }
}
