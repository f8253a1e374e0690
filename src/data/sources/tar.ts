// Lists the files of a tar archive that lies in memory.
import { FileError } from '../../core/errors.ts';

const BLOCK = 512;
const text = (bytes: Uint8Array) => new TextDecoder('latin1').decode(bytes).split('\0')[0].trim();

export function isTar(bytes: Uint8Array): boolean {
  return bytes.length >= BLOCK && text(bytes.subarray(257, 262)) === 'ustar';
}

/** File contents by the last part of their path, as views of `bytes`. @throws FileError when it is cut off. */
export function readTar(bytes: Uint8Array, path: string): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at + BLOCK <= bytes.length && bytes[at] !== 0; ) {
    const header = bytes.subarray(at, at + BLOCK);
    const size = Number.parseInt(text(header.subarray(124, 136)), 8);
    const start = at + BLOCK;
    if (!(size >= 0) || start + size > bytes.length)
      throw new FileError(`${path}: the archive is cut off or damaged`);
    const kind = text(header.subarray(156, 157));
    const name = text(header.subarray(0, 100)).split('/').at(-1)!;
    if (kind === '0' || kind === '') files.set(name, bytes.subarray(start, start + size));
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}
