import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { convertImage, decodePng, pngHeader, probeImage, type Target } from '../../src/data/convert.node.ts';
import type { RawImage } from '../../src/data/source.ts';
import { BLUE, halves, RED } from './pictures.ts';

const SQUARE: Target = { width: 16, height: 16, transform: 'center-crop', channels: 3 };

async function convert(image: Uint8Array | RawImage, target: Partial<Target> = {}) {
  const full = { ...SQUARE, ...target };
  const side = Math.max(full.width, full.height);
  const png = await convertImage(image, full);
  expect(pngHeader(png)).toEqual({ width: side, height: side, channels: full.channels });
  const pixels = await decodePng(png, full.channels, side, 'test');
  return (x: number, y: number) =>
    Array.from({ length: full.channels }, (_, c) => pixels[(c * side + y) * side + x]);
}

const near = (got: number[], expected: readonly number[], tolerance = 6) =>
  got.forEach((value, c) => {
    expect(Math.abs(value - expected[c]), `channel ${c} of ${got} against ${expected}`).toBeLessThanOrEqual(
      tolerance,
    );
  });

describe('convertImage', () => {
  it('leaves pixels of the right size untouched', async () => {
    const pixels = Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => (i * 37) % 256);
    const at = await convert({ pixels, width: 16, height: 16, channels: 3 });
    for (const [x, y] of [
      [0, 0],
      [5, 3],
      [15, 15],
    ]) {
      expect(at(x, y)).toEqual([...pixels.subarray(3 * (16 * y + x), 3 * (16 * y + x) + 3)]);
    }
  });

  it.each(['png', 'jpeg', 'webp', 'avif', 'tiff', 'gif'] as const)('reads %s', async (format) => {
    const at = await convert(await halves(40, 40).toFormat(format).toBuffer());
    near(at(2, 8), RED, 30);
    near(at(13, 8), BLUE, 30);
  });

  it('draws SVG at the size needed', async () => {
    const svg =
      '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 2"><rect width="1" height="2" fill="#00f"/></svg>';
    const at = await convert(Buffer.from(svg), { width: 64, height: 64 });
    near(at(30, 32), [0, 0, 255]);
    near(at(33, 32), [255, 255, 255]); // sharp although its own size is 2×2
  });

  it('takes the first frame of an animation', async () => {
    const frames = [await halves(16, 16).png().toBuffer(), await halves(16, 16, BLUE, RED).png().toBuffer()];
    const at = await convert(
      await sharp(frames, { join: { animated: true } })
        .gif()
        .toBuffer(),
    );
    near(at(2, 8), RED, 30);
  });

  it('turns pictures upright by their EXIF orientation', async () => {
    // Orientation 6: the stored left side is shown on top.
    const jpeg = await halves(48, 32).jpeg({ quality: 100 }).withMetadata({ orientation: 6 }).toBuffer();
    expect(await probeImage(jpeg)).toMatchObject({ width: 32, height: 48 });
    const at = await convert(jpeg);
    near(at(8, 2), RED, 12);
    near(at(8, 13), BLUE, 12);
  });

  it('brings CMYK to sRGB', async () => {
    const [brick, steel] = [
      [180, 70, 60],
      [70, 110, 150],
    ] as const; // colours that printing ink can show
    const jpeg = await halves(32, 32, brick, steel).toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
    expect((await sharp(jpeg).metadata()).space).toBe('cmyk');
    const at = await convert(jpeg);
    near(at(2, 8), brick, 30);
    near(at(13, 8), steel, 30);
  });

  it('brings 16 bits to 8', async () => {
    const pixels = new Uint16Array(16 * 16 * 3).fill(0x8080);
    const png = await sharp(pixels, { raw: { width: 16, height: 16, channels: 3 } })
      .toColourspace('rgb16')
      .png()
      .toBuffer();
    expect((await sharp(png).metadata()).depth).toBe('ushort');
    expect((await convert(png))(3, 3)).toEqual([128, 128, 128]);
    const gray = await sharp(png).toColourspace('grey16').png().toBuffer();
    expect((await sharp(gray).metadata()).space).toBe('grey16');
    expect((await convert(gray, { channels: 1 }))(3, 3)).toEqual([128]);
  });

  it('spreads gray over three channels and reduces colours to gray', async () => {
    const gray: RawImage = { pixels: new Uint8Array(256).fill(77), width: 16, height: 16, channels: 1 };
    expect((await convert(gray))(0, 0)).toEqual([77, 77, 77]);
    expect((await convert(gray, { channels: 1 }))(0, 0)).toEqual([77]);
    const [luma] = (await convert(await halves(16, 16, [0, 255, 0]).png().toBuffer(), { channels: 1 }))(2, 2);
    expect(luma).toBeGreaterThan(120);
  });

  it('lays transparency over white, or keeps it', async () => {
    const png = await sharp({ create: { width: 16, height: 16, channels: 4, background: '#ff000000' } })
      .png()
      .toBuffer();
    expect((await convert(png))(4, 4)).toEqual([255, 255, 255]);
    expect((await convert(png, { channels: 4 }))(4, 4)[3]).toBe(0);
    const grayAlpha = await sharp(png).toColourspace('b-w').png().toBuffer();
    expect((await sharp(grayAlpha).metadata()).channels).toBe(2);
    expect((await convert(grayAlpha, { channels: 1 }))(4, 4)).toEqual([255]);
    expect((await convert(await halves(16, 16).png().toBuffer(), { channels: 4 }))(2, 2)).toEqual([
      ...RED,
      255,
    ]);
  });

  it('crops the middle of wide and tall pictures', async () => {
    // A third red, green, blue: only the middle stays.
    const wide = await sharp(await halves(48, 16).png().toBuffer())
      .composite([
        { input: await halves(16, 16, [0, 200, 0], [0, 200, 0]).png().toBuffer(), left: 16, top: 0 },
      ])
      .png()
      .toBuffer();
    const at = await convert(wide);
    for (const x of [0, 8, 15]) near(at(x, 8), [0, 200, 0]);
    const tall = await convert(await sharp(wide).rotate(90).png().toBuffer());
    for (const y of [0, 8, 15]) near(tall(8, y), [0, 200, 0]);
  });

  it('puts wide, tall and whole pictures on black', async () => {
    const white = await halves(64, 64, [255, 255, 255], [255, 255, 255]).png().toBuffer();
    const wide = await convert(white, { width: 16, height: 12, transform: 'center-crop-wide' });
    expect([wide(8, 1), wide(8, 2), wide(8, 13), wide(8, 14)].map(([v]) => v)).toEqual([0, 255, 255, 0]);
    const tall = await convert(white, { width: 8, height: 16, transform: 'center-crop-tall' });
    expect([tall(3, 8), tall(4, 8), tall(11, 8), tall(12, 8)].map(([v]) => v)).toEqual([0, 255, 255, 0]);
    const flat = await halves(64, 32, [255, 255, 255], [255, 255, 255]).png().toBuffer();
    const padded = await convert(flat, { transform: 'pad' });
    expect([padded(8, 3), padded(8, 4), padded(8, 11), padded(8, 12)].map(([v]) => v)).toEqual([
      0, 255, 255, 0,
    ]);
    expect((await convert(flat, { transform: 'pad', channels: 4 }))(8, 0)).toEqual([0, 0, 0, 0]);
  });

  it('refuses truncated pictures and those of too many pixels', async () => {
    const jpeg = await halves(200, 200).jpeg().toBuffer();
    await expect(convertImage(jpeg.subarray(0, jpeg.length / 2), SQUARE)).rejects.toThrow();
    const huge = '<svg xmlns="http://www.w3.org/2000/svg" width="60000" height="60000"></svg>';
    await expect(convertImage(Buffer.from(huge), SQUARE)).rejects.toThrow(/pixel/i);
  });
});

describe('decodePng', () => {
  it('names a picture of another form', async () => {
    const png = await halves(8, 8).png().toBuffer();
    await expect(decodePng(png, 3, 16, 'a.zip: x.png')).rejects.toThrow(
      'a.zip: x.png: got 8×8 with 3 channels',
    );
    await expect(decodePng(Buffer.from('nonsense'), 3, 16, 'x.png')).rejects.toThrow('got no plain PNG');
  });
});
