// `stylegan generate`: pictures from seeds.

import { join } from 'node:path';
import { Command, Option } from 'commander';
import { OptionError } from '../core/errors.ts';
import { makeFolder } from '../core/files.node.ts';
import { type Picture, picturesOf, tilePictures } from '../generate/image-grid.ts';
import { type ChosenLabel, chosenLabels, type LabelChoice } from '../generate/labels.ts';
import type { Network, NoiseMode } from '../generate/network.ts';
import { latentsOf } from '../generate/seeds.ts';
import { interruption } from './interrupt.ts';
import {
  classesOption,
  type Device,
  deviceOption,
  gridSize,
  labelOption,
  networkOption,
  numbersOption,
  requireOptions,
  truncCutoffOption,
  truncOption,
} from './options.ts';
import { startProgress } from './progress.ts';
import { withNetwork } from './with-network.ts';

/** Largest grid, in bytes of pixels. */
const MAX_GRID_BYTES = 2 ** 30;

interface GenerateOptions extends LabelChoice {
  network: string;
  seeds: number[];
  trunc: number;
  truncCutoff?: number;
  noiseMode: NoiseMode;
  outdir: string;
  grid?: true | [columns: number, rows: number];
  device: Device;
}

export function generateCommand(): Command {
  const command = new Command('generate')
    .description('make pictures from seeds')
    .addOption(networkOption())
    .addOption(numbersOption('--seeds', 'seeds, such as 0-35,40'))
    .addOption(truncOption())
    .addOption(truncCutoffOption())
    .addOption(classesOption())
    .addOption(labelOption())
    .addOption(
      new Option('--noise-mode <mode>', 'noise of each layer')
        .choices(['const', 'random', 'none'])
        .default('const'),
    )
    .option('--outdir <folder>', 'where the pictures go', 'out')
    .addOption(
      new Option('--grid [CxR]', 'also write grid.png: columns x rows, or about square').argParser(gridSize),
    )
    .addOption(deviceOption())
    .addHelpText(
      'after',
      `
Writes seedNNNN.png for each seed. A seed means what it means in the published tools.

Networks that were trained with labels want --class; stylegan info lists the classes whose names are known. Several
classes give classC-seedNNNN.png for each, and --grid a row for each class, with the seeds as columns.

Examples:
  stylegan generate --network network.safetensors --seeds 0-35 --trunc 0.7 --outdir out --grid
  stylegan generate --network network.safetensors --seeds 7,12 --class 3 --noise-mode random
  stylegan generate --network network.safetensors --seeds 0-9 --class all --grid`,
    )
    .action((options: GenerateOptions) => withNetwork(options, (network) => generate(network, options)));
  return requireOptions(command, '--network', '--seeds');
}

async function generate(network: Network, options: GenerateOptions): Promise<void> {
  const { seeds, outdir } = options;
  const labels = chosenLabels(options, network);
  const count = labels.length * seeds.length;
  const columns = options.grid ? gridColumns(options.grid, labels.length, seeds.length, network) : 0;
  const { writePng } = await import('../generate/image-files.node.ts');
  await makeFolder(outdir);

  const pictures: Picture[] = [];
  const progress = startProgress('generate', count, 'images');
  let done = 0;
  for (const label of labels) {
    for (const seed of seeds) {
      interruption.throwIfAborted();
      const image = await network.generate(latentsOf([seed], network.config.zDim), label.c, {
        psi: options.trunc,
        cutoff: options.truncCutoff,
        noiseMode: options.noiseMode,
        noiseSeed: seed,
      });
      const [picture] = picturesOf(image);
      await writePng(join(outdir, fileName(seed, label, labels.length, network.config)), picture);
      if (columns > 0) pictures.push(picture);
      progress.update(++done);
    }
  }
  progress.finish();
  if (columns > 0) await writePng(join(outdir, 'grid.png'), tilePictures(pictures, columns));
  console.log(`wrote ${count === 1 ? '1 picture' : `${count} pictures`} to ${outdir}`);
}

/** `seed0007.png`; of several classes `class2-seed0007.png`, with zeros where there are ten classes and more. */
function fileName(seed: number, label: ChosenLabel, labels: number, { cDim }: Network['config']): string {
  const name = `seed${String(seed).padStart(4, '0')}.png`;
  const digits = String(cDim - 1).length;
  return labels === 1 ? name : `class${String(label.class).padStart(digits, '0')}-${name}`;
}

/**
 * Columns of the grid; by default about as many as rows, and with several classes a row for each. Refuses, before
 * anything is computed, one that is too small for the pictures or too large.
 */
function gridColumns(
  grid: true | [number, number],
  labels: number,
  seeds: number,
  { config }: Network,
): number {
  const count = labels * seeds;
  const [columns, rows] = grid !== true ? grid : labels > 1 ? [seeds, labels] : squareGrid(seeds);
  if (columns * rows < count) {
    throw new OptionError(
      `got --grid ${columns}x${rows} for ${count} pictures, expected at least ${count} cells`,
    );
  }
  if (columns * rows * config.imgResolution ** 2 * config.imgChannels > MAX_GRID_BYTES) {
    throw new OptionError(`a grid of ${count} pictures is over 1 GiB; use fewer --seeds or leave --grid out`);
  }
  return columns;
}

function squareGrid(count: number): [columns: number, rows: number] {
  const columns = Math.ceil(Math.sqrt(count));
  return [columns, Math.ceil(count / columns)];
}
