// Turns any source of pictures into a prepared data set: square PNG files and dataset.json, as a zip or folder.
import { availableParallelism } from 'node:os';
import sharp from 'sharp';
import { FileError, OptionError } from '../core/errors.ts';
import { convertImage, type Probe, probeImage, type Target, type Transform } from './convert.node.ts';
import { type Attribute, type DatasetJson, type Label, labelTable } from './dataset-json.ts';
import { type AddImage, writeDataset } from './dataset-writer.node.ts';
import { chooseSome, type Source, type SourceImage } from './source.ts';
import { openSource } from './sources/open-source.node.ts';

/** State of a preparation, reported after every image. */
export interface PrepareProgress {
  readonly done: number;
  readonly total: number;
  readonly skipped: number;
  readonly imagesPerSecond: number;
}

export interface PrepareOptions {
  /** Side, or [width, height] for center-crop-wide and center-crop-tall. Default: see `chooseTarget`. */
  readonly resolution?: number | readonly [number, number];
  /** Default: center-crop. */
  readonly transform?: Transform;
  /** Default: 1 when all pictures looked at are gray, else 3. */
  readonly channels?: 1 | 3 | 4;
  /** Use at most this many images, a seeded choice in the source's order. For faces: how many to draw. */
  readonly maxImages?: number;
  /** `folders`, a label file, an attribute of the faces, or `any`. Default: labels that the source brings. */
  readonly labels?: string;
  /** Seed of the choice and of the faces. Default 0. */
  readonly seed?: number;
  /** Pictures in work at once. Default: one per processor. */
  readonly workers?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PrepareProgress) => void;
  /** Called for each picture that cannot be used. */
  readonly onSkip?: (name: string, reason: string) => void;
}

export interface PrepareReport {
  readonly images: number;
  readonly skipped: number;
  readonly resolution: number;
  readonly channels: 1 | 3 | 4;
  /** Whether dataset.json got labels. */
  readonly labelled: boolean;
}

const DEFAULT_FACES = 10_000;
const DEFAULT_FACE_SIDE = 64;
/** Without a given resolution, this many pictures are looked at, evenly over the source. */
const PROBES = 500;
const MAX_DEFAULT_SIDE = 1024;

/**
 * Prepares `source` (a path, or `faces`) into `dest`. Broken pictures are skipped and counted.
 * @throws FileError when the source is missing, empty or without the labels asked for, or `dest` exists;
 *   OptionError when resolution and transform do not fit; the signal's reason when aborted. Nothing is left at
 *   `dest` then.
 */
export async function prepareDataset(
  source: string,
  dest: string,
  options: PrepareOptions = {},
): Promise<PrepareReport> {
  sharp.concurrency(1); // several pictures at once use the processors better than several threads per picture
  checkOptions(options);
  const { maxImages, labels, seed = 0 } = options;
  const opened = await openSource(source, { faces: maxImages ?? DEFAULT_FACES, seed, labels });
  try {
    const images = Array.from(chooseSome(opened.images.length, maxImages, seed), (i) => opened.images[i]);
    checkLabels(opened, images);
    const target = await chooseTarget(opened, images, options);
    let kept: readonly Kept[] = [];
    await writeDataset(dest, async (add) => {
      kept = await addImages({ ...opened, images }, target, add, options);
      return describe(opened, kept);
    });
    return {
      images: kept.length,
      skipped: images.length - kept.length,
      resolution: Math.max(target.width, target.height),
      channels: target.channels,
      labelled: isLabelled(kept),
    };
  } finally {
    await opened.close();
  }
}

function checkOptions({ maxImages, workers }: PrepareOptions): void {
  if (maxImages !== undefined && !(Number.isInteger(maxImages) && maxImages >= 1)) {
    throw new OptionError(`--max-images: got ${maxImages}, expected a whole number from 1`);
  }
  if (workers !== undefined && !(Number.isInteger(workers) && workers >= 1)) {
    throw new OptionError(`--workers: got ${workers}, expected a whole number from 1`);
  }
}

const isPowerOfTwo = (n: number) =>
  Number.isInteger(n) && n >= 4 && n <= 4096 && Number.isInteger(Math.log2(n));

/** Labels that could not be trained with are told before the pictures are converted, not after. */
function checkLabels({ path, labelNames }: Source, images: readonly SourceImage[]): void {
  const labels = images.map(({ label }) => label).filter((label) => label !== undefined);
  if (labels.length === images.length) labelTable(labels, labelNames, path);
}

/**
 * The size when none is given: the largest power of two that fits into the smaller side of most pictures (their
 * median), at most 1024. Larger pictures are reduced to it, smaller ones enlarged.
 */
