// `stylegan train`: trains a generator on pictures.

import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { PIPELINE_NAMES } from '../augment/pipeline.ts';
import { OptionError } from '../core/errors.ts';
import { PRESET_NAMES } from '../training/presets.ts';
import type { TrainRequest } from '../training/train.node.ts';
import { interruption } from './interrupt.ts';
import { networkFile } from './network-file.ts';
import { type Device, deviceOption, finiteNumber, probability, wholeNumber } from './options.ts';

/** Options as commander gives them. */
interface TrainFlags {
  data?: string;
  outdir?: string;
  device: Device;
  dryRun?: boolean;
  gamma?: number;
  glr?: number;
  dlr?: number;
  [flag: string]: unknown;
}

/** Most numbers of a label in the last line. */
const LISTED = 8;

const ARCHITECTURES = ['skip', 'resnet', 'orig'];

/** A yes-or-no flag that may be followed by a value, as the published tools have it: --mirror, --mirror=1. */
function flag(text: string): boolean {
  if (/^(1|true|yes)$/i.test(text)) return true;
  if (/^(0|false|no)$/i.test(text)) return false;
  throw new InvalidArgumentError('Expected 1 or 0.');
}

/** `--cond`, for which some expect the name of a label. */
function labelled(text: string): boolean {
  if (/^(0|1|true|false|yes|no)$/i.test(text)) return flag(text);
  throw new InvalidArgumentError(
    `Expected 1 or 0; which labels, a data set says: stylegan dataset SOURCE DEST --labels ${text}`,
  );
}

function positive(text: string): number {
  const value = finiteNumber(text);
  if (value <= 0) throw new InvalidArgumentError('Expected a number above 0.');
  return value;
}

function fromZero(text: string): number {
  const value = finiteNumber(text);
  if (value < 0) throw new InvalidArgumentError('Expected a number from 0.');
  return value;
}

/** Stands for null until all options are read: commander makes '' of a parser's null. */
const NONE = 'none';
const orNone =
  <T>(parse: (text: string) => T) =>
  (text: string): T | typeof NONE =>
    text === NONE ? NONE : parse(text);

/** A network to start from; the published tools say noresume for none. */
function sourceName(text: string): string {
  if (text === '') throw new InvalidArgumentError('Expected a path, an address, a published name, or none.');
  return text === 'noresume' ? NONE : text;
}

/** `r1,sn`, or none. */
const REGULARIZERS = ['r1', 'r2', 'gp', 'sn'];
function regularizers(text: string): string[] {
  if (text === 'none') return [];
  const names = text.split(',');
  const unknown = names.find((name) => !REGULARIZERS.includes(name));
  if (unknown !== undefined)
    throw new InvalidArgumentError(
      `Expected none, or some of ${REGULARIZERS.join(', ')}, separated by commas.`,
    );
  return [...new Set(names)];
}

/** A table of values by resolution: 4:128,8:64. */
function byResolution(text: string): Record<string, number> {
  if (text === 'none') return {};
  const entries = text.split(',').map((entry) => {
    const match = /^(\d+):([\d.eE-]+)$/.exec(entry.trim());
    if (match === null)
      throw new InvalidArgumentError('Expected none, or RESOLUTION:VALUE,…, such as 4:128,8:64.');
    return [match[1], finiteNumber(match[2])] as const;
  });
  return Object.fromEntries(entries);
}

const metricList = (text: string): string[] => (text === 'none' ? [] : text.split(','));

const option = <T>(flags: string, description: string, parse: (text: string) => T) =>
  new Option(flags, description).argParser(parse);
const choice = (flags: string, description: string, names: readonly string[]) =>
  new Option(flags, description).choices(names);

const EXAMPLES = `
Examples:
  stylegan train --data photos/ --outdir runs/photos --mirror --kimg 1000
  stylegan train --data faces --outdir runs/faces --kimg 60
  stylegan train --data faces64.zip --outdir runs/big --cfg auto --batch 32 --batch-gpu 8
  stylegan train --data faces --outdir runs/wgan --cfg gan --loss wgan --reg gp --drift 0.001
  stylegan train --data faces --outdir runs/grown --cfg stylegan --batch 8 --cbase 2048 --cmax 64 \\
    --z-dim 64 --w-dim 64 --stable-kimg 5 --fade-kimg 5 --gamma 2 --glr 0.003 --dlr 0.003 --kimg 40
  stylegan train --data photos/ --outdir runs/tuned --resume runs/faces/network-snapshot-000060.safetensors --kimg 20
  stylegan train --data photos/ --outdir runs/photos --dry-run

--outdir is the run's own folder: the same command resumes it, exactly where it stopped.
What is not given comes from the preset; --dry-run prints all values. cpu to cifar are StyleGAN2; stylegan-a to
stylegan-f are the steps from ProGAN to StyleGAN. progan and stylegan grow.`;

