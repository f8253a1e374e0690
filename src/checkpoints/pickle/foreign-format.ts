// Tells files that are often taken for checkpoints: pictures, and what a failed download leaves.

/** First bytes of a file, as Latin-1 text, and what it is. */
const FORMATS: readonly (readonly [RegExp, string])[] = [
  [/^\xff\xd8\xff/, 'a JPEG picture'],
  [/^\x89PNG/, 'a PNG picture'],
  [/^\x1f\x8b/, 'a gzip archive (unpack it first)'],
  [/^version https:\/\/git-lfs/, 'a Git LFS pointer (the file itself was not downloaded)'],
  [/^\s*<(!doctype|html|\?xml)/i, 'a web page (the download failed)'],
];

/** What a file is that cannot be a checkpoint, by its first bytes; undefined when it may be one. */
export function foreignFormat(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return 'an empty file';
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 64));
  return FORMATS.find(([pattern]) => pattern.test(start))?.[1];
}
