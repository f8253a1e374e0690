// Videos and pictures hold the frames that went in, and a failure leaves nothing behind.

import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { writePng } from '../../src/generate/image-files.node.ts';
import type { Picture } from '../../src/generate/image-grid.ts';
import { writeVideo } from '../../src/generate/video.node.ts';

const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stylegan-video-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

/** A frame of one colour. */
function flat(value: number, channels = 3): Picture {
  return { data: new Uint8Array(16 * 8 * channels).fill(value), width: 16, height: 8, channels };
}

async function* flats(...values: number[]): AsyncGenerator<Picture> {
  for (const value of values) yield flat(value);
}

async function* failing(): AsyncGenerator<Picture> {
  yield flat(0);
  yield flat(1);
  throw new Error('stopped');
}

describe('writePng', () => {
  it.each([1, 3, 4])('keeps the bytes of %i channels', async (channels) => {
    const path = join(folder, 'a.png');
    const data = Uint8Array.from({ length: 6 * channels }, (_, i) => i * 9 + 20);
    await writePng(path, { data, width: 3, height: 2, channels });
    expect(await sharp(path).metadata()).toMatchObject({ width: 3, height: 2, channels });
    const image = channels === 1 ? sharp(path).toColourspace('b-w') : sharp(path);
    expect([...(await image.raw().toBuffer())]).toEqual([...data]);
  });
});

describe('writeVideo', () => {
  it.each(['webp', 'gif'])('makes an endless animated %s of the same length', async (type) => {
    const path = join(folder, `a.${type}`);
    await writeVideo(path, flats(0, 80, 160, 240), 30);
    const { pages, delay, loop, width, pageHeight } = await sharp(path, { animated: true }).metadata();
    expect({ pages, loop, width, pageHeight }).toEqual({ pages: 4, loop: 0, width: 16, pageHeight: 8 });
    const total = delay?.reduce((sum, ms) => sum + ms, 0) ?? 0;
    expect(Math.abs(total - 4000 / 30)).toBeLessThan(6);
    const third = await sharp(path, { page: 2 }).removeAlpha().raw().toBuffer();
    expect(Math.abs(third[0] - 160)).toBeLessThan(4);
    expect(await readdir(folder)).toEqual([`a.${type}`]);
  });

  it('makes a folder of numbered PNG files, but not in one that holds something', async () => {
    const path = join(folder, 'frames');
    await writeVideo(path, flats(5, 6), 30);
    expect((await readdir(path)).sort()).toEqual(['frame00000.png', 'frame00001.png']);
    expect((await sharp(join(path, 'frame00001.png')).raw().toBuffer())[0]).toBe(6);
    await expect(writeVideo(path, flats(5), 30)).rejects.toThrow(/frames is not empty; give a new folder/);
  });

  it.runIf(hasFfmpeg)('makes an MP4 through ffmpeg', async () => {
    const path = join(folder, 'a.mp4');
    await writeVideo(path, flats(0, 80, 160, 240), 25);
    const probe = spawnSync('ffmpeg', ['-i', path, '-f', 'rawvideo', '-pix_fmt', 'gray', '-'], {
      encoding: 'buffer',
    });
    expect(probe.stderr.toString()).toMatch(/16x8.*25 fps/);
    expect(probe.stdout.length).toBe(4 * 16 * 8);
    expect(Math.abs(probe.stdout[2 * 16 * 8] - 160)).toBeLessThan(6);
    expect(await readdir(folder)).toEqual(['a.mp4']);
  });

  it.runIf(hasFfmpeg)("gives ffmpeg's reason when it fails", async () => {
    async function* odd(): AsyncGenerator<Picture> {
      // Widths must be even in this pixel format.
      for (let i = 0; i < 3; i++) yield { data: new Uint8Array(9), width: 3, height: 3, channels: 1 };
    }
    await expect(writeVideo(join(folder, 'a.mp4'), odd(), 25)).rejects.toThrow(/^ffmpeg failed: .+$/);
    expect(await readdir(folder)).toEqual([]);
  });

  it('says in one line that ffmpeg is missing, before any frame is made', async () => {
    vi.stubEnv('PATH', folder);
    const frames = flats(0);
    await expect(writeVideo(join(folder, 'a.mp4'), frames, 30)).rejects.toThrow(
      /a\.mp4: the program ffmpeg was not found; install it, or use --output with \.webp or \.gif$/,
    );
    expect((await frames.next()).done).toBe(false);
    expect(await readdir(folder)).toEqual([]);
  });

  it.each(hasFfmpeg ? ['mp4', 'webp', 'gif', 'folder'] : ['webp', 'gif', 'folder'])(
    'leaves nothing of a %s when the frames fail, and keeps what was there',
    async (type) => {
      const path = join(folder, type === 'folder' ? 'frames' : `a.${type}`);
      if (type === 'folder') await mkdir(path);
      else await writeFile(path, 'old');
      await expect(writeVideo(path, failing(), 30)).rejects.toThrow('stopped');
      expect(await readdir(folder)).toEqual([type === 'folder' ? 'frames' : `a.${type}`]);
      if (type === 'folder') expect(await readdir(path)).toEqual([]);
      else expect(await readFile(path, 'utf8')).toBe('old');
    },
  );

  it('refuses other extensions', async () => {
    await expect(writeVideo(join(folder, 'a.avi'), flats(0), 30)).rejects.toThrow(
      /ending in \.mp4, \.webp or \.gif/,
    );
  });
});