export function trainCommand(): Command {
  const command = new Command('train').description('train a generator on pictures; run it again to resume');
  for (const each of [...learningOptions(), ...networkOptions(), ...runOptions()]) command.addOption(each);
  return command.addHelpText('after', EXAMPLES).action(run);
}

/** The data, and how the networks learn from them. */
function learningOptions(): Option[] {
  return [
    new Option(
      '--data <source>',
      'pictures: a data set from `stylegan dataset`, a folder, a zip, or `faces`',
    ),
    new Option('--outdir <folder>', "the run's own folder"),
    choice('--cfg <preset>', 'preset (default: cpu on a CPU, else auto)', PRESET_NAMES),
    option('--kimg <n>', 'length of the run, in thousands of images shown', positive),
    option('--batch <n>', 'images a step', wholeNumber(1)),
    option('--batch-gpu <n>', 'images at a time; fewer take less memory', wholeNumber(1)),
    choice('--loss <name>', 'what G and D minimise', ['saturating', 'logistic', 'lsgan', 'hinge', 'wgan']),
    option(
      '--reg <names>',
      "D's regularizers: r1, r2, gp (gradient penalty), sn (spectral norm), or none",
      regularizers,
    ),
    option('--gamma <n>', 'weight γ of r1 and r2', fromZero),
    option('--gp-weight <n>', 'weight λ of gp', fromZero),
    option('--gp-target <n>', 'length of the gradient that gp asks for', positive),
    option('--drift <n>', "weight of D's squared logits, which keeps those of wgan near 0", fromZero),
    option(
      '--d-reg-interval <steps>',
      "steps between runs of D's regularizers; 1: every step",
      wholeNumber(1),
    ),
    option('--g-reg-interval <steps>', "steps between runs of G's path length", wholeNumber(1)),
    option('--mirror [0|1]', 'add pictures flipped left to right', flag),
    choice('--aug <kind>', 'augment what D sees: noaug, ada (adaptive) or fixed', ['noaug', 'ada', 'fixed']),
    option('--p <p>', 'fixed: probability of each augmentation', probability),
    option(
      '--target <n>',
      "ada: mean sign of D's scores of real pictures to keep (default: 0.6)",
      probability,
    ),
    option('--ada-kimg <n>', 'ada: kimg in which p may rise by 1 (default: 500)', positive),
    choice('--augpipe <name>', 'ada, fixed: which augmentations (default: bgc)', PIPELINE_NAMES),
    option(
      '--cond [0|1]',
      'train with the labels of the data set; of faces the hair colour, or what dataset --labels chose',
      labelled,
    ),
    option('--resume <network>', 'start from a network: a path, an address, or a published name', sourceName),
    option('--resume-kimg <n>', 'start counting at so many kimg (default: 0)', fromZero),
    option(
      '--freezed <layers>',
      "of --resume, keep so many of D's layers, from the image inwards",
      wholeNumber(0),
    ),
    option('--glr <n>', 'learning rate of the generator', positive),
    option('--dlr <n>', 'learning rate of the discriminator', positive),
    option('--beta1 <n>', "Adam's β1, of its average of gradients", fromZero),
    option('--beta2 <n>', "Adam's β2, of its average of squares", fromZero),
    option('--ema-kimg <n>', "half-life of the generator's average", positive),
    option(
      '--ema-rampup <n>',
      'shorter average at the start: share of images seen, or none',
      orNone(positive),
    ),
    option('--pl-weight <n>', 'path-length weight; 0 turns it off', fromZero),
    option(
      '--style-mixing <p>',
      'probability that some layers get the style of a second latent',
      probability,
    ),
  ];
}

