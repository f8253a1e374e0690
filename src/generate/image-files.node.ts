// Pictures as PNG files.

import sharp from 'sharp';
import { writeFileAtomic } from '../core/files.node.ts';
import type { Picture } from './image-grid.ts';

/** Writes a PNG of the picture's own channels (gray, RGB or RGBA), atomically. Throws FileError. */
export async function writePng(path: string, picture: Picture): Promise<void> {
  await writeFileAtomic(path, await encodePng(picture));
}

export async function encodePng(picture: Picture): Promise<Uint8Array> {
  const { data, width, height, channels } = picture;
  const raw = { width, height, channels: channels as 1 | 3 | 4 };
  const image = sharp(data, { raw, limitInputPixels: false });
  // Without this a gray picture would become RGB.
  return (channels === 1 ? image.toColourspace('b-w') : image).png().toBuffer();
}
