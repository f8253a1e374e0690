// Sheets: crops, enlargements, and where pictures and letters end up.

import { describe, expect, it } from 'vitest';
import { OptionError } from '../../src/core/errors.ts';
import type { Picture } from '../../src/generate/image-grid.ts';
import { drawLetters } from '../../src/generate/lettering.ts';
import {
  cellSize,
  checkSheetSize,
  cropPicture,
  drawSheet,
  enlargePicture,
} from '../../src/generate/sheet.ts';

const gray = (side: number, ...data: number[]): Picture => ({
  data: Uint8Array.from(data),
  width: side,
  height: side,
  channels: 1,
});

/** Channels of one pixel. */
const pixel = ({ data, width, channels }: Picture, x: number, y: number): number[] => [
  ...data.subarray((y * width + x) * channels, (y * width + x + 1) * channels),
];

describe('parts of pictures', () => {
  it('are cropped and enlarged without a change of value', () => {
    const picture = gray(3, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    expect(cropPicture(picture, { x: 1, y: 0, size: 2 })).toEqual(gray(2, 2, 3, 5, 6));
    expect(enlargePicture(gray(2, 1, 2, 3, 4), 2)).toEqual(
      gray(4, 1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4),
    );
    const colour = { data: Uint8Array.of(1, 2, 3, 4, 5, 6), width: 2, height: 1, channels: 3 };
    expect([...enlargePicture(colour, 2).data.subarray(0, 12)]).toEqual([1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6]);
  });

  it('have cells of whole multiples of small images', () => {
    expect([16, 32, 64, 256, 1024].map((r) => cellSize(r, 128))).toEqual([128, 128, 128, 256, 1024]);
  });
});

describe('drawSheet', () => {
  // A cell of 64: gaps of 2, margins of 4, letters of 7 rows.
  const options = { cell: 64, columns: 2 };

  it('places pictures, enlarged and centred, on white', () => {
    const colour: Picture = {
      data: new Uint8Array(64 * 64 * 3).fill(50),
      width: 64,
      height: 64,
      channels: 3,
    };
    const sheet = drawSheet(
      [
        [colour, gray(30, ...new Uint8Array(900).fill(9))],
        [null, colour],
      ],
      options,
    );
    expect(sheet).toMatchObject({ width: 2 * 64 + 2 + 8, height: 2 * 64 + 2 + 8, channels: 3 });
    expect([3, 4, 67, 68].map((x) => pixel(sheet, x, 10)[0])).toEqual([255, 50, 50, 255]);
    // 30 pixels twice are 60: two of white on each side, gray in all channels.
    expect([71, 72, 131, 132].map((x) => pixel(sheet, x, 35)[1])).toEqual([255, 9, 9, 255]);
    expect([pixel(sheet, 20, 80), pixel(sheet, 100, 80)]).toEqual([
      [255, 255, 255],
      [50, 50, 50],
    ]);
  });

  it('keeps sheets with alpha opaque', () => {
    const clear: Picture = { data: new Uint8Array(64 * 64 * 4), width: 64, height: 64, channels: 4 };
    const sheet = drawSheet([[clear, gray(1, 7)]], options);
    expect(pixel(sheet, 10, 10)).toEqual([0, 0, 0, 0]);
    expect(pixel(sheet, 100, 30)).toEqual([7, 7, 7, 255]);
    expect(pixel(sheet, 0, 0)).toEqual([255, 255, 255, 255]);
  });

  it('sets the first column apart', () => {
    const sheet = drawSheet([[gray(1, 0), gray(1, 0)]], { ...options, firstApart: true });
    expect(sheet.width).toBe(2 * 64 + 2 + 4 + 8);
    expect([67, 68, 73, 74].map((x) => pixel(sheet, x, 30)[0])).toEqual([0, 255, 255, 0]);
  });

  it('writes captions and headings, and is as wide as the longest heading', () => {
    const heading = 'x'.repeat(40);
    const sheet = drawSheet([['I', 'I'], [gray(1, 0), gray(1, 0)], heading], options);
    expect(sheet.width).toBe(40 * 6 + 8);
    // Margin, letters, gap, cell, four gaps, letters, margin.
    expect(sheet.height).toBe(4 + 7 + 2 + 64 + 8 + 7 + 4);
    const row = (y: number) =>
      Array.from({ length: 5 }, (_, x) => (pixel(sheet, 70 + x, y)[0] === 0 ? 1 : 0));
    expect([row(4), row(5), row(10)]).toEqual([
      [0, 1, 1, 1, 0],
      [0, 0, 1, 0, 0],
      [0, 1, 1, 1, 0],
    ]);
  });

  it('cuts captions off where their cell ends', () => {
    const sheet = drawSheet([['m'.repeat(20)], [gray(1, 0), gray(1, 0)]], options);
    const black = Array.from({ length: sheet.width }, (_, x) => pixel(sheet, x, 4)[0]).lastIndexOf(0);
    expect([black, sheet.width]).toEqual([4 + 60, 2 * 64 + 2 + 8]); // the 11th m begins at 60
  });

  it('refuses a size that is over 1 GiB', () => {
    expect(() => checkSheetSize(300, 1024, 3, 'use fewer')).not.toThrow();
    expect(() => checkSheetSize(400, 1024, 3, 'use fewer')).toThrow(OptionError);
    expect(() => checkSheetSize(400, 1024, 3, 'use fewer')).toThrow(
      'a sheet of 400 pictures of 1024x1024 is over 1 GiB; use fewer',
    );
  });
});

describe('drawLetters', () => {
  it('has a distinct shape of seven rows for every letter and digit', () => {
    const shapes = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.,:()'].map((letter) => {
      const squares: string[] = [];
      drawLetters(letter, 1, (x, y) => {
        expect(x).toBeLessThan(5);
        expect(y).toBeLessThan(7);
        squares.push(`${x},${y}`);
      });
      return squares.join(' ');
    });
    expect(new Set(shapes).size).toBe(42);
    expect(shapes).not.toContain('');
  });

  it('scales, advances, and leaves gaps for what it does not know', () => {
    const squares: [number, number][] = [];
    drawLetters('é.', 3, (x, y) => squares.push([x, y]));
    expect(squares).toEqual([
      [21, 15],
      [24, 15],
      [21, 18],
      [24, 18],
    ]);
  });
});
