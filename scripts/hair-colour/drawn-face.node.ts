// Built-in faces that are in no data set of the default seed, with the colour of their hair.

import sharp from 'sharp';
import { convertImage } from '../../src/data/convert.node.ts';
import { faceAttributes, faceSvg } from '../../src/data/sources/faces.ts';
import type { Picture } from '../../src/generate/image-grid.ts';

/** Data sets have seed 0 unless another is asked for. */
const SEED = 1;

/** Face number `index` as an RGB picture of that side, and its hair as an index into FACE_ATTRIBUTES.hairColor. */
export async function drawnFace(index: number, side: number): Promise<{ hair: number; picture: Picture }> {
  const drawn = faceAttributes(SEED, index);
  const target = { width: side, height: side, transform: 'center-crop', channels: 3 } as const;
  const png = await convertImage(new TextEncoder().encode(faceSvg(drawn)), target);
  const data = await sharp(png).raw().toBuffer();
  return { hair: drawn.hairColor, picture: { data, width: side, height: side, channels: 3 } };
}
