// `npm run lineage`: trains the line from the first GAN to StyleGAN2 on the same faces and writes the comparison page.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { interruption } from '../src/cli/interrupt.ts';
import { finiteNumber } from '../src/cli/options.ts';
import { createProgram } from '../src/cli/program.ts';
import { OptionError } from '../src/core/errors.ts';
import { makeFolder } from '../src/core/files.node.ts';
import { floatTensor } from '../src/core/tensor.ts';
import { EndlessBatches } from '../src/data/batches.ts';
import type { Dataset } from '../src/data/dataset.ts';
import { openDataset } from '../src/data/open-dataset.node.ts';
import { DEFAULT_NUM, measure } from '../src/metrics/measure.ts';
import { openEngine } from '../src/runtime/engine.node.ts';
import { trainShown, writeMeasured, writePicture } from './experiment.ts';
import { lineageTables } from './lineage/page.ts';
import { type LineageResult, readResult } from './lineage/results.ts';
import { LINEAGE, type LineageRun } from './lineage/runs.ts';
import { runCommand } from './run-command.ts';

const DATA = 'data/faces-32.zip';
const PAGE = 'docs/lineage.md';
const IMAGES = 'docs/images/lineage';

interface LineageOptions {
  readonly kimg: number;
  readonly outdir: string;
  readonly only?: string;
}

async function lineage({ kimg, outdir, only }: LineageOptions): Promise<void> {
  const runs = selected(only);
  if (!existsSync(DATA)) await dataset();
  for (const run of runs) {
    console.log(`\n${run.title}: ${run.adds}`);
    await trainRun(run, kimg, join(outdir, run.name));
  }
  if (only !== undefined) return;
  await writePage(kimg, outdir);
  console.log(`\nwrote ${PAGE}`);
}

function selected(only: string | undefined): readonly LineageRun[] {
  if (only === undefined) return LINEAGE;
  const names = only.split(',');
  const unknown = names.find((name) => !LINEAGE.some((run) => run.name === name));
  if (unknown !== undefined) {
    const known = LINEAGE.map((run) => run.name).join(', ');
    throw new OptionError(`--only: got ${unknown}, expected some of ${known}`);
  }
  return LINEAGE.filter((run) => names.includes(run.name));
}

async function dataset(): Promise<void> {
  const args = ['dataset', 'faces', DATA, '--resolution', '32', '--max-images', '8000'];
  await (await createProgram('dataset')).parseAsync(args, { from: 'user' });
}

async function trainRun(run: LineageRun, kimg: number, outdir: string): Promise<void> {
  await trainShown({ ...run.request, kimg, data: DATA, outdir, metrics: ['swd'] });
}

async function writePage(kimg: number, outdir: string): Promise<void> {
  const data = await openDataset(DATA);
  const results: LineageResult[] = [];
  for (const run of LINEAGE) {
    console.log(`timing ${run.title}`);
    results.push(await readResult(run, join(outdir, run.name), data));
  }
  const realSwd = await swdOfReals(data);
  await data.close();
  await makeFolder(IMAGES);
  for (const { run, lastFakes } of results) await writePicture(lastFakes, join(IMAGES, `${run.name}.webp`));
  const facts = { kimg, realSwd, num: DEFAULT_NUM, images: 'images/lineage' };
  await writeMeasured(PAGE, lineageTables(results, facts));
}

/** Real images in the place of generated ones: another order, so mostly others than those compared with. */
async function swdOfReals(data: Dataset): Promise<Readonly<Record<string, number>>> {
  const others = new EndlessBatches(data, { batch: 1, seed: 1 });
  const engine = await openEngine({ device: 'cpu' });
  const generate = async (count: number) => {
    const { images } = await others.next(count);
    return floatTensor(images, [count, data.channels, data.resolution, data.resolution]);
  };
  try {
    return await measure('swd', { engine, dataset: data, generate, signal: interruption });
  } finally {
    await engine.close();
  }
}

const command = new Command('npm run lineage --')
  .description(
    'train the line from the first GAN to StyleGAN2 on the same faces, and compare; run it again to resume',
  )
  .addOption(
    new Option('--kimg <n>', 'length of each run, in thousands of images shown')
      .argParser(finiteNumber)
      .default(20),
  )
  .option('--outdir <folder>', 'where the runs go', 'runs/lineage')
  .option('--only <names>', 'train these runs alone, and write no page')
  .action(lineage);

await runCommand(command);
