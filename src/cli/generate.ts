// `stylegan generate`: pictures from seeds.

import { join } from 'node:path';
import { Command, Option } from 'commander';
import { OptionError } from '../core/errors.ts';
import { makeFolder } from '../core/files.node.ts';
import { type Picture, picturesOf, tilePictures } from '../generate/image-grid.ts';
import { labelsOf } from '../generate/labels.ts';
import type { Network, NoiseMode } from '../generate/network.ts';
import { latentsOf } from '../generate/seeds.ts';
import { interruption } from './interrupt.ts';
import {
  classOption,
  type Device,
  deviceOption,
  gridSize,
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

interface GenerateOptions {
  network: string;
  seeds: number[];
  trunc: number;
  truncCutoff?: number;
  class?: number;
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
    .addOption(classOption())
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

Examples:
  stylegan generate --network network.safetensors --seeds 0-35 --trunc 0.7 --outdir out --grid
  stylegan generate --network network.safetensors --seeds 7,12 --class 3 --noise-mode random`,
    )
    .action((options: GenerateOptions) => withNetwork(options, (network) => generate(network, options)));
  return requireOptions(command, '--network', '--seeds');
}

async function generate(network: Network, options: GenerateOptions): Promise<void> {
  const { seeds, outdir } = options;
  const { zDim, cDim } = network.config;
  const c = labelsOf(options.class, cDim, 1);
  const columns = options.grid ? gridColumns(options.grid, seeds.length, network) : 0;
  const { writePng } = await import('../generate/image-files.node.ts');
  await makeFolder(outdir);

  const pictures: Picture[] = [];
  const progress = startProgress('generate', seeds.length, 'images');
  for (const [index, seed] of seeds.entries()) {
    interruption.throwIfAborted();
    const image = await network.generate(latentsOf([seed], zDim), c, {
      psi: options.trunc,
      cutoff: options.truncCutoff,
      noiseMode: options.noiseMode,
      noiseSeed: seed,
    });
    const [picture] = picturesOf(image);
    await writePng(join(outdir, `seed${String(seed).padStart(4, '0')}.png`), picture);
    if (columns > 0) pictures.push(picture);
    progress.update(index + 1);
  }
  progress.finish();
  if (columns > 0) await writePng(join(outdir, 'grid.png'), tilePictures(pictures, columns));
  console.log(`wrote ${seeds.length === 1 ? '1 picture' : `${seeds.length} pictures`} to ${outdir}`);
}

/** Columns of the grid. Refuses, before anything is computed, one that is too small for the seeds or too large. */
function gridColumns(grid: true | [number, number], count: number, { config }: Network): number {
  const columns = grid === true ? Math.ceil(Math.sqrt(count)) : grid[0];
  const rows = grid === true ? Math.ceil(count / columns) : grid[1];
  if (columns * rows < count) {
    throw new OptionError(
      `got --grid ${columns}x${rows} for ${count} seeds, expected at least ${count} cells`,
    );
  }
  if (columns * rows * config.imgResolution ** 2 * config.imgChannels > MAX_GRID_BYTES) {
    throw new OptionError(`a grid of ${count} pictures is over 1 GiB; use fewer --seeds or leave --grid out`);
  }
  return columns;
}
