// `stylegan augment`: a sheet of what the augmentations of training do to pictures.

import { join } from 'node:path';
import { Command, Option } from 'commander';
import { PIPELINE_NAMES, type PipelineName } from '../augment/pipeline.ts';
import { makeFolder } from '../core/files.node.ts';
import { type FloatTensor, floatTensor } from '../core/tensor.ts';
import { scalePixels } from '../data/batches.ts';
import type { Dataset } from '../data/dataset.ts';
import { augmentRows, augmentSheet } from '../generate/augment-sheet.ts';
import { cellSize, checkSheetSize, drawSheet } from '../generate/sheet.ts';
import { interruption } from './interrupt.ts';
import { type Device, deviceOption, probability, requireOptions, wholeNumber } from './options.ts';
import { startProgress } from './progress.ts';

/** Smaller pictures are enlarged to about this many pixels, which is room for the captions. */
const LEAST_CELL = 64;
/** Pictures in a row. */
const MAX_IMAGES = 1000;

interface AugmentOptions {
  data: string;
  p: number;
  augpipe?: PipelineName;
  images: number;
  seed: number;
  outdir: string;
  device: Device;
}

export function augmentCommand(): Command {
  const command = new Command('augment')
    .description('draw a sheet of what the augmentations of training do to pictures')
    .option('--data <source>', 'pictures: a data set, or anything that the dataset command reads')
    .addOption(
      new Option('--p <p>', 'probability of each transform, from 0 to 1').default(1).argParser(probability),
    )
    .addOption(
      new Option('--augpipe <name>', 'this pipeline and its transforms (default: all)').choices(
        PIPELINE_NAMES,
      ),
    )
    .addOption(
      new Option('--images <n>', 'pictures in a row').default(8).argParser(wholeNumber(1, MAX_IMAGES)),
    )
    .addOption(new Option('--seed <n>', 'seed of what is done to them').default(0).argParser(wholeNumber(0)))
    .option('--outdir <folder>', 'where augment.png goes', 'out')
    .addOption(deviceOption())
    .addHelpText(
      'after',
      `
The first row has the pictures as they are. Under it comes each transform alone, and then the pipelines that training
takes with --augpipe, in which several transforms meet.

Examples:
  stylegan augment --data faces-64.zip --outdir out
  stylegan augment --data photos/ --augpipe bgc --p 0.3 --images 12`,
    )
    .action(run);
  return requireOptions(command, '--data');
}

async function run(options: AugmentOptions): Promise<void> {
  const [{ openDataset }, { openEngine }, { writePng }] = await Promise.all([
    import('../data/open-dataset.node.ts'),
    import('../runtime/engine.node.ts'),
    import('../generate/image-files.node.ts'),
  ]);
  const { data, p, seed, outdir } = options;
  const dataset = await openDataset(data, {
    maxImages: options.images,
    signal: interruption,
    onSkip: (name, reason) => console.error(`skipped ${name}: ${reason}`),
  });
  const rows = augmentRows(options.augpipe);
  const { length: count, resolution, channels } = dataset;
  const cell = cellSize(resolution, LEAST_CELL);
  const columns = count + 1;
  let images: FloatTensor;
  try {
    checkSheetSize(columns * (rows.length + 1), cell, channels, 'use fewer --images');
    images = await readImages(dataset);
  } finally {
    await dataset.close();
  }
  await makeFolder(outdir);
  const engine = await openEngine({ device: options.device });
  const progress = startProgress('augment', rows.length * count, 'images');
  try {
    const onProgress = (done: number) => progress.update(done);
    const sheet = await augmentSheet(engine, images, { rows, p, seed, signal: interruption, onProgress });
    const path = join(outdir, 'augment.png');
    await writePng(path, drawSheet(sheet, { cell, columns, firstApart: true }));
    progress.finish();
    console.log(`wrote ${path}: ${count} images, ${rows.length} augmentations, p ${p}`);
  } finally {
    progress.finish();
    await engine.close();
  }
}

/** All images [N, C, R, R] in [-1, 1]. */
async function readImages(dataset: Dataset): Promise<FloatTensor> {
  const { length, channels, resolution: r } = dataset;
  const size = channels * r * r;
  const out = new Float32Array(length * size);
  for (let n = 0; n < length; n++) scalePixels(out.subarray(n * size), await dataset.readImage(n));
  return floatTensor(out, [length, channels, r, r]);
}
