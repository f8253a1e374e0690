// `stylegan mix`: pictures that take some layers from one seed and the rest from another.

import { join } from 'node:path';
import { Command } from 'commander';
import { OptionError } from '../core/errors.ts';
import { makeFolder } from '../core/files.node.ts';
import type { FloatTensor } from '../core/tensor.ts';
import { type Picture, picturesOf, tilePictures } from '../generate/image-grid.ts';
import { chosenLabel } from '../generate/labels.ts';
import { checkStyles, mixStyles, stylesOf } from '../generate/mix.ts';
import type { Network } from '../generate/network.ts';
import { latentsOf } from '../generate/seeds.ts';
import { interruption } from './interrupt.ts';
import { type MixSources, mixSheet } from './mix-sheet.ts';
import {
  classOption,
  type Device,
  deviceOption,
  labelOption,
  networkOption,
  numbersOption,
  requireOptions,
  truncCutoffOption,
  truncOption,
} from './options.ts';
import { startProgress } from './progress.ts';
import { withNetwork } from './with-network.ts';

interface MixOptions extends MixSources {
  network: string;
  styles?: number[];
  sheet?: true;
  device: Device;
}

export function mixCommand(): Command {
  const command = new Command('mix')
    .description('mix the styles of two sets of seeds')
    .addOption(networkOption())
    .addOption(numbersOption('--rows', 'seeds of the rows'))
    .addOption(numbersOption('--cols', 'seeds of the columns'))
    .addOption(
      numbersOption(
        '--styles',
        'layers taken from the column seed (default: 0-6, or half of a small network)',
      ),
    )
    .option('--sheet', 'one picture instead: coarse, middle and fine styles of the columns')
    .addOption(truncOption())
    .addOption(truncCutoffOption())
    .addOption(classOption())
    .addOption(labelOption())
    .option('--outdir <folder>', 'where the pictures go', 'out')
    .addOption(deviceOption())
    .addHelpText(
      'after',
      `
Writes ROW-COL.png for every pair, SEED-SEED.png for the sources, and grid.png with the sources along its edges.
Low layers carry pose and shape, high layers colours and details.

--sheet writes sheet.png, the mixing figure of the StyleGAN paper: column seeds (sources B) along the top, row seeds
(sources A) down the side, and for each A three bands of mixtures that take from B only the coarse styles (4x4 and
8x8), the middle ones (16x16 and 32x32), or the fine ones (the rest); below 64x64, each a third of the layers.
Without --rows and --cols it takes rows 5-7 and columns 0-4.

Examples:
  stylegan mix --network network.safetensors --rows 85,100,75 --cols 55,821 --styles 0-6 --outdir out
  stylegan mix --network network.safetensors --sheet --trunc 0.7
  stylegan mix --network network.safetensors --rows 0-3 --cols 4-7 --styles 4-7 --trunc 0.7`,
    )
    .hook('preAction', withSheetDefaults)
    .action((options: MixOptions) =>
      withNetwork(options, (network) => (options.sheet ? mixSheet : mix)(network, options)),
    );
  return requireOptions(command, '--network', '--rows', '--cols');
}

/** A sheet needs no seeds, and takes no `--styles`, since it shows all. */
function withSheetDefaults(command: Command): void {
  if (!command.getOptionValue('sheet')) return;
  if (command.getOptionValue('styles') !== undefined) {
    throw new OptionError('got --styles with --sheet, which shows all styles in three bands; leave one out');
  }
  for (const [name, seeds] of Object.entries({ rows: [5, 6, 7], cols: [0, 1, 2, 3, 4] })) {
    if (command.getOptionValue(name) === undefined) command.setOptionValue(name, seeds);
  }
}

async function mix(network: Network, options: MixOptions): Promise<void> {
  const { rows, cols, outdir } = options;
  const { zDim, numWs } = network.config;
  checkStyles(network.config.model, numWs);
  const styles = stylesOf(options.styles, numWs);
  const { c } = chosenLabel(options, network);
  const { writePng } = await import('../generate/image-files.node.ts');
  await makeFolder(outdir);

  const seeds = [...new Set([...rows, ...cols])];
  const progress = startProgress('mix', seeds.length + rows.length * cols.length, 'images');
  let done = 0;
  const render = async (ws: FloatTensor, name: string): Promise<Picture> => {
    interruption.throwIfAborted();
    const [picture] = picturesOf(await network.synthesis(ws));
    await writePng(join(outdir, name), picture);
    progress.update(++done);
    return picture;
  };

  const sources = new Map<number, { ws: FloatTensor; picture: Picture }>();
  for (const seed of seeds) {
    const truncation = { psi: options.trunc, cutoff: options.truncCutoff };
    const ws = await network.mapping(latentsOf([seed], zDim), c, truncation);
    sources.set(seed, { ws, picture: await render(ws, `${seed}-${seed}.png`) });
  }
  const source = (seed: number) => sources.get(seed)!;

  const cells: (Picture | null)[] = [null, ...cols.map((seed) => source(seed).picture)];
  for (const row of rows) {
    cells.push(source(row).picture);
    for (const col of cols) {
      const ws = mixStyles(source(row).ws, source(col).ws, styles);
      cells.push(await render(ws, `${row}-${col}.png`));
    }
  }
  await writePng(join(outdir, 'grid.png'), tilePictures(cells, cols.length + 1));
  progress.finish();
  console.log(`wrote ${rows.length * cols.length} mixtures and grid.png to ${outdir}`);
}
