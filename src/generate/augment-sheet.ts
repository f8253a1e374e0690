// A sheet of what the augmentations do to pictures: each transform alone, then the pipelines.

import { augment } from '../augment/augment.ts';
import { drawAugmentation } from '../augment/draw.ts';
import { seededDraws } from '../augment/draws.ts';
import { PIPELINE_NAMES, PIPELINES, type PipelineName, type Transform } from '../augment/pipeline.ts';
import { Random } from '../core/random.ts';
import { type FloatTensor, floatTensor } from '../core/tensor.ts';
import { input } from '../graph/build.ts';
import type { Engine } from '../runtime/engine.ts';
import { type Picture, picturesOf } from './image-grid.ts';
import type { SheetRow } from './sheet.ts';

/** One row of the sheet: a transform, or a pipeline of several. */
export interface AugmentRow {
  readonly name: string;
  readonly transforms: readonly Transform[];
}

/** The transforms of a pipeline one by one, and then the pipeline; without a name all transforms and pipelines. */
export function augmentRows(pipeline?: PipelineName): AugmentRow[] {
  const alone = PIPELINES[pipeline ?? 'bgcfnc'].map((name) => ({ name, transforms: [name] }));
  const names = pipeline === undefined ? PIPELINE_NAMES : [pipeline];
  const pipelines = names.map((name) => ({ name, transforms: PIPELINES[name] }));
  // A pipeline of one transform has been shown.
  return [...alone, ...pipelines.filter(({ transforms }) => transforms.length > 1)];
}

export interface AugmentSheetOptions {
  readonly rows: readonly AugmentRow[];
  /** Probability of each transform, from 0 to 1. */
  readonly p: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** Number of pictures drawn so far, of rows × images. */
  readonly onProgress?: (done: number) => void;
}

/**
 * Rows of a sheet, captions first: the images [N, C, H, W] in [-1, 1] as they are, and under them each row's. A row's
 * draws depend on the seed and its name alone. Rejects with the signal's reason.
 */
export async function augmentSheet(
  engine: Engine,
  images: FloatTensor,
  { rows, p, seed, signal, onProgress }: AugmentSheetOptions,
): Promise<SheetRow[]> {
  const sheet: SheetRow[] = [['original', ...picturesOf(images)]];
  const [count] = images.shape;
  for (const [index, { name, transforms }] of rows.entries()) {
    const random = new Random(seed, `augment ${name}`);
    const onPicture = (done: number) => onProgress?.(index * count + done);
    sheet.push([name, ...(await augmented(engine, images, { transforms, p, random, signal, onPicture }))]);
  }
  return sheet;
}

interface Augmentation {
  readonly transforms: readonly Transform[];
  readonly p: number;
  readonly random: Random;
  readonly signal?: AbortSignal;
  readonly onPicture: (done: number) => void;
}

/** Every image augmented in its own way. One at a time: enlarged images of 1024x1024 take much memory. */
async function augmented(engine: Engine, images: FloatTensor, options: Augmentation): Promise<Picture[]> {
  const { transforms, p, random, signal, onPicture } = options;
  const [count, ...size] = images.shape;
  const shape = [1, ...size];
  const length = images.data.length / count;
  const session = await engine.compile({ outputs: { y: augment(input('x', shape), transforms, input) } });
  const draws = seededDraws(random);
  const pictures: Picture[] = [];
  for (let n = 0; n < count; n++) {
    signal?.throwIfAborted();
    const x = images.data.subarray(n * length, (n + 1) * length);
    const { y } = await session.run({ x, ...drawAugmentation(draws, transforms, p, shape) });
    pictures.push(...picturesOf(floatTensor(y, shape)));
    onPicture(n + 1);
  }
  await engine.release(session);
  return pictures;
}
