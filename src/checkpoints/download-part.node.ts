// The part of a file that has been downloaded so far: survives any end of the process, and has one owner at a time.

import { randomUUID } from 'node:crypto';
import {
  constants,
  type FileHandle,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { asFileError, makeFolder } from '../core/files.node.ts';

/** What the server said of the content that the part is of. */
export interface Content {
  /** A strong ETag or a Last-Modified date; null where the server gives neither, so that nothing can be resumed. */
  readonly validator: string | null;
  /** Bytes of the whole content; null where the server does not say. */
  readonly total: number | null;
}

const HOST = hostname()
  .replace(/[^\w-]/g, '_')
  .slice(0, 40);

/** Parts that this process has put down again. */
const released = new Set<string>();

/**
 * A folder beside the file that is to be, `FILE.part-HOST-PID-RANDOM`, with the bytes in `data` and what they are of
 * in `content.json`. Renaming a folder is atomic, so of several processes exactly one takes over a part whose owner
 * has died.
 */
export class Part {
  private readonly target: string;
  private readonly folder: string;
  private file: FileHandle | null = null;
  private ofContent: Content | null = null;
  private length = 0;

  private constructor(target: string, folder: string) {
    this.target = target;
    this.folder = folder;
  }

  /** Takes over the largest part of `target` that a dead process left, or begins one. Throws FileError. */
  static async claim(target: string): Promise<Part> {
    const folder = `${target}.part-${HOST}-${process.pid}-${randomUUID().slice(0, 8)}`;
    try {
      await makeFolder(dirname(target));
      for (const left of await partsWithoutOwner(target)) {
        // Another process may be quicker.
        const taken = await rename(left, folder).then(
          () => true,
          () => false,
        );
        if (taken) break;
      }
      await makeFolder(folder);
      const part = new Part(target, folder);
      await part.open();
      return part;
    } catch (error) {
      throw asFileError(error, 'write', folder);
    }
  }

  /** Bytes so far. */
  get bytes(): number {
    return this.length;
  }

  /** What the bytes are of; null where that is not known. */
  get content(): Content | null {
    return this.ofContent;
  }

  /** Begins anew, with `content`. */
  async restart(content: Content | null): Promise<void> {
    try {
      await this.file?.truncate(0);
      this.length = 0;
      this.ofContent = content;
      // After the bytes: what is left of a crash in between is an empty part.
      await writeFile(join(this.folder, 'content.json'), JSON.stringify(content));
    } catch (error) {
      throw asFileError(error, 'write', this.folder);
    }
  }

  async append(chunk: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < chunk.length; ) {
        const { bytesWritten } = await this.file!.write(chunk, done, chunk.length - done, this.length);
        done += bytesWritten;
        this.length += bytesWritten;
      }
    } catch (error) {
      throw asFileError(error, 'write', this.folder);
    }
  }

  /** Path of the bytes, for reading. */
  get path(): string {
    return join(this.folder, 'data');
  }

  /** Puts the bytes in the place of the target, synced, and removes other parts that nobody owns. */
  async finish(): Promise<void> {
    try {
      await this.file!.sync();
      await this.close();
      await rename(this.path, this.target);
      for (const folder of [this.folder, ...(await partsWithoutOwner(this.target))]) {
        await rm(folder, { recursive: true, force: true });
      }
    } catch (error) {
      throw asFileError(error, 'write', this.target);
    }
  }

  /** Leaves the bytes to whoever downloads next. */
  async release(): Promise<void> {
    await this.close();
    if (this.length === 0) await this.discard();
    else released.add(this.folder);
  }

  async discard(): Promise<void> {
    await this.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async open(): Promise<void> {
    const file = await open(this.path, constants.O_RDWR | constants.O_CREAT);
    this.file = file;
    this.length = (await file.stat()).size;
    this.ofContent = await readContent(join(this.folder, 'content.json'));
    if (this.ofContent === null) await this.restart(null);
  }

  private async close(): Promise<void> {
    await this.file?.close();
    this.file = null;
  }
}

/** The largest first: the parts of `target` on this machine whose process has died, or has put them down. */
async function partsWithoutOwner(target: string): Promise<string[]> {
  const prefix = `${basename(target)}.part-`;
  const found: { folder: string; bytes: number }[] = [];
  for (const name of await readdir(dirname(target))) {
    if (!name.startsWith(prefix)) continue;
    const [, host, pid] = /^(.*)-(\d+)-[0-9a-f]{8}$/.exec(name.slice(prefix.length)) ?? [];
    const folder = join(dirname(target), name);
    if (host !== HOST || (isAlive(Number(pid)) && !released.has(folder))) continue;
    const bytes = await stat(join(folder, 'data')).then(
      ({ size }) => size,
      () => 0,
    );
    found.push({ folder, bytes });
  }
  return found.sort((a, b) => b.bytes - a.bytes).map(({ folder }) => folder);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, under another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function readContent(path: string): Promise<Content | null> {
  try {
    const { validator, total } = JSON.parse(await readFile(path, 'utf8'));
    const isContent = typeof validator === 'string' && (total === null || Number.isSafeInteger(total));
    return isContent ? { validator, total } : null;
  } catch {
    return null;
  }
}