async function chooseTarget(
  source: Source,
  images: readonly SourceImage[],
  options: PrepareOptions,
): Promise<Target> {
  const { resolution, transform = 'center-crop', channels } = options;
  if (resolution !== undefined) checkResolution(resolution, transform);
  if (source.attributeNames) {
    const [width, height] = sidesOf(resolution ?? DEFAULT_FACE_SIDE);
    return { width, height, transform, channels: channels ?? 3 };
  }
  const probes =
    resolution !== undefined && channels !== undefined
      ? []
      : await probe(images, source.path, options.signal);
  const sides = probes.map(({ width, height }) => Math.min(width, height)).sort((a, b) => a - b);
  const median = sides[Math.floor(sides.length / 2)];
  const [width, height] = sidesOf(
    resolution ?? Math.max(4, Math.min(2 ** Math.floor(Math.log2(median)), MAX_DEFAULT_SIDE)),
  );
  if (width === height) checkResolution(width, transform);
  return { width, height, transform, channels: channels ?? (probes.every(({ isGray }) => isGray) ? 1 : 3) };
}

function sidesOf(resolution: number | readonly [number, number]): readonly [number, number] {
  return typeof resolution === 'number' ? [resolution, resolution] : resolution;
}

function checkResolution(resolution: number | readonly [number, number], transform: Transform): void {
  const [width, height] = sidesOf(resolution);
  const got = `--resolution: got ${width}x${height} with --transform ${transform}`;
  if (transform === 'center-crop-wide' && width <= height) {
    throw new OptionError(`${got}, expected WxH with W larger than H, e.g. 512x384`);
  }
  if (transform === 'center-crop-tall' && width >= height) {
    throw new OptionError(`${got}, expected WxH with H larger than W, e.g. 384x512`);
  }
  if ((transform === 'center-crop' || transform === 'pad') && width !== height) {
    const other = width > height ? 'center-crop-wide' : 'center-crop-tall';
    throw new OptionError(`${got}, expected a square; for this size use --transform ${other}`);
  }
  if (
    !isPowerOfTwo(Math.max(width, height)) ||
    !(Number.isInteger(Math.min(width, height)) && Math.min(width, height) > 0)
  ) {
    throw new OptionError(`${got}, expected the larger side to be a power of two from 4 to 4096`);
  }
}

async function probe(images: readonly SourceImage[], path: string, signal?: AbortSignal): Promise<Probe[]> {
  const step = Math.max(1, images.length / PROBES);
  const sample = Array.from(
    { length: Math.min(PROBES, images.length) },
    (_, i) => images[Math.floor(i * step)],
  );
  const probes: Probe[] = [];
  for (const image of sample) {
    signal?.throwIfAborted();
    const found = await image
      .read()
      .then(probeImage)
      .catch(() => null); // named and counted when its turn comes
    if (found) probes.push(found);
  }
  if (probes.length === 0) throw new FileError(`${path}: none of its ${images.length} pictures can be read`);
  return probes;
}

interface Kept {
  readonly file: string;
  readonly image: SourceImage;
}

/** Converts and adds all images; those that fail are skipped. @throws FileError when none is left. */
async function addImages(
  source: Source,
  target: Target,
  add: AddImage,
  { signal, onProgress, onSkip, workers }: PrepareOptions,
): Promise<readonly Kept[]> {
  const total = source.images.length;
  const kept: Kept[] = [];
  const started = performance.now();
  let skipped = 0;
  for await (const { image, png, problem } of convertAll(source.images, target, workers)) {
    signal?.throwIfAborted();
    if (png) kept.push({ image, file: await add(png) });
    else {
      skipped++;
      onSkip?.(image.name, problem);
    }
    const done = kept.length + skipped;
    onProgress?.({ done, total, skipped, imagesPerSecond: (1000 * done) / (performance.now() - started) });
  }
  if (kept.length === 0) throw new FileError(`${source.path}: none of its ${total} pictures can be read`);
  return kept;
}

interface Converted {
  readonly image: SourceImage;
  readonly png: Uint8Array | null;
  readonly problem: string;
}

/** Converts with `workers` pictures in work at once, and gives them in order. */
async function* convertAll(images: readonly SourceImage[], target: Target, workers = availableParallelism()) {
  const waiting: Promise<Converted>[] = [];
  const convert = async (image: SourceImage): Promise<Converted> => {
    try {
      return { image, png: await convertImage(await image.read(), target), problem: '' };
    } catch (error) {
      return { image, png: null, problem: (error as Error).message.split('\n')[0] };
    }
  };
  for (const image of images) {
    waiting.push(convert(image));
    if (waiting.length > workers + 1) yield (await waiting.shift())!;
  }
  for (const converted of waiting) yield await converted;
}

const isLabelled = (kept: readonly Kept[]) => kept.every(({ image }) => image.label !== undefined);

function describe({ labelNames, attributeNames }: Source, kept: readonly Kept[]): DatasetJson {
  const labels = isLabelled(kept)
    ? kept.map(({ file, image }): [string, Label] => [file, image.label!])
    : null;
  const attributes: Record<string, Attribute> = {};
  for (const [key, names] of Object.entries(attributeNames ?? {})) {
    attributes[key] = { names, values: kept.map(({ image }) => image.attributes![key]) };
  }
  return {
    labels,
    ...(labels && labelNames ? { labelNames } : {}),
    ...(attributeNames ? { attributes } : {}),
  };
}