/** The networks, and how they grow. */
function networkOptions(): Option[] {
  return [
    option('--cbase <n>', 'width: min(cbase / resolution, cmax) feature maps', wholeNumber(4)),
    option('--cmax <n>', 'width: largest number of feature maps; gan: of its hidden layers', wholeNumber(1)),
    option('--z-dim <n>', 'size of the latent z', wholeNumber(1)),
    option('--w-dim <n>', 'size of the latent w', wholeNumber(1)),
    option('--map-depth <n>', 'layers of the mapping network', wholeNumber(1)),
    option('--mbstd-group <n>', 'images that share one minibatch deviation', wholeNumber(1)),
    choice('--g-arch <name>', 'stylegan2: architecture of the generator', ARCHITECTURES),
    choice('--d-arch <name>', 'stylegan2: architecture of the discriminator', ARCHITECTURES),
    option('--start-res <n>', 'growing: first resolution, or none for the full one', orNone(wholeNumber(4))),
    option('--stable-kimg <n>', 'growing: kimg at each resolution before the next fades in', positive),
    option('--fade-kimg <n>', 'growing: kimg in which a resolution fades in; 0 switches at once', fromZero),
    option('--res-batch <table>', 'growing: batch at single resolutions, as 4:128,8:64', byResolution),
    option('--res-lr <table>', 'growing: learning rate at single resolutions, as 128:0.0015', byResolution),
    option('--bilinear [0|1]', 'stylegan: [1,2,1] filter around resampling', flag),
    option('--styles [0|1]', 'stylegan: mapping network and AdaIN', flag),
    option('--const-input [0|1]', 'stylegan: a learned constant as input', flag),
    option('--noise [0|1]', 'stylegan: noise in each layer', flag),
  ];
}

/** What a run reports, and where it computes. */
function runOptions(): Option[] {
  return [
    option('--seed <n>', 'random seed (default: 0)', wholeNumber(0)),
    option('--tick <kimg>', 'reporting interval (default: 4)', positive),
    option('--snap <ticks>', 'pictures and snapshots every so many ticks (default: 5)', wholeNumber(1)),
    option('--metrics <list>', 'metrics of each snapshot: swd, or none (default)', metricList),
    deviceOption(),
    option('--threads <n>', 'CPU threads (default: one for each core)', wholeNumber(1)),
    new Option('-n, --dry-run', 'print what would be trained, and what it would take; make no run folder'),
  ];
}

/** What asks a network for a picture with such a label: a class, or else the numbers themselves. */
export function labelFlag(label: Float32Array | null): string {
  if (label === null) return '';
  const isOneHot = label.every((value) => value === 0 || value === 1) && sumOf(label) === 1;
  if (isOneHot) return ' --class 0';
  const numbers = Array.from(label, (value) => Number(value.toPrecision(4)));
  return ` --label ${numbers.length <= LISTED ? numbers : `<${numbers.length} numbers>`}`;
}

const sumOf = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0);

async function run(flags: TrainFlags): Promise<void> {
  const { data, outdir, dryRun, device, ...rest } = flags;
  if (data === undefined)
    throw new OptionError('--data: got nothing, expected pictures: a folder, a zip, or faces');
  const cfg = rest.cfg ?? (device === 'auto' || device === 'cpu' ? 'cpu' : 'auto');
  const options = Object.fromEntries(Object.entries(rest).map(([k, v]) => [k, v === NONE ? null : v]));
  const request = {
    ...options,
    cfg,
    data,
    device,
    outdir: outdir ?? '',
    signal: interruption,
    locateNetwork: networkFile,
  } as TrainRequest;
  if (dryRun) {
    const { printDryRun } = await import('./train-dry-run.ts');
    return printDryRun(request);
  }
  if (outdir === undefined) throw new OptionError('--outdir: got nothing, expected a folder for the run');
  const { train } = await import('../training/train.node.ts');
  const { trainDisplay } = await import('./train-display.ts');
  const display = trainDisplay(join(outdir, 'log.txt'));
  try {
    const result = await train({ ...request, onProgress: display.progress, onLog: display.log });
    display.finish();
    console.log(`${result.kimg} kimg trained. Make pictures with:`);
    console.log(
      `  stylegan generate --network ${result.network} --seeds 0-35${labelFlag(result.label)} --grid`,
    );
  } finally {
    display.finish();
  }
}
