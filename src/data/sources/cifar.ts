// The CIFAR-10 and CIFAR-100 archives, as pickled for Python or in the binary version: their training images.
import { FileError } from '../../core/errors.ts';
import { NUMPY_GLOBALS, numpyArray } from '../../core/pickle/numpy.ts';
import { readPickle } from '../../core/pickle/read-pickle.ts';
import { isContiguous, storageBytes } from '../../core/pickle/stored-tensor.ts';
import { describe, type PickleDict, textOf } from '../../core/pickle/values.ts';
import type { Source, SourceImage } from '../source.ts';
import { channelsLast } from './npy.ts';

const SIDE = 32;
const IMAGE_BYTES = 3 * SIDE * SIDE;

/** Planes of one file: uint8 [N, 3, 32, 32], and a class for each. */
interface Part {
  readonly name: string;
  readonly labels: readonly number[];
  image(index: number): Uint8Array;
}

/**
 * Reads the unpacked archive, file contents by name. CIFAR-100 gets its 100 fine classes. Test images are left out,
 * as in the published preparation.
 * @throws FileError when it is neither of the four archives.
 */
export function cifarSource(files: ReadonlyMap<string, Uint8Array>, path: string): Source {
  const parts = [...files.keys()]
    .sort()
    .flatMap((name) =>
      /^(data_batch_\d+|train)(\.bin)?$/.test(name) ? [readPart(name, files.get(name)!, path)] : [],
    );
  if (parts.length === 0) {
    const found = [...files.keys()].slice(0, 5).join(', ');
    throw new FileError(
      `${path}: got an archive with ${found || 'no files'}, expected CIFAR-10 or CIFAR-100`,
    );
  }
  const images = parts.flatMap((part) =>
    part.labels.map(
      (label, i): SourceImage => ({
        name: `${part.name}[${i}]`,
        label,
        read: async () => ({
          pixels: channelsLast(part.image(i), 3),
          width: SIDE,
          height: SIDE,
          channels: 3,
        }),
      }),
    ),
  );
  return { path, images, labelNames: readNames(files, path), close: async () => {} };
}

function readPart(name: string, bytes: Uint8Array, path: string): Part {
  return name.endsWith('.bin') ? binaryPart(name, bytes, path) : pickledPart(name, bytes, path);
}

/** Records of 1 (CIFAR-10) or 2 (CIFAR-100: coarse, fine) label bytes and the planes. */
function binaryPart(name: string, bytes: Uint8Array, path: string): Part {
  const labelBytes = name === 'train.bin' ? 2 : 1;
  const record = labelBytes + IMAGE_BYTES;
  if (bytes.length % record !== 0) {
    throw new FileError(`${path}: got ${bytes.length} bytes in ${name}, expected a multiple of ${record}`);
  }
  const labels = Array.from({ length: bytes.length / record }, (_, i) => bytes[i * record + labelBytes - 1]);
  return { name, labels, image: (i) => bytes.subarray(i * record + labelBytes, (i + 1) * record) };
}

function pickledPart(name: string, bytes: Uint8Array, path: string): Part {
  const where = `${path}: ${name}`;
  const dict = dictIn(bytes, where);
  const data = numpyArray(dict.get('data'), where);
  const planes = data?.dtype === 'uint8' && isContiguous(data) ? storageBytes(data, where) : undefined;
  const labels = dict.get('labels') ?? dict.get('fine_labels');
  if (!planes || !Array.isArray(labels) || planes.length !== labels.length * IMAGE_BYTES) {
    throw new FileError(`${where} does not hold images of 32×32 with one label each`);
  }
  const classes = labels.map((label) => {
    if (typeof label === 'number' && label >= 0) return label;
    throw new FileError(`${where}: got label ${describe(label)}, expected a class number`);
  });
  return { name, labels: classes, image: (i) => planes.subarray(i * IMAGE_BYTES, (i + 1) * IMAGE_BYTES) };
}

const GLOBALS = new Map(NUMPY_GLOBALS);

function dictIn(bytes: Uint8Array, path: string): PickleDict {
  const { value } = readPickle(bytes, path, { globals: GLOBALS });
  if (value instanceof Map) return value;
  throw new FileError(`${path}: got a pickle of ${describe(value)}, expected a dict`);
}

function readNames(files: ReadonlyMap<string, Uint8Array>, path: string): readonly string[] | undefined {
  const lines = files.get('batches.meta.txt') ?? files.get('fine_label_names.txt');
  if (lines)
    return new TextDecoder()
      .decode(lines)
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean);
  const meta = files.get('batches.meta') ?? files.get('meta');
  if (!meta) return undefined;
  const dict = dictIn(meta, `${path}: class names`);
  const names = dict.get('label_names') ?? dict.get('fine_label_names');
  return Array.isArray(names) ? names.map((name) => textOf(name) ?? describe(name)) : undefined;
}
