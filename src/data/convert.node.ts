// Brings any picture into the data set's form: upright, sRGB, 8 bits, cropped or padded to the square, as PNG.
import sharp, { type Sharp } from 'sharp';
import { FileError } from '../core/errors.ts';
import type { RawImage } from './source.ts';

export type Transform = 'center-crop' | 'center-crop-wide' | 'center-crop-tall' | 'pad';
export const TRANSFORMS: readonly Transform[] = [
  'center-crop',
  'center-crop-wide',
  'center-crop-tall',
  'pad',
];

/** What every image of a data set becomes: content of width × height, centred in a square of the larger side. */
export interface Target {
  readonly width: number;
  readonly height: number;
  readonly transform: Transform;
  readonly channels: 1 | 3 | 4;
}

/** What the header of a picture tells. Sizes are those after turning it upright. */
export interface Probe {
  readonly width: number;
  readonly height: number;
  readonly isGray: boolean;
}

/** Pictures of more pixels than this are refused before they take memory. */
const MAX_PIXELS = 2 ** 27;

type Picture = Uint8Array | RawImage;
const isEncoded = (image: Picture): image is Uint8Array => image instanceof Uint8Array;

/** SVG is the only accepted format that is text, so it is told by its first character. */
function isSvg(bytes: Uint8Array): boolean {
  return /^\uFEFF?\s*</.test(new TextDecoder().decode(bytes.subarray(0, 64)));
}

function open(image: Picture, density?: number): Sharp {
  const limits = { failOn: 'error', limitInputPixels: MAX_PIXELS } as const;
  if (isEncoded(image)) return sharp(image, { ...limits, density, autoOrient: true });
  const { width, height, channels } = image;
  return sharp(image.pixels, { ...limits, raw: { width, height, channels } });
}

/** Reads the header only. Rejects when the picture is broken or too large. */
export async function probeImage(image: Picture): Promise<Probe> {
  const { autoOrient, space, channels } = await open(image).metadata();
  const isGray = isEncoded(image) ? space === 'b-w' || space === 'grey16' : channels === 1;
  return { width: autoOrient.width, height: autoOrient.height, isGray };
}

/** SVG has no pixels of its own: it is drawn at twice the size that is needed. */
async function densityFor(bytes: Uint8Array, target: Target): Promise<number | undefined> {
  if (!isSvg(bytes)) return undefined;
  const { width, height } = await open(bytes).metadata();
  const scale = (2 * Math.max(target.width, target.height)) / Math.min(width, height);
  return Math.min(Math.max(72 * scale, 1), 100_000);
}

/**
 * Converts one picture to a PNG of the target's form. Transparency is laid over white, or kept with 4 channels.
 * Rejects when the picture is broken or too large.
 */
export async function convertImage(image: Picture, target: Target): Promise<Uint8Array> {
  const { width, height, transform, channels } = target;
  const black = { r: 0, g: 0, b: 0, alpha: channels === 4 ? 0 : 1 };
  let picture = open(image, isEncoded(image) ? await densityFor(image, target) : undefined);
  if (channels !== 4) picture = picture.flatten({ background: '#ffffff' });
  const fit = transform === 'pad' ? 'contain' : 'cover';
  picture = picture.resize(width, height, { fit, position: 'centre', background: black, kernel: 'lanczos3' });
  const side = Math.max(width, height);
  if (width !== height) {
    const left = Math.floor((side - width) / 2);
    const top = Math.floor((side - height) / 2);
    const [right, bottom] = [side - width - left, side - height - top];
    picture = picture.extend({ left, right, top, bottom, background: black });
  }
  picture = channels === 4 ? picture.ensureAlpha() : picture.removeAlpha();
  return picture
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .png()
    .toBuffer();
}

/** What a PNG's header says. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
}

/** Bytes that `pngHeader` needs. */
export const PNG_HEADER_BYTES = 26;

/** The header of a PNG with 8 bits per channel, gray, RGB or RGBA; null for anything else. */
export function pngHeader(start: Uint8Array): PngHeader | null {
  const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
  if (start.length < PNG_HEADER_BYTES || signature.some((byte, i) => start[i] !== byte)) return null;
  const data = new DataView(start.buffer, start.byteOffset);
  const channels = ({ 0: 1, 2: 3, 6: 4 } as const)[start[25]];
  if (start[24] !== 8 || channels === undefined) return null;
  return { width: data.getUint32(16), height: data.getUint32(20), channels };
}

/**
 * Pixels of a prepared PNG: uint8 [channels, side, side].
 * @throws FileError naming `name` when it is broken or not of the expected form.
 */
export async function decodePng(
  png: Uint8Array,
  channels: 1 | 3 | 4,
  side: number,
  name: string,
): Promise<Uint8Array> {
  const header = pngHeader(png);
  if (header === null || header.width !== side || header.height !== side || header.channels !== channels) {
    const got = header ? `${header.width}×${header.height} with ${header.channels} channels` : 'no plain PNG';
    throw new FileError(
      `${name}: got ${got}, expected ${side}×${side} with ${channels} like the first image`,
    );
  }
  const { data, info } = await sharp(png, { failOn: 'error' })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch((error: Error) => {
      throw new FileError(`${name} cannot be decoded: ${error.message}`);
    });
  const area = side * side;
  const pixels = new Uint8Array(channels * area); // [H, W, C] → [C, H, W]
  for (let c = 0; c < channels; c++)
    for (let i = 0; i < area; i++) pixels[c * area + i] = data[i * info.channels + c];
  return pixels;
}
