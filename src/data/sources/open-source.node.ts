// Recognizes what a path holds, by its content rather than its ending, and opens it as a source of images.
import { open, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { FileError } from '../../core/errors.ts';
import { readFileBounded, readFileStart } from '../../core/files.node.ts';
import { openStored, type RangeReader, readZipDirectory, readZipEntry } from '../../core/zip.ts';
import { parseDatasetJson } from '../dataset-json.ts';
import { type FileTree, IMAGE_NAME, inflateTo, isFolder, openTree, readRange } from '../file-tree.node.ts';
import { parseLabelFile } from '../label-file.ts';
import { labelByFile, labelByFolder, type Source } from '../source.ts';
import { cifarSource } from './cifar.ts';
import { FACES, facesSource } from './faces.ts';
import { idxSource, parseIdx } from './idx.ts';
import { arraySource, type NpyArray, openNpy } from './npy.ts';
import { isTar, readTar } from './tar.ts';

export interface OpenSourceOptions {
  /**
   * Which labels: `folders`; a label file; for faces, the name of an attribute; `any` for those that the source
   * brings, else its folders. Default: those that the source brings, if any.
   */
  readonly labels?: string;
  /** Number of faces to draw. */
  readonly faces: number;
  /** Seed of the faces. */
  readonly seed: number;
}

/** Archives that must be unpacked as a whole are held in memory, so they have an end. */
const MAX_ARCHIVE_BYTES = 2 ** 31;

/** @throws FileError when there is nothing at `path`, nothing usable in it, or no labels where they are asked for. */
export async function openSource(path: string, options: OpenSourceOptions): Promise<Source> {
  if (path === FACES) {
    const byDefault = options.labels === undefined || options.labels === 'any';
    return facesSource(options.faces, options.seed, byDefault ? undefined : options.labels);
  }
  const source = await openPath(path);
  try {
    if (source.images.length === 0) throw new FileError(`${path} holds no images`);
    return await withLabels(source, options.labels);
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function withLabels(source: Source, labels: string | undefined): Promise<Source> {
  const own = source.images.every((image) => image.label !== undefined);
  if (labels === undefined || (labels === 'any' && own)) return source;
  if (labels === 'folders' || labels === 'any') return labelByFolder(source);
  const text = new TextDecoder().decode(await readFileBounded(labels));
  return labelByFile(source, parseLabelFile(text, labels), labels);
}

async function openPath(path: string): Promise<Source> {
  if (await isFolder(path)) return treeSource(await openTree(path));
  const start = new TextDecoder('latin1').decode((await readFileStart(path, 6)).bytes);
  const isNpz = start.startsWith('PK') && extname(path).toLowerCase() === '.npz';
  if (isNpz || start.endsWith('NUMPY')) return numpySource(path, isNpz);
  return start.startsWith('PK') ? treeSource(await openTree(path)) : wholeFileSource(path);
}

async function treeSource(tree: FileTree): Promise<Source> {
  const images = tree.files.filter((file) => IMAGE_NAME.test(file.name));
  if (images.length === 0) {
    await tree.close();
    const other = tree.files.slice(0, 3).map((file) => file.name);
    const found =
      other.length > 0 ? `got ${tree.files.length} other files (${other.join(', ')}), expected` : 'expected';
    throw new FileError(`${tree.path} holds no images: ${found} PNG, JPEG, WebP, AVIF, TIFF, GIF or SVG`);
  }
  const source: Source = { path: tree.path, images, close: () => tree.close() };
  const json = tree.files.find((file) => file.name === 'dataset.json');
  if (json === undefined) return source;
  const jsonPath = join(tree.path, 'dataset.json');
  const { labels, labelNames } = parseDatasetJson(new TextDecoder().decode(await json.read()), jsonPath);
  if (!labels) return source;
  return labelByFile(source, { byName: new Map(labels), labelNames }, jsonPath);
}

async function numpySource(path: string, isNpz: boolean): Promise<Source> {
  const handle = await open(path);
  try {
    const read: RangeReader = (offset, length) => readRange(handle, offset, length);
    const arrays = isNpz
      ? await npzArrays(read, (await handle.stat()).size, path)
      : [await openNpy(read, basename(path))];
    return await arraySource(arrays, path, () => handle.close());
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function npzArrays(read: RangeReader, size: number, path: string): Promise<NpyArray[]> {
  const entries = (await readZipDirectory(read, size, path)).filter((entry) => entry.name.endsWith('.npy'));
  const arrays = entries.map(async (entry) => {
    const name = entry.name.slice(0, -4);
    if (entry.method === 0 && !entry.encrypted) return openNpy(await openStored(read, entry), name);
    const bytes = await readZipEntry(read, entry, inflateTo, MAX_ARCHIVE_BYTES);
    return openNpy(async (offset, length) => bytes.subarray(offset, offset + length), name);
  });
  return Promise.all(arrays);
}

/** Files that are unpacked and read as a whole: IDX and tar, bare or through gzip. */
async function wholeFileSource(path: string): Promise<Source> {
  const bytes = await readUnpacked(path);
  if (isTar(bytes)) return cifarSource(readTar(bytes, path), path);
  if (bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 8) {
    return idxSource(parseIdx(bytes, path), await idxLabels(path), path);
  }
  throw new FileError(
    `${path}: got a file of unknown kind, expected a folder, zip, npz, npy, IDX file, CIFAR archive, or the word faces`,
  );
}

const gunzipAsync = promisify<Uint8Array, { maxOutputLength: number }, Buffer>(gunzip);

async function readUnpacked(path: string): Promise<Uint8Array> {
  const bytes = await readFileBounded(path, MAX_ARCHIVE_BYTES);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return await gunzipAsync(bytes, { maxOutputLength: MAX_ARCHIVE_BYTES });
  } catch (error) {
    throw new FileError(`${path} cannot be unpacked: ${(error as Error).message}`);
  }
}

/** `train-images-idx3-ubyte` has its labels beside it in `train-labels-idx1-ubyte`, either of them perhaps as .gz. */
async function idxLabels(path: string) {
  const name = basename(path).replace(/\.gz$/, '');
  const labelName = name.replace('images', 'labels').replace('idx3', 'idx1');
  if (labelName === name) return null;
  for (const candidate of [labelName, `${labelName}.gz`]) {
    const labelPath = join(dirname(path), candidate);
    const found = await stat(labelPath).catch(() => null);
    if (found) return parseIdx(await readUnpacked(labelPath), labelPath);
  }
  return null;
}
