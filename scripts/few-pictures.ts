// `npm run few`: what adaptive augmentation and transfer do for 200 pictures; trains, measures and writes the page.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { finiteNumber, wholeNumber } from '../src/cli/options.ts';
import { OptionError } from '../src/core/errors.ts';
import { makeFolder, writeFileAtomic } from '../src/core/files.node.ts';
import { trainShown, writeMeasured, writePicture } from './experiment.ts';
import { chartSvg } from './few-pictures/chart.ts';
import { prepareSet, type Style } from './few-pictures/data.ts';
import {
  type Comparison,
  distancePanel,
  gallery,
  measuredPart,
  overfittingPanel,
  signsPanel,
  strengthPanel,
} from './few-pictures/page.ts';
import { Judge, ticksOf } from './few-pictures/results.ts';
import {
  ADA,
  AFRESH,
  BASE,
  DCGAN_ADA,
  DCGAN_MANY,
  DCGAN_NOAUG,
  type FewRun,
  NOAUG,
  PLAIN_TRANSFER,
  RUNS,
  TARGET,
  TRANSFER,
} from './few-pictures/runs.ts';
import { runCommand } from './run-command.ts';

const DATA = 'data/few';
const PAGE = 'docs/few-pictures.md';
const IMAGES = 'images/few-pictures';

interface FewOptions {
  readonly outdir: string;
  readonly only?: string;
  readonly share: number;
  readonly threads?: number;
}

async function few({ outdir, only, share, threads }: FewOptions): Promise<void> {
  const runs = RUNS.map((run) => ({ ...run, kimg: run.kimg * share }));
  for (const run of selected(runs, only)) await trainRun(run, outdir, threads);
  if (only !== undefined) return;
  await makeFolder(join('docs', IMAGES));
  const named = (...names: FewRun[]) => runs.filter(({ name }) => names.some((run) => run.name === name));
  const dcgan = await compare('faces', named(DCGAN_NOAUG, DCGAN_ADA, DCGAN_MANY), outdir);
  const stylegan2 = await compare('faces', named(NOAUG, ADA), outdir);
  const transfer = await compare('personas', named(AFRESH, TRANSFER, PLAIN_TRANSFER), outdir);
  await writePage({ dcgan, stylegan2, transfer }, outdir);
  console.log(`\nwrote ${PAGE}`);
}

function selected(runs: readonly FewRun[], only: string | undefined): readonly FewRun[] {
  if (only === undefined) return runs;
  const names = only.split(',');
  const unknown = names.find((name) => !runs.some((run) => run.name === name));
  if (unknown !== undefined) {
    const known = runs.map((run) => run.name).join(', ');
    throw new OptionError(`--only: got ${unknown}, expected some of ${known}`);
  }
  return runs.filter(({ name }) => names.includes(name));
}

const lastOf = (kind: 'network-snapshot-' | 'fakes', { kimg }: FewRun): string =>
  `${kind}${String(Math.floor(kimg)).padStart(6, '0')}`;
const lastNetwork = (run: FewRun, outdir: string): string =>
  join(outdir, run.name, `${lastOf('network-snapshot-', run)}.safetensors`);

async function trainRun(run: FewRun, outdir: string, threads?: number): Promise<void> {
  console.log(`\n${run.title} (${run.name}): ${run.kimg} kimg`);
  if (existsSync(lastNetwork(run, outdir))) return console.log('finished before');
  await trainShown({
    ...run.request,
    kimg: run.kimg,
    data: await prepareSet(DATA, run.data),
    outdir: join(outdir, run.name),
    threads,
    ...(run.resumesBase && { resume: lastNetwork(BASE, outdir) }),
  });
}

async function compare(style: Style, runs: readonly FewRun[], outdir: string): Promise<Comparison> {
  const judge = await Judge.open(DATA, style);
  try {
    const results = [];
    for (const run of runs) {
      const folder = join(outdir, run.name);
      const snapshots = await judge.snapshotsOf(folder, run.kimg);
      results.push({ run, snapshots, ticks: await ticksOf(folder, run.kimg) });
    }
    return { results, limits: await judge.limits(join(outdir, `limits-${style}.jsonl`)) };
  } finally {
    await judge.close();
  }
}

type Experiments = Readonly<Record<'dcgan' | 'stylegan2' | 'transfer', Comparison>>;

async function writePage({ dcgan, stylegan2, transfer }: Experiments, outdir: string): Promise<void> {
  const chart = async (name: string, panels: Parameters<typeof chartSvg>[0]): Promise<string> => {
    await writeFileAtomic(join('docs', IMAGES, `${name}.svg`), Buffer.from(chartSvg(panels)));
    return `![${panels.map(({ title }) => title).join('; ')}](${IMAGES}/${name}.svg)`;
  };
  const pictures = async ({ results }: Comparison): Promise<string> => {
    const reals = { title: 'Training pictures', path: `${IMAGES}/${results[0].run.data}.webp` };
    await writePicture(join(outdir, results[0].run.name, 'reals.png'), join('docs', reals.path));
    const shown = [reals];
    for (const { run } of results) {
      const path = `${IMAGES}/${run.name}.webp`;
      await writePicture(join(outdir, run.name, `${lastOf('fakes', run)}.png`), join('docs', path));
      shown.push({ title: `${run.title}, ${run.kimg} kimg`, path });
    }
    return gallery(shown);
  };
  const augmentation = async (title: string, name: string, comparison: Comparison) =>
    measuredPart(title, comparison, [
      await chart(name, [
        distancePanel(comparison),
        overfittingPanel(comparison),
        signsPanel(comparison, TARGET),
        strengthPanel(comparison),
      ]),
      await pictures(comparison),
    ]);
  const parts = [
    await augmentation('With and without augmentation: DCGAN', 'dcgan', dcgan),
    await augmentation('With and without augmentation: StyleGAN2', 'stylegan2', stylegan2),
    measuredPart('Afresh and by transfer', transfer, [
      await chart('transfer', [distancePanel(transfer), strengthPanel(transfer)]),
      await pictures(transfer),
    ]),
  ];
  await writeMeasured(PAGE, parts.join('\n\n'));
}

const command = new Command('npm run few --')
  .description(
    'compare training on 200 pictures with and without adaptive augmentation, afresh and by transfer; run it again to ' +
      'resume',
  )
  .addOption(
    new Option('--share <x>', 'shorten every run to this share of its length')
      .argParser(finiteNumber)
      .default(1),
  )
  .option('--outdir <folder>', 'where the runs go', 'runs/few')
  .option(
    '--only <names>',
    `train these runs alone, and write no page: ${RUNS.map(({ name }) => name).join(', ')}`,
  )
  .addOption(
    new Option('--threads <n>', 'CPU threads (default: one for each core)').argParser(wholeNumber(1)),
  )
  .action(few);

await runCommand(command);
