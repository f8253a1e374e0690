// dataset.json, the field's file of labels: its schema, and labels as the vectors that networks take.
import { z } from 'zod';
import { FileError } from '../core/errors.ts';
import { faultOf } from '../core/schema.ts';

/** A class number, or a vector of any numbers. */
export type Label = number | readonly number[];

/** One property of every image, in the order of the image files: `values[i]` indexes `names`. */
export interface Attribute {
  readonly names: readonly string[];
  readonly values: readonly number[];
}

const names = z.array(z.string()).readonly();
const LABEL = 'expected a class (a whole number from 0) or a vector of numbers';
const isLabel = (value: unknown): value is Label =>
  Array.isArray(value)
    ? value.length > 0 && value.every(Number.isFinite)
    : Number.isSafeInteger(value) && (value as number) >= 0;
const label = z.custom<Label>(isLabel, LABEL);

const schema = z.object({
  /** As the published tools write it: [file, class or vector] for every image, or null. */
  labels: z
    .array(z.tuple([z.string(), label]))
    .readonly()
    .nullish(),
  /** Ours: class names, or one name per element of a vector. Other readers ignore it. */
  labelNames: names.optional(),
  /** Ours: further properties, by name. */
  attributes: z
    .record(z.string(), z.object({ names, values: z.array(z.int().min(0)).readonly() }))
    .optional(),
});

export type DatasetJson = z.infer<typeof schema>;

/** @throws FileError that names `path` and the first thing wrong in it. */
export function parseDatasetJson(text: string, path: string): DatasetJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new FileError(`${path} is not JSON: ${(error as Error).message}`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path: key, got, expected } = faultOf(parsed.error, value);
  throw new FileError(`${path}: ${key || 'top level'}: got ${got}, expected ${expected}`);
}

/** Labels of a data set as vectors. */
export interface LabelTable {
  /** Length of each vector. */
  readonly dim: number;
  /** float32 [dim]. */
  vector(index: number): Float32Array;
}

const MAX_DIM = 2 ** 16;

/**
 * One-hot vectors for class numbers, the vectors themselves otherwise. There are as many classes as the largest
 * number needs, or as there are names.
 * @throws FileError naming `path` when both kinds or vectors of different lengths occur, or a number that is no label.
 */
export function labelTable(
  labels: readonly Label[],
  names: readonly string[] | undefined,
  path: string,
): LabelTable {
  const broken = labels.find((label) => !isLabel(label));
  if (broken !== undefined) {
    const got = typeof broken === 'number' ? broken : `[${broken}]`;
    throw new FileError(`${path}: got a label ${got}, ${LABEL}`);
  }
  const lengths = new Set(labels.map((label) => (typeof label === 'number' ? 0 : label.length)));
  if (lengths.size > 1) {
    const kinds = [...lengths].map((length) => (length === 0 ? 'classes' : `vectors of ${length}`));
    throw new FileError(`${path}: got labels of different kinds (${kinds.join(', ')}), expected one kind`);
  }
  let classes = names?.length ?? 0;
  for (const label of labels) if (typeof label === 'number' && label >= classes) classes = label + 1;
  const dim = [...lengths][0] || classes;
  if (dim > MAX_DIM) throw new FileError(`${path}: got ${dim} classes, expected at most ${MAX_DIM}`);
  return {
    dim,
    vector(index) {
      const label = labels[index];
      if (typeof label !== 'number') return Float32Array.from(label);
      const oneHot = new Float32Array(dim);
      oneHot[label] = 1;
      return oneHot;
    },
  };
}
