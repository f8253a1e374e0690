// Prepared data sets, this project's and the published tools': recognized by their headers, decoded once, kept in memory.
import { join } from 'node:path';
import { readFileStart } from '../core/files.node.ts';
import { decodePng, PNG_HEADER_BYTES, type PngHeader, pngHeader } from './convert.node.ts';
import type { Dataset } from './dataset.ts';
import { type DatasetJson, type LabelTable, labelTable, parseDatasetJson } from './dataset-json.ts';
import { type FileTree, IMAGE_NAME, isFolder, openTree, type TreeFile } from './file-tree.node.ts';
import { chooseSome, labelByFile, labelByFolder, type Source } from './source.ts';

/** Decoded images are kept as long as all of them together take no more than this. */
const MAX_KEPT_BYTES = 2 ** 30;

export interface Prepared extends PngHeader {
  readonly tree: FileTree;
  readonly images: readonly TreeFile[];
  readonly json: DatasetJson;
}

/**
 * Opens a folder or zip as prepared; null unless all its images are PNG of one square power-of-two size, with
 * 8 bits and the same channels.
 * @throws FileError when there is nothing at `path`, or its dataset.json is damaged.
 */
export async function openPrepared(path: string): Promise<Prepared | null> {
  if (!(await isFolder(path))) {
    const { bytes } = await readFileStart(path, 2);
    if (new TextDecoder().decode(bytes) !== 'PK') return null;
  }
  const tree = await openTree(path);
  try {
    const prepared = await examine(tree);
    if (prepared === null) await tree.close();
    return prepared;
  } catch (error) {
    await tree.close();
    throw error;
  }
}

async function examine(tree: FileTree): Promise<Prepared | null> {
  const images = tree.files.filter((file) => IMAGE_NAME.test(file.name));
  if (images.length === 0) return null;
  const first = pngHeader(await images[0].readStart(PNG_HEADER_BYTES));
  if (first === null || first.width !== first.height || !Number.isInteger(Math.log2(first.width)))
    return null;
  for (const image of images) {
    const header = pngHeader(await image.readStart(PNG_HEADER_BYTES));
    if (
      header?.width !== first.width ||
      header.height !== first.height ||
      header.channels !== first.channels
    ) {
      return null;
    }
  }
  const jsonFile = tree.files.find((file) => file.name === 'dataset.json');
  const text = jsonFile ? new TextDecoder().decode(await jsonFile.read()) : '{}';
  return { ...first, tree, images, json: parseDatasetJson(text, join(tree.path, 'dataset.json')) };
}

/**
 * The data set interface over prepared images. Closes them when it throws.
 * @throws FileError when labels are asked for and there are none.
 */
export async function preparedDataset(
  prepared: Prepared,
  name: string,
  options: { readonly labels?: boolean; readonly maxImages?: number },
): Promise<Dataset> {
  try {
    const { labels, names } = options.labels ? readLabels(prepared) : { labels: null, names: undefined };
    const chosen = chooseSome(prepared.images.length, options.maxImages, 0);
    return new PreparedDataset(prepared, name, chosen, labels, names);
  } catch (error) {
    await prepared.tree.close();
    throw error;
  }
}

function readLabels({ tree, images, json }: Prepared): { labels: LabelTable; names?: readonly string[] } {
  const plain: Source = { path: tree.path, images, close: () => tree.close() };
  const jsonPath = join(tree.path, 'dataset.json');
  const labelled = json.labels
    ? labelByFile(plain, { byName: new Map(json.labels), labelNames: json.labelNames }, jsonPath)
    : labelByFolder(plain);
  const labels = labelTable(
    labelled.images.map((image) => image.label!),
    labelled.labelNames,
    tree.path,
  );
  const names = labelled.labelNames;
  return { labels, names: names?.length === labels.dim ? names : undefined };
}

class PreparedDataset implements Dataset {
  readonly name: string;
  readonly path: string;
  readonly length: number;
  readonly channels: 1 | 3 | 4;
  readonly resolution: number;
  readonly labelDim: number;
  readonly labelNames?: readonly string[];
  private readonly tree: FileTree;
  private readonly files: readonly TreeFile[];
  private readonly chosen: Uint32Array;
  private readonly labels: LabelTable | null;
  private readonly imageSize: number;
  /** Decoded images one after the other, and which of them are there; null when they would not fit. */
  private kept: { readonly pixels: Uint8Array; readonly has: Uint8Array } | null = null;

  constructor(
    prepared: Prepared,
    name: string,
    chosen: Uint32Array,
    labels: LabelTable | null,
    names?: readonly string[],
  ) {
    this.name = name;
    this.path = prepared.tree.path;
    this.length = chosen.length;
    this.channels = prepared.channels;
    this.resolution = prepared.width;
    this.labelDim = labels?.dim ?? 0;
    this.labelNames = names;
    this.tree = prepared.tree;
    this.files = prepared.images;
    this.chosen = chosen;
    this.labels = labels;
    this.imageSize = this.channels * this.resolution ** 2;
    if (this.length * this.imageSize <= MAX_KEPT_BYTES) {
      this.kept = { pixels: new Uint8Array(this.length * this.imageSize), has: new Uint8Array(this.length) };
    }
  }

  async readImage(index: number): Promise<Uint8Array> {
    const file = this.files[this.chosenAt(index)];
    const { kept, imageSize } = this;
    if (kept?.has[index]) return kept.pixels.slice(index * imageSize, (index + 1) * imageSize);
    const pixels = await decodePng(
      await file.read(),
      this.channels,
      this.resolution,
      `${this.path}: ${file.name}`,
    );
    if (kept) {
      kept.pixels.set(pixels, index * imageSize);
      kept.has[index] = 1;
    }
    return pixels;
  }

  label(index: number): Float32Array {
    const chosen = this.chosenAt(index);
    return this.labels?.vector(chosen) ?? new Float32Array(0);
  }

  async close(): Promise<void> {
    this.kept = null;
    await this.tree.close();
  }

  private chosenAt(index: number): number {
    if (index >= 0 && index < this.length && Number.isInteger(index)) return this.chosen[index];
    throw new RangeError(`got image ${index}, expected 0 to ${this.length - 1}`);
  }
}
