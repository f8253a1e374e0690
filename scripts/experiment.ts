// What scripts share that train several runs, measure them and write a page: a run with its display, and the page's measured part.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { interruption } from '../src/cli/interrupt.ts';
import { trainDisplay } from '../src/cli/train-display.ts';
import { FileError } from '../src/core/errors.ts';
import { makeFolder, writeFileAtomic } from '../src/core/files.node.ts';
import { type TrainRequest, train } from '../src/training/train.node.ts';

/** The measured part of a page lies between these lines; what is written around it stays. */
const [BEGIN, END] = ['<!-- measured: begin -->', '<!-- measured: end -->'];
/** Part of a run's sample grid that is shown, and how many times its size. */
const SHOWN = { width: 6 * 32, height: 5 * 32, zoom: 2 };

/** Trains or resumes a run as `stylegan train` does, with its display and log. */
export async function trainShown(request: TrainRequest & { readonly outdir: string }): Promise<void> {
  await makeFolder(request.outdir);
  const display = trainDisplay(join(request.outdir, 'log.txt'));
  try {
    await train({ ...request, signal: interruption, onProgress: display.progress, onLog: display.log });
  } finally {
    display.finish();
  }
}

/** Values of a file of JSON lines. */
export async function readLines<T>(path: string): Promise<T[]> {
  const text = await readFile(path, 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

/** The upper left part of a run's sample grid of 32², enlarged, as WebP. */
export async function writePicture(from: string, to: string): Promise<void> {
  const { width, height, zoom } = SHOWN;
  const part = await sharp(from).extract({ left: 0, top: 0, width, height }).png().toBuffer();
  const shown = sharp(part).resize(width * zoom, null, { kernel: 'nearest' });
  await writeFileAtomic(to, await shown.webp({ quality: 90 }).toBuffer());
}

/** Puts `measured` into the page in place of what was measured before. Throws FileError. */
export async function writeMeasured(page: string, measured: string): Promise<void> {
  const text = await readFile(page, 'utf8');
  const [before, after] = [text.split(BEGIN), text.split(END)];
  if (before.length !== 2 || after.length !== 2) {
    throw new FileError(`${page}: got no lines ${BEGIN} and ${END}, expected one of each`);
  }
  await writeFileAtomic(page, Buffer.from(`${before[0]}${BEGIN}\n${measured}\n${END}${after[1]}`));
}
