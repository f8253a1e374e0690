// Writes a prepared data set as a zip or a folder, so that a half-written one is never found under its name.
import { type FileHandle, mkdir, open, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FileError } from '../core/errors.ts';
import { makeFolder, replaceAtomically } from '../core/files.node.ts';
import { StoredZipWriter } from '../core/zip.ts';
import type { DatasetJson } from './dataset-json.ts';

/** Adds the next image, a PNG, and returns its file name: `00000/img00000000.png` for the first. */
export type AddImage = (png: Uint8Array) => Promise<string>;

/** The published tools' layout: a thousand images per folder. */
function imageName(index: number): string {
  const digits = String(index).padStart(8, '0');
  return `${digits.slice(0, 5)}/img${digits}.png`;
}

/**
 * Writes a data set to `dest`: a zip of stored entries where the name ends in .zip, a folder otherwise. `fill` adds
 * the images and returns what dataset.json says; when it rejects, nothing is left.
 * @throws FileError when there is something at `dest`, or it cannot be written.
 */
export async function writeDataset(
  dest: string,
  fill: (add: AddImage) => Promise<DatasetJson>,
): Promise<void> {
  if (await stat(dest).catch(() => null)) {
    throw new FileError(`${dest} exists already: remove it first, or give another destination`);
  }
  await makeFolder(dirname(dest));
  const write = dest.toLowerCase().endsWith('.zip') ? writeZip : writeFolder;
  await replaceAtomically(dest, (aside) => write(aside, fill));
}

async function writeZip(path: string, fill: (add: AddImage) => Promise<DatasetJson>): Promise<void> {
  const file = await open(path, 'w');
  try {
    const zip = new StoredZipWriter((bytes) => writeFully(file, bytes));
    let count = 0;
    const json = await fill(async (png) => {
      const name = imageName(count++);
      await zip.add(name, png);
      return name;
    });
    await zip.add('dataset.json', new TextEncoder().encode(JSON.stringify(json)));
    await zip.finish();
  } finally {
    await file.close();
  }
}

async function writeFolder(path: string, fill: (add: AddImage) => Promise<DatasetJson>): Promise<void> {
  await mkdir(path);
  let count = 0;
  const json = await fill(async (png) => {
    const name = imageName(count++);
    if (count % 1000 === 1) await mkdir(join(path, dirname(name)));
    await writeFile(join(path, name), png);
    return name;
  });
  await writeFile(join(path, 'dataset.json'), JSON.stringify(json), { flush: true });
}

async function writeFully(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done)).bytesWritten;
}
