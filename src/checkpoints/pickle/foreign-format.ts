// Tells files that are often taken for checkpoints: pictures, and what a failed download leaves.

import { latin1Text } from '../../core/pickle/values.ts';

/** First bytes of a file, as Latin-1 text without leading space, and what it is. */
const FORMATS: readonly (readonly [string, string])[] = [
  ['\xff\xd8\xff', 'a JPEG picture'],
  ['\x89PNG', 'a PNG picture'],
  ['RIFF', 'a WebP picture or a sound'],
  ['\x1f\x8b', 'a gzip archive (unpack it first)'],
  ['version https://git-lfs', 'a Git LFS pointer (the file itself was not downloaded)'],
  ['<', 'a web page (the download failed)'],
];

/** What a file is that cannot be a checkpoint, by its first bytes; undefined when it may be one. */
export function foreignFormat(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return 'an empty file';
  const start = latin1Text(bytes.subarray(0, 64)).trimStart();
  return FORMATS.find(([magic]) => start.startsWith(magic))?.[1];
}
