// Writes a prepared data set as a zip or a folder, aside first, so that a half-written one is never found under its name.
import { type FileHandle, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FileError } from '../core/errors.ts';
import type { DatasetJson } from './dataset-json.ts';
import { StoredZipWriter } from './zip.ts';

export interface DatasetWriter {
  /** Adds the next image and returns its file name, `00000/img00000000.png` for the first. */
  add(png: Uint8Array): Promise<string>;
  /** Writes dataset.json and gives the data set its name. */
  finish(json: DatasetJson): Promise<void>;
  /** Removes what was written. */
  discard(): Promise<void>;
}

/** The published tools' layout: a thousand images per folder. */
export function imageName(index: number): string {
  const digits = String(index).padStart(8, '0');
  return `${digits.slice(0, 5)}/img${digits}.png`;
}

/**
 * Begins a data set at `dest`: a zip of stored entries where the name ends in .zip, a folder otherwise.
 * @throws FileError when there is something at `dest`, or it cannot be written.
 */
export async function createDataset(dest: string): Promise<DatasetWriter> {
  if (await stat(dest).catch(() => null)) {
    throw new FileError(`${dest} exists: remove it first, or give another destination`);
  }
  const aside = `${dest}.tmp-${process.pid}`;
  try {
    await mkdir(dirname(dest), { recursive: true });
    await rm(aside, { recursive: true, force: true });
    return dest.toLowerCase().endsWith('.zip')
      ? await createZip(dest, aside)
      : await createFolder(dest, aside);
  } catch (error) {
    throw new FileError(`${dest} cannot be written: ${(error as Error).message}`);
  }
}

async function createZip(dest: string, aside: string): Promise<DatasetWriter> {
  const file = await open(aside, 'wx');
  const zip = new StoredZipWriter((bytes) => writeAll(file, bytes));
  let count = 0;
  return {
    async add(png) {
      const name = imageName(count++);
      await zip.add(name, png);
      return name;
    },
    async finish(json) {
      await zip.add('dataset.json', new TextEncoder().encode(JSON.stringify(json)));
      await zip.finish();
      await file.sync();
      await file.close();
      await rename(aside, dest);
    },
    async discard() {
      await file.close();
      await rm(aside, { force: true });
    },
  };
}

async function createFolder(dest: string, aside: string): Promise<DatasetWriter> {
  await mkdir(aside);
  let count = 0;
  return {
    async add(png) {
      const name = imageName(count++);
      if (count % 1000 === 1) await mkdir(join(aside, dirname(name)));
      await writeFile(join(aside, name), png);
      return name;
    },
    async finish(json) {
      const file = await open(join(aside, 'dataset.json'), 'wx');
      await writeAll(file, new TextEncoder().encode(JSON.stringify(json)));
      await file.sync();
      await file.close();
      await rename(aside, dest);
    },
    discard: () => rm(aside, { recursive: true, force: true }),
  };
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
}
