// Folders and zip archives as one thing: a list of named files that are read into memory one at a time, within bounds.
import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import { FileError } from '../core/errors.ts';
import { asFileError, readFileBounded, readFileStart } from '../core/files.node.ts';
import { openStored, type RangeReader, readZipDirectory, readZipEntry, type ZipEntry } from '../core/zip.ts';

/** No single picture may take more than this in its file. */
export const MAX_FILE_BYTES = 2 ** 28;

/** Endings of the picture formats that are read. */
export const IMAGE_NAME = /\.(png|jpe?g|jfif|webp|avif|tiff?|gif|svg)$/i;

export interface TreeFile {
  /** Path below the root, with forward slashes. */
  readonly name: string;
  /** All bytes. @throws FileError above MAX_FILE_BYTES. */
  read(): Promise<Uint8Array>;
  /** The first bytes; fewer where the file is shorter or packed. */
  readStart(length: number): Promise<Uint8Array>;
}

export interface FileTree {
  readonly path: string;
  /** Sorted by name. */
  readonly files: readonly TreeFile[];
  close(): Promise<void>;
}

/** Opens a folder (recursively; links are followed, hidden files left out) or a zip archive. */
export async function openTree(path: string): Promise<FileTree> {
  try {
    return (await isFolder(path)) ? await openFolder(path) : await openZip(path);
  } catch (error) {
    throw asFileError(error, 'read', path);
  }
}

/** Whether there is a folder at `path`, rather than a file. @throws FileError when there is nothing. */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw asFileError(error, 'read', path);
  }
}

const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
const isHidden = (name: string) => name.startsWith('.') || name === '__MACOSX';

async function openFolder(path: string): Promise<FileTree> {
  const files = (await listFolder(path)).map((name) => ({
    name,
    read: () => readFileBounded(join(path, name), MAX_FILE_BYTES),
    readStart: async (length: number) => (await readFileStart(join(path, name), length)).bytes,
  }));
  return { path, files: files.sort(byName), close: async () => {} };
}

async function listFolder(root: string): Promise<string[]> {
  const names: string[] = [];
  const visited = new Set<string>(); // a link may lead back up
  const walk = async (folder: string) => {
    const real = await realpath(join(root, folder));
    if (visited.has(real)) return;
    visited.add(real);
    for (const entry of await readdir(real, { withFileTypes: true })) {
      if (isHidden(entry.name)) continue;
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      const kind = entry.isSymbolicLink() ? await stat(join(root, name)).catch(() => null) : entry;
      if (kind?.isDirectory()) await walk(name);
      else if (kind?.isFile()) names.push(name);
    }
  };
  await walk('');
  return names;
}

async function openZip(path: string): Promise<FileTree> {
  const handle = await open(path);
  try {
    const read: RangeReader = (offset, length) => readRange(handle, offset, length);
    const entries = await readZipDirectory(read, (await handle.stat()).size, path);
    const files = entries.filter((entry) => isSafeName(entry.name)).map((entry) => zipFile(read, entry));
    return { path, files: files.sort(byName), close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function zipFile(read: RangeReader, entry: ZipEntry): TreeFile {
  return {
    name: entry.name,
    read: () => readZipEntry(read, entry, inflateTo, MAX_FILE_BYTES),
    readStart: async (length) =>
      entry.method === 0 && !entry.encrypted ? (await openStored(read, entry))(0, length) : new Uint8Array(0),
  };
}

/** Nothing is ever unpacked to disk; yet a name that leaves the archive has no honest reason. */
function isSafeName(name: string): boolean {
  return !/^([/\\]|[a-z]:)/i.test(name) && !name.split(/[/\\]/).some(isHidden); // '..' counts as hidden
}

const inflateAsync = promisify<Uint8Array, { maxOutputLength: number }, Buffer>(inflateRaw);

/** Raw deflate to at most `size` bytes. */
export async function inflateTo(data: Uint8Array, size: number): Promise<Uint8Array> {
  try {
    return await inflateAsync(data, { maxOutputLength: size });
  } catch (error) {
    throw new FileError(`the packed data is damaged or larger than declared (${(error as Error).message})`);
  }
}

/** Reads exactly the range, or up to the end of the file. */
export async function readRange(file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(Number.isSafeInteger(offset) ? length : 0);
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

/** Changes whenever a picture or dataset.json of the folder, or the single file, changes in name, size or time. */
export async function fingerprint(path: string): Promise<string> {
  const hash = createHash('sha256').update(resolve(path));
  const names = (await isFolder(path)) ? (await listFolder(path)).sort() : [''];
  for (const name of names) {
    if (name !== '' && name !== 'dataset.json' && !IMAGE_NAME.test(name)) continue;
    const { size, mtimeMs } = await stat(join(path, name));
    hash.update(`\n${name} ${size} ${mtimeMs}`);
  }
  return hash.digest('hex');
}
