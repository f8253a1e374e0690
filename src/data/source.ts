// What every source of pictures gives: a list of images that can be read one at a time, with what is known of them.
import { FileError } from '../core/errors.ts';
import { Random } from '../core/random.ts';
import type { Label } from './dataset-json.ts';
import type { NamedLabels } from './label-file.ts';

/** Pixels as archives of arrays hold them: uint8 [height, width, channels]. */
export interface RawImage {
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
}

export interface SourceImage {
  /** Path in the source, for labels and messages. */
  readonly name: string;
  readonly label?: Label;
  /** Index into the source's `attributeNames`, by attribute. */
  readonly attributes?: Readonly<Record<string, number>>;
  /** The bytes of an image file, or pixels. Rejects when it cannot be read. */
  read(): Promise<Uint8Array | RawImage>;
}

export interface Source {
  readonly path: string;
  /** In a fixed order. */
  readonly images: readonly SourceImage[];
  readonly labelNames?: readonly string[];
  readonly attributeNames?: Readonly<Record<string, readonly string[]>>;
  close(): Promise<void>;
}

/**
 * Indices of `count` among `length` items, ascending; all of them by default. A seeded choice rather than the first
 * ones, since sources are often sorted by class.
 */
export function chooseSome(length: number, count = length, seed = 0): Uint32Array {
  if (count >= length) return Uint32Array.from({ length }, (_, i) => i);
  return new Random(seed, 'choose-images').permutation(length).slice(0, count).sort();
}

/** Folders of a prepared data set only count images; they are no classes. */
const PREPARED_NAME = /^\d{5}\/img\d{8}\.png$/;

/**
 * Labels every image by the folder it lies in: the first folder below the one that all images share.
 * @throws FileError when an image lies outside, or there is only one folder.
 */
export function labelByFolder(source: Source): Source {
  if (source.images.every((image) => PREPARED_NAME.test(image.name))) {
    throw new FileError(
      `${source.path} holds no labels: prepare it again with --labels, or train without labels`,
    );
  }
  const paths = source.images.map((image) => image.name.split('/').slice(0, -1));
  let shared = 0;
  while (paths.every((path) => path.length > shared && path[shared] === paths[0][shared])) shared++;
  const outside = paths.findIndex((path) => path.length <= shared);
  if (outside >= 0) {
    throw new FileError(
      `${source.path}: got ${source.images[outside].name} outside any class folder, expected every image in ` +
        'a folder that names its class, or a label file (--labels FILE)',
    );
  }
  const labelNames = [...new Set(paths.map((path) => path[shared]))].sort();
  const classOf = new Map(labelNames.map((name, index) => [name, index]));
  const images = source.images.map((image, i) => ({ ...image, label: classOf.get(paths[i][shared]) }));
  return { ...source, images, labelNames };
}

/**
 * Labels every image by its path in a label file or, failing that, by its file name.
 * @throws FileError when an image is not in the file.
 */
export function labelByFile(source: Source, labels: NamedLabels, labelPath: string): Source {
  const images = source.images.map((image) => {
    const label = labels.byName.get(image.name) ?? labels.byName.get(image.name.split('/').at(-1)!);
    return { ...image, label };
  });
  const missing = images.filter((image) => image.label === undefined);
  if (missing.length > 0) {
    throw new FileError(
      `${labelPath} has no label for ${missing.length} of ${images.length} images (first: ${missing[0].name}), ` +
        'expected one for each',
    );
  }
  return { ...source, images, labelNames: labels.labelNames };
}
