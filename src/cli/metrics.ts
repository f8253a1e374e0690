// `stylegan metrics`: how far a network's images are from those of a data set, in numbers.

import { appendFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Command, Option } from 'commander';
import { OptionError } from '../core/errors.ts';
import { asFileError, makeFolder } from '../core/files.node.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Network } from '../generate/network.ts';
import { DEFAULT_NUM, METRICS, type MetricRecord, metricOf } from '../metrics/measure.ts';
import { interruption } from './interrupt.ts';
import {
  type Device,
  deviceOption,
  networkOption,
  requireOptions,
  truncCutoffOption,
  truncOption,
  wholeNumber,
} from './options.ts';
import { type Progress, startProgress } from './progress.ts';
import { withNetwork } from './with-network.ts';

interface MetricsOptions {
  network: string;
  data: string;
  metrics: string[];
  num: number;
  seed: number;
  mirror?: boolean;
  trunc: number;
  truncCutoff?: number;
  outdir?: string;
  device: Device;
  json?: boolean;
}

export function metricsCommand(): Command {
  const command = new Command('metrics')
    .description('measure how far generated images are from real ones')
    .addOption(networkOption())
    .option('--data <path>', 'the real images: a data set, or anything that the dataset command reads')
    .addOption(
      new Option('--metrics <list>', `which, separated by commas: ${Object.keys(METRICS).join(', ')}`)
        .default(['swd'], 'swd')
        .argParser(metricNames),
    )
    .addOption(
      new Option('--num <n>', 'images of each kind, real and generated')
        .default(DEFAULT_NUM)
        .argParser(wholeNumber(1)),
    )
    .addOption(
      new Option('--seed <n>', 'seed of latents, labels, noise and patches')
        .default(0)
        .argParser(wholeNumber(0)),
    )
    .option('--mirror', 'flip the real images as well, as in training with --mirror')
    .addOption(truncOption())
    .addOption(truncCutoffOption())
    .option('--outdir <folder>', "where metric-NAME.jsonl grows (default: the network's folder, if a run)")
    .addOption(deviceOption())
    .option('--json', 'print JSON, one line for each metric')
    .addHelpText(
      'after',
      `
swd  sliced Wasserstein distance (ProGAN), times 1000: patches at each level of a Laplacian pyramid. Lower is better.
     Compares only between runs with the same --num and --data. Published numbers use --num 16384, which takes 5 GB of
     memory at 32x32.

Examples:
  stylegan metrics --network runs/faces/network-snapshot-000060.safetensors --data faces-32.zip
  stylegan metrics --network network.safetensors --data faces-32.zip --metrics swd --num 8192 --json`,
    )
    .action((options: MetricsOptions) =>
      withNetwork(options, (network, file) => metrics(network, file, options)),
    );
  return requireOptions(command, '--network', '--data');
}

function metricNames(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  for (const name of names) metricOf(name);
  return names;
}

async function metrics(network: Network, file: string, options: MetricsOptions): Promise<void> {
  const outdir = options.outdir ?? (await runFolderOf(file));
  const { openDataset } = await import('../data/open-dataset.node.ts');
  const dataset = await openDataset(options.data, {
    labels: network.config.cDim > 0,
    signal: interruption,
    onSkip: (name, reason) => console.error(`skipped ${name}: ${reason}`),
  });
  try {
    checkFits(dataset, network);
    for (const name of options.metrics) {
      const record = await measureOne(name, network, dataset, options);
      const line = JSON.stringify(record);
      if (outdir !== null) await append(outdir, `metric-${name}.jsonl`, `${line}\n`);
      console.log(options.json ? line : tableOf(record));
    }
  } finally {
    await dataset.close();
  }
}

/** Metrics want the very images that the network was trained on. */
function checkFits({ path, channels, resolution, labelDim }: Dataset, { config }: Network): void {
  const { imgChannels, imgResolution, cDim } = config;
  const form = (side: number, colours: number, labels: number) =>
    `${side}x${side} images of ${colours} channels with ${labels} classes`;
  if (resolution !== imgResolution || channels !== imgChannels || labelDim !== cDim) {
    throw new OptionError(
      `--data ${path}: got ${form(resolution, channels, labelDim)}, expected ` +
        `${form(imgResolution, imgChannels, cDim)} as the network makes; prepare it so with stylegan dataset`,
    );
  }
}

async function measureOne(
  name: string,
  network: Network,
  dataset: Dataset,
  options: MetricsOptions,
): Promise<MetricRecord> {
  const { num, seed, trunc: psi, truncCutoff: cutoff, mirror } = options;
  const [{ openEngine }, { measure, metricRecord }, { randomImages }] = await Promise.all([
    import('../runtime/engine.node.ts'),
    import('../metrics/measure.ts'),
    import('../generate/random-images.ts'),
  ]);
  // The arithmetic beside the network: few operators on arrays that are larger than GPUs take.
  const engine = await openEngine({ device: 'cpu' });
  const start = performance.now();
  let stage: { name: string; progress: Progress } | undefined;
  try {
    const results = await measure(name, {
      engine,
      dataset,
      mirror,
      num,
      seed,
      generate: randomImages(network, dataset, { seed, psi, cutoff }),
      signal: interruption,
      onProgress({ stage: stageName, done, total, unit }) {
        if (stage?.name !== stageName) {
          stage?.progress.finish();
          stage = { name: stageName, progress: startProgress(`${name} ${stageName}`, total, unit) };
        }
        stage.progress.update(done);
      },
    });
    const seconds = (performance.now() - start) / 1000;
    return metricRecord(name, results, {
      snapshot: basename(options.network),
      kimg: network.kimg,
      seconds,
      num,
      seed,
      psi,
    });
  } finally {
    stage?.progress.finish();
    await engine.close();
  }
}

/** The folder of the network, where that is a run's. */
async function runFolderOf(network: string): Promise<string | null> {
  const folder = dirname(network);
  const isRun = await stat(join(folder, 'training_options.json')).catch(() => null);
  return isRun ? folder : null;
}

async function append(folder: string, name: string, line: string): Promise<void> {
  await makeFolder(folder);
  const path = join(folder, name);
  try {
    await appendFile(path, line);
  } catch (error) {
    throw asFileError(error, 'write', path);
  }
}

function tableOf({ results, metric, total_time, num, seed }: MetricRecord): string {
  const width = Math.max(...Object.keys(results).map((name) => name.length));
  const rows = Object.entries(results).map(([name, value]) => `  ${name.padEnd(width)}  ${value.toFixed(4)}`);
  return [`${metric} of ${num} images, seed ${seed}, in ${Math.ceil(total_time)} s`, ...rows].join('\n');
}
