// Frames to a video: MP4 through ffmpeg, animated WebP or GIF through libvips, or a folder of PNG files.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Writable } from 'node:stream';
import sharp from 'sharp';
import { FileError, OptionError } from '../core/errors.ts';
import { asFileError, replaceAtomically, writeFileAtomic } from '../core/files.node.ts';
import { writePng } from './image-files.node.ts';
import type { Picture } from './image-grid.ts';

/** WebP and GIF are encoded from memory: this many bytes of frames at most. */
const MAX_ANIMATION_BYTES = 2 ** 30;
/** Viewers slow a GIF with shorter delays than this down to ten frames per second. Milliseconds. */
const MIN_GIF_DELAY = 20;
const PIXEL_FORMATS: Record<number, string> = { 1: 'gray', 3: 'rgb24', 4: 'rgba' };

type Frames = AsyncIterable<Picture>;

/**
 * Writes frames of one size, in order as they come. The path's extension chooses the format: `.mp4` (needs
 * ffmpeg), `.webp`, `.gif`, or none for a folder of PNG files, which must be new or empty. The file appears
 * only once it is whole; when the frames throw, nothing is left. Throws FileError and OptionError, as far as
 * possible before the first frame is asked for.
 */
export async function writeVideo(path: string, frames: Frames, fps: number): Promise<void> {
  const extension = extname(path).toLowerCase();
  if (extension === '.mp4') return writeMp4(path, frames, fps);
  if (extension === '.webp' || extension === '.gif') return writeAnimation(path, frames, fps);
  if (extension === '') return writeFrameFolder(path, frames);
  throw new OptionError(
    `got --output ${path}, expected a name ending in .mp4, .webp or .gif, or a folder for PNG files`,
  );
}

async function writeFrameFolder(path: string, frames: Frames): Promise<void> {
  const existing = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw asFileError(error, 'write frames to', path);
  });
  if (existing.length > 0) throw new FileError(`${path} is not empty; give a new folder for the frames`);
  await replaceAtomically(path, async (aside) => {
    await mkdir(aside);
    let index = 0;
    for await (const frame of frames) {
      await writePng(join(aside, `frame${String(index++).padStart(5, '0')}.png`), frame);
    }
  });
}

async function writeAnimation(path: string, frames: Frames, fps: number): Promise<void> {
  const gif = extname(path).toLowerCase() === '.gif';
  const { strip, count, first } = await stackFrames(path, frames);
  const { width, height, channels } = first;
  const raw = { width, height: height * count, channels: channels as 1 | 3 | 4, pageHeight: height };
  const image = sharp(strip, { raw, limitInputPixels: false });
  const options = { loop: 0, delay: gif ? gifDelays(count, fps) : delays(count, fps, 1) };
  // The default effort takes seven times as long for a GIF a tenth smaller.
  const encoded = gif ? image.gif({ ...options, effort: 3 }) : image.webp({ ...options, quality: 90 });
  await writeFileAtomic(path, await encoded.toBuffer());
}

/** All frames below each other. Throws OptionError when they take too much memory. */
async function stackFrames(path: string, frames: Frames) {
  const parts: Uint8Array[] = [];
  let first: Picture | undefined;
  let bytes = 0;
  for await (const frame of frames) {
    first ??= frame;
    bytes += frame.data.length;
    if (bytes > MAX_ANIMATION_BYTES) {
      throw new OptionError(
        `got more than 1 GiB of frames for ${path}, which is made in memory; use .mp4, a folder, or fewer frames`,
      );
    }
    parts.push(frame.data);
  }
  if (!first) throw new RangeError('got no frames, expected at least one');
  return { strip: Buffer.concat(parts), count: parts.length, first };
}

function gifDelays(count: number, fps: number): number[] {
  return delays(count, Math.min(fps, 1000 / MIN_GIF_DELAY), 10);
}

/** Milliseconds per frame in multiples of `step`, rounded so that the whole keeps its length. */
function delays(count: number, fps: number, step: number): number[] {
  const at = (frame: number) => Math.round((frame * 1000) / fps / step) * step;
  return Array.from({ length: count }, (_, frame) => at(frame + 1) - at(frame));
}

async function writeMp4(path: string, frames: Frames, fps: number): Promise<void> {
  await replaceAtomically(path, async (aside) => {
    let encoder: Encoder | undefined;
    try {
      // Asked before the first frame is computed: a missing ffmpeg must not cost the user an hour.
      await requireFfmpeg(path);
      for await (const frame of frames) {
        encoder ??= startEncoder(aside, frame, fps);
        await encoder.write(frame.data);
      }
      if (!encoder) throw new RangeError('got no frames, expected at least one');
      await encoder.finish();
    } catch (error) {
      encoder?.kill();
      throw error;
    }
  });
}

async function requireFfmpeg(path: string): Promise<void> {
  const child = spawn('ffmpeg', ['-version'], { stdio: 'ignore' });
  try {
    await once(child, 'exit');
  } catch {
    throw new FileError(
      `cannot write ${path}: the program ffmpeg was not found; install it, or use --output with .webp or .gif`,
    );
  }
}

interface Encoder {
  write(data: Uint8Array): Promise<void>;
  finish(): Promise<void>;
  kill(): void;
}

function startEncoder(path: string, { width, height, channels }: Picture, fps: number): Encoder {
  const input = ['-f', 'rawvideo', '-pix_fmt', PIXEL_FORMATS[channels], '-s', `${width}x${height}`];
  const output = ['-c:v', 'libx264', '-crf', '16', '-pix_fmt', 'yuv420p', '-movflags', '+faststart'];
  const child = spawn(
    'ffmpeg',
    ['-loglevel', 'error', '-y', ...input, '-r', `${fps}`, '-i', '-', ...output, '-f', 'mp4', path],
    // A group of its own: Ctrl-C is ours to handle, and must not make it finish a part of the video.
    { stdio: ['pipe', 'ignore', 'pipe'], detached: true },
  );
  const ended = exitOf(child);
  ended.catch(() => {}); // seen by write() and finish()
  return {
    write: (data) => Promise.race([writeTo(child.stdin, data), ended]),
    async finish() {
      child.stdin.end();
      await ended;
    },
    kill: () => child.kill('SIGKILL'),
  };
}

/** Settles when the process ends; rejects with its last message unless it succeeded. */
async function exitOf(child: ChildProcess): Promise<void> {
  let messages = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    messages = (messages + chunk.toString()).slice(-4096);
  });
  child.stdin?.on('error', () => {}); // told by the exit code, with a reason
  const [code] = await once(child, 'close');
  if (code !== 0) {
    throw new FileError(`ffmpeg failed: ${messages.trim().split('\n').at(-1) || `exit code ${code}`}`);
  }
}

function writeTo(stream: Writable, data: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    stream.write(data, (error) => {
      // On an error the process has ended, which tells more.
      if (!error) resolve();
    });
  });
}
