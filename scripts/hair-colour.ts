// `tsx scripts/hair-colour.ts NETWORK [SHEET.png] [--trunc PSI] [--count N]`: whether a network that was trained on the
// built-in faces with the colour of their hair as label draws the hair that it is asked for.

import { parseArgs } from 'node:util';
import { FACE_ATTRIBUTES } from '../src/data/sources/faces.ts';
import { writePng } from '../src/generate/image-files.node.ts';
import { type Picture, picturesOf } from '../src/generate/image-grid.ts';
import { classesOf, labelsOf } from '../src/generate/labels.ts';
import { loadNetwork } from '../src/generate/load-network.node.ts';
import type { Network } from '../src/generate/network.ts';
import { latentsOf } from '../src/generate/seeds.ts';
import { drawSheet } from '../src/generate/sheet.ts';
import { drawnFace } from './hair-colour/drawn-face.node.ts';
import { findHairColour } from './hair-colour/find-hair-colour.ts';

const COLOURS = FACE_ATTRIBUTES.hairColor;
const HELD_OUT = 1000;
/** Of the sheet. */
const [COLUMNS, CELL] = [10, 64];

const rowOf = (cells: readonly (string | number)[]) => cells.map((cell) => String(cell).padStart(8)).join('');
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** Counts of what was found, by what it should have been. */
class Confusion {
  private readonly counts = COLOURS.map(() => COLOURS.map(() => 0));

  add(expected: number, found: number): void {
    this.counts[expected][found]++;
  }

  print(title: string): void {
    console.log(`\n${title}\n${rowOf(['', ...COLOURS, 'share'])}`);
    let right = 0;
    this.counts.forEach((row, which) => {
      const share = row[which] / row.reduce((sum, n) => sum + n, 0);
      right += row[which];
      console.log(rowOf([COLOURS[which], ...row, percent(share)]));
    });
    console.log(`all: ${percent(right / this.counts.flat().reduce((sum, n) => sum + n, 0))}`);
  }
}

async function main(network: Network, sheet: string | undefined, psi: number, count: number): Promise<void> {
  const { zDim, cDim, imgResolution } = network.config;
  if (cDim !== COLOURS.length)
    throw new Error(`got a network with ${cDim} classes, expected the hair's ${COLOURS.length}`);
  const real = new Confusion();
  const frequency = COLOURS.map(() => 0);
  for (let i = 0; i < HELD_OUT; i++) {
    const { hair, picture } = await drawnFace(i, imgResolution);
    real.add(hair, findHairColour(picture));
    frequency[hair] += 1 / HELD_OUT;
  }
  real.print(`${HELD_OUT} drawn faces that no training has seen: rows are drawn, columns found`);
  console.log(`asked of a network that ignores its label: ${frequency.map(percent).join(', ')}`);

  const seeds = Array.from({ length: count }, (_, seed) => seed);
  const generated = new Confusion();
  const rows: Picture[][] = [];
  for (const which of classesOf('all', network)) {
    const pictures = picturesOf(
      await network.generate(latentsOf(seeds, zDim), labelsOf(which, cDim, count), { psi }),
    );
    for (const picture of pictures) generated.add(which, findHairColour(picture));
    rows.push(pictures.slice(0, COLUMNS));
  }
  generated.print(
    `seeds 0 to ${count - 1} of each class at ${network.kimg} kimg, psi ${psi}: rows are asked, columns found`,
  );
  if (sheet === undefined) return;
  const captioned = rows.map((pictures, which) => [COLOURS[which], ...pictures]);
  await writePng(sheet, drawSheet(captioned, { cell: CELL, columns: COLUMNS + 1 }));
  console.log(`\nwrote ${sheet}`);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { trunc: { type: 'string', default: '1' }, count: { type: 'string', default: '200' } },
});
if (positionals[0] === undefined) {
  console.error('usage: tsx scripts/hair-colour.ts NETWORK [SHEET.png] [--trunc PSI] [--count N]');
  process.exit(1);
}
const network = await loadNetwork(positionals[0]);
await main(network, positionals[1], Number(values.trunc), Number(values.count)).finally(() =>
  network.close(),
);
