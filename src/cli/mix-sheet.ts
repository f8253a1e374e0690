// `stylegan mix --sheet`: the mixing figure of the StyleGAN paper (section 3.1, figure 3) as one picture.

import { join } from 'node:path';
import { makeFolder } from '../core/files.node.ts';
import type { FloatTensor } from '../core/tensor.ts';
import { type Picture, picturesOf } from '../generate/image-grid.ts';
import { chosenLabel, type LabelChoice } from '../generate/labels.ts';
import { mixStyles, type StyleBand, styleBands } from '../generate/mix.ts';
import type { Network } from '../generate/network.ts';
import { latentsOf } from '../generate/seeds.ts';
import { cellSize, checkSheetSize, drawSheet, type SheetRow } from '../generate/sheet.ts';
import { interruption } from './interrupt.ts';
import { startProgress } from './progress.ts';

/** Smaller pictures are enlarged to about this many pixels. */
const LEAST_CELL = 128;

/** What is mixed, and where the pictures go. */
export interface MixSources extends LabelChoice {
  rows: number[];
  cols: number[];
  trunc: number;
  truncCutoff?: number;
  outdir: string;
}

export async function mixSheet(network: Network, options: MixSources): Promise<void> {
  const { rows, cols, outdir } = options;
  const { imgResolution, imgChannels } = network.config;
  const bands = styleBands(network.config);
  const { c } = chosenLabel(options, network);
  const cell = cellSize(imgResolution, LEAST_CELL);
  const [columns, lines] = [cols.length + 1, bands.length * rows.length + 1];
  checkSheetSize(columns * lines, cell, imgChannels, 'use fewer --rows or --cols');
  const { writePng } = await import('../generate/image-files.node.ts');

  const total = rows.length + cols.length + bands.length * rows.length * cols.length;
  const progress = startProgress('mix', total, 'images');
  let done = 0;
  const render = async (ws: FloatTensor): Promise<Picture> => {
    interruption.throwIfAborted();
    const [picture] = picturesOf(await network.synthesis(ws));
    progress.update(++done);
    return picture;
  };
  const sheet = await mixBands(network, { ...options, bands, c, render }).finally(() => progress.finish());
  const path = join(outdir, 'sheet.png');
  await makeFolder(outdir);
  await writePng(path, drawSheet(sheet, { cell, columns, firstApart: true }));
  for (const band of bands) console.log(describeBand(band));
  console.log(`wrote ${path}`);
}

interface BandOptions extends MixSources {
  readonly bands: readonly StyleBand[];
  readonly c: Float32Array | null;
  readonly render: (ws: FloatTensor) => Promise<Picture>;
}

/** Sources B in the first row; below it, for each band, A and its mixtures with every B. */
async function mixBands(network: Network, options: BandOptions): Promise<SheetRow[]> {
  const { rows, cols, bands, c, render } = options;
  const source = async (seed: number) => {
    const truncation = { psi: options.trunc, cutoff: options.truncCutoff };
    const ws = await network.mapping(latentsOf([seed], network.config.zDim), c, truncation);
    return { ws, picture: await render(ws) };
  };
  const b: Awaited<ReturnType<typeof source>>[] = [];
  for (const seed of cols) b.push(await source(seed));
  const a: typeof b = [];
  for (const seed of rows) a.push(await source(seed));

  const sheet: SheetRow[] = [[`A: ${rows.join(', ')}`, ...cols.map((seed) => `B: ${seed}`)]];
  sheet.push([null, ...b.map(({ picture }) => picture)]);
  for (const band of bands) {
    sheet.push(`${describeBand(band)} from B`);
    for (const { ws, picture } of a) {
      const mixed: Picture[] = [];
      for (const other of b) mixed.push(await render(mixStyles(ws, other.ws, band.styles)));
      sheet.push([picture, ...mixed]);
    }
  }
  return sheet;
}

/** "coarse styles (layers 0-3: 4x4 to 8x8)". */
function describeBand({ name, styles, resolutions: [lowest, highest] }: StyleBand): string {
  const layers = styles.length === 1 ? `layer ${styles[0]}` : `layers ${styles[0]}-${styles.at(-1)}`;
  const span = lowest === highest ? `${lowest}x${lowest}` : `${lowest}x${lowest} to ${highest}x${highest}`;
  return `${name} styles (${layers}: ${span})`;
}
