// Sheets: pictures and their captions in rows and columns on white.

import { OptionError } from '../core/errors.ts';
import type { Picture } from './image-grid.ts';
import { drawLetters, LETTER_ADVANCE, LETTER_HEIGHT } from './lettering.ts';

/** Largest sheet, in bytes of pixels. */
const MAX_SHEET_BYTES = 2 ** 30;

/** A heading, or cells from the left: a picture, a caption, or nothing. */
export type SheetRow = string | readonly (Picture | string | null)[];

export interface SheetOptions {
  /** Side of a picture's cell in pixels. */
  readonly cell: number;
  readonly columns: number;
  /** The first column stands off from the others. Default false. */
  readonly firstApart?: boolean;
}

/** A part of a picture, `size` pixels square. */
export function cropPicture(
  picture: Picture,
  { x, y, size }: { x: number; y: number; size: number },
): Picture {
  const { width, channels } = picture;
  const data = new Uint8Array(size * size * channels);
  for (let row = 0; row < size; row++) {
    const start = ((y + row) * width + x) * channels;
    data.set(picture.data.subarray(start, start + size * channels), row * size * channels);
  }
  return { data, width: size, height: size, channels };
}

/** Every pixel as a square of `factor` pixels. */
export function enlargePicture(picture: Picture, factor: number): Picture {
  const [width, height] = [picture.width * factor, picture.height * factor];
  const { channels } = picture;
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    const source = Math.floor(y / factor) * picture.width;
    for (let x = 0; x < width; x++) {
      const from = (source + Math.floor(x / factor)) * channels;
      for (let c = 0; c < channels; c++) data[(y * width + x) * channels + c] = picture.data[from + c];
    }
  }
  return { data, width, height, channels };
}

/** Side of the cells for images of `resolution`: small ones are enlarged to about `least` pixels. */
export function cellSize(resolution: number, least: number): number {
  return resolution * Math.max(1, Math.floor(least / resolution));
}

/** Throws OptionError when a sheet of so many cells would be over 1 GiB; `advice` says what to do. */
export function checkSheetSize(cells: number, cell: number, channels: number, advice: string): void {
  if (cells * cell * cell * channels <= MAX_SHEET_BYTES) return;
  throw new OptionError(`a sheet of ${cells} pictures of ${cell}x${cell} is over 1 GiB; ${advice}`);
}

/**
 * One picture of the rows. Each picture is enlarged by the largest whole factor that keeps it within its cell, and
 * centred there; gray ones take the channels of the others.
 */
export function drawSheet(
  rows: readonly SheetRow[],
  { cell, columns, firstApart = false }: SheetOptions,
): Picture {
  const gap = Math.ceil(cell / 32);
  const scale = Math.ceil(cell / 96);
  const margin = 2 * gap;

  const tops: number[] = [];
  let height = margin;
  rows.forEach((row, index) => {
    // A heading stands off from what is above it.
    if (index > 0) height += typeof row === 'string' ? 4 * gap : gap;
    tops.push(height);
    height += hasPicture(row) ? cell : LETTER_HEIGHT * scale;
  });
  const headings = rows.map((row) => (typeof row === 'string' ? row.length * LETTER_ADVANCE * scale : 0));
  const apart = firstApart ? 2 * gap : 0;
  const width = Math.max(columns * (cell + gap) - gap + apart, ...headings) + 2 * margin;

  const sheet = whitePicture(width, height + margin, sheetChannels(rows));
  rows.forEach((row, index) => {
    const y = tops[index];
    if (typeof row === 'string') {
      write(sheet, row, { x: margin, y, scale, right: width });
      return;
    }
    row.forEach((item, column) => {
      const x = margin + column * (cell + gap) + (column > 0 ? apart : 0);
      if (typeof item === 'string') write(sheet, item, { x, y, scale, right: x + cell });
      else if (item !== null) paste(sheet, item, x, y, cell);
    });
  });
  return sheet;
}

const isPicture = (item: Picture | string | null): item is Picture =>
  item !== null && typeof item !== 'string';

const hasPicture = (row: SheetRow): boolean => typeof row !== 'string' && row.some(isPicture);

function sheetChannels(rows: readonly SheetRow[]): number {
  const pictures = rows.flatMap((row) => (typeof row === 'string' ? [] : row.filter(isPicture)));
  return Math.max(1, ...pictures.map(({ channels }) => channels));
}

function whitePicture(width: number, height: number, channels: number): Picture {
  return { data: new Uint8Array(width * height * channels).fill(255), width, height, channels };
}

/** Puts a picture into the cell at (x, y). */
function paste(sheet: Picture, picture: Picture, x: number, y: number, cell: number): void {
  const side = Math.max(picture.width, picture.height);
  const { data, width, height, channels } = enlargePicture(picture, Math.max(1, Math.floor(cell / side)));
  const left = x + Math.floor((cell - width) / 2);
  const top = y + Math.floor((cell - height) / 2);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const from = (row * width + column) * channels;
      const to = ((top + row) * sheet.width + left + column) * sheet.channels;
      for (let c = 0; c < sheet.channels; c++) {
        if (c < channels) sheet.data[to + c] = data[from + c];
        else sheet.data[to + c] = c === 3 ? 255 : data[from];
      }
    }
  }
}

/** Black letters with their left upper corner at (x, y), cut off at `right`. */
function write(
  sheet: Picture,
  text: string,
  { x, y, scale, right }: { x: number; y: number; scale: number; right: number },
): void {
  const colours = Math.min(3, sheet.channels);
  drawLetters(text, scale, (left, top) => {
    for (let row = y + top; row < y + top + scale; row++) {
      for (let column = x + left; column < Math.min(x + left + scale, right); column++) {
        const start = (row * sheet.width + column) * sheet.channels;
        sheet.data.fill(0, start, start + colours);
      }
    }
  });
}
