// Atomic writes leave the old content or the new, and system errors are told in one line.

import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileError } from '../../src/core/errors.ts';
import { makeFolder, readFileBounded, writeFileAtomic } from '../../src/core/files.node.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stylegan-files-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('writeFileAtomic', () => {
  it('writes text, bytes and chunks, and leaves no other file', async () => {
    await writeFileAtomic(join(folder, 'a'), 'text');
    await writeFileAtomic(join(folder, 'b'), Uint8Array.of(1, 2));
    await writeFileAtomic(join(folder, 'b'), [Uint8Array.of(3), new Uint8Array(0), Uint8Array.of(4, 5)]);
    expect(await readFile(join(folder, 'a'), 'utf8')).toBe('text');
    expect([...(await readFile(join(folder, 'b')))]).toEqual([3, 4, 5]);
    expect((await readdir(folder)).sort()).toEqual(['a', 'b']);
  });

  it('keeps the old content and removes the file aside when the chunks fail', async () => {
    const path = join(folder, 'a');
    await writeFileAtomic(path, 'old');
    async function* failing() {
      yield Uint8Array.of(1);
      throw new Error('stopped');
    }
    await expect(writeFileAtomic(path, failing())).rejects.toThrow('stopped');
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['a']);
  });

  it('shows the new content only when it is whole', async () => {
    const path = join(folder, 'a');
    await writeFileAtomic(path, 'old');
    async function* watched() {
      yield Buffer.from('new');
      expect(await readFile(path, 'utf8')).toBe('old');
      yield Buffer.from('er');
    }
    await writeFileAtomic(path, watched());
    expect(await readFile(path, 'utf8')).toBe('newer');
  });

  it.runIf(process.platform === 'linux')('says that the disk is full, in one line', async () => {
    // The file aside is a link to a device that is always full.
    const path = join(folder, 'a');
    await symlink('/dev/full', `${path}.tmp-${process.pid}`);
    await expect(writeFileAtomic(path, 'text')).rejects.toThrow(
      new FileError(`cannot write ${path}: no space left on the device`),
    );
    expect(await readdir(folder)).toEqual([]);
  });

  it('names the path of a folder that is missing', async () => {
    const path = join(folder, 'missing', 'a');
    await expect(writeFileAtomic(path, '')).rejects.toThrow(
      new FileError(`cannot write ${path}: no such file or folder`),
    );
  });
});

describe('reading and folders', () => {
  it('refuses a file above the bound', async () => {
    await writeFile(join(folder, 'a'), 'four');
    expect((await readFileBounded(join(folder, 'a'), 4)).length).toBe(4);
    await expect(readFileBounded(join(folder, 'a'), 3)).rejects.toThrow(/got 4 bytes, expected at most 3/);
  });

  it('tells a missing file, a folder in place of a file, and a file in place of a folder', async () => {
    await writeFile(join(folder, 'a'), '');
    await expect(readFileBounded(join(folder, 'b'))).rejects.toThrow(/cannot read .*b: no such file/);
    await expect(readFileBounded(folder)).rejects.toThrow(/it is a folder, expected a file/);
    await expect(makeFolder(join(folder, 'a', 'b'))).rejects.toThrow(/a part of the path is a file/);
    await expect(makeFolder(join(folder, 'a'))).rejects.toThrow(/in the way/);
    await makeFolder(join(folder, 'c', 'd', 'e'));
    await makeFolder(join(folder, 'c', 'd', 'e'));
    expect((await stat(join(folder, 'c', 'd', 'e'))).isDirectory()).toBe(true);
  });

  it.runIf(existsSync('/proc'))('comes to an end where no folder can be made', async () => {
    await expect(makeFolder('/proc/nowhere/at/all')).rejects.toThrow(/no such file or folder/);
  });
});
