// `stylegan dataset`: prepares a folder, archive or the built-in faces for training.
import { Command, InvalidArgumentError, Option } from 'commander';
import { OptionError } from '../core/errors.ts';
import { TRANSFORMS, type Transform } from '../data/convert.node.ts';
import { prepareDataset } from '../data/prepare.node.ts';
import { interruption } from './interrupt.ts';
import { wholeNumber } from './options.ts';
import { type Progress, startProgress } from './progress.ts';

interface DatasetFlags {
  readonly source?: string;
  readonly dest?: string;
  readonly resolution?: number | readonly [number, number];
  readonly transform?: Transform;
  readonly maxImages?: number;
  readonly labels?: string;
  readonly channels?: '1' | '3' | '4';
  readonly seed: number;
  readonly workers?: number;
}

const HELP = `
SOURCE is a folder (searched to any depth: PNG, JPEG, WebP, AVIF, TIFF, GIF, SVG), a .zip of pictures, .npz or .npy
arrays, an IDX file (MNIST, Fashion-MNIST; labels are found beside it), a CIFAR-10 or CIFAR-100 archive, or the word
faces: cartoon faces, drawn in any number and size.

Examples:
  stylegan dataset faces faces-64.zip --resolution 64 --max-images 20000
  stylegan dataset ~/photos photos-256.zip --resolution 256
  stylegan dataset ~/animals animals.zip --resolution 128 --labels folders
  stylegan dataset images.zip wide.zip --resolution 512x384 --transform center-crop-wide
  stylegan dataset cifar-10-python.tar.gz cifar10.zip
  stylegan dataset train-images-idx3-ubyte.gz mnist.zip`;

export function datasetCommand(): Command {
  return new Command('dataset')
    .description('prepare pictures for training: a zip (or folder) of square PNG files with dataset.json')
    .argument('[source]', 'what to read')
    .argument('[dest]', 'what to write: NAME.zip, or a folder; must not exist yet')
    .option('--source <path>', 'the same as SOURCE')
    .option('--dest <path>', 'the same as DEST')
    .addOption(
      new Option(
        '--resolution <N|WxH>',
        'side in pixels, a power of two (default: what fits most pictures)',
      ).argParser(resolution),
    )
    .addOption(
      new Option('--transform <how>', 'how other shapes become square (default: center-crop)').choices(
        TRANSFORMS,
      ),
    )
    .addOption(
      new Option(
        '--max-images <n>',
        'use a random choice of n pictures; for faces, how many to draw (10000)',
      ).argParser(wholeNumber(1)),
    )
    .option(
      '--labels <folders|FILE>',
      'classes from folder names, or a JSON or CSV file; for faces, an attribute',
    )
    .addOption(
      new Option('--channels <n>', '1 gray, 3 RGB, 4 RGBA (default: 3, or 1 if all are gray)').choices([
        '1',
        '3',
        '4',
      ]),
    )
    .addOption(
      new Option('--seed <n>', 'seed of the random choice and of the faces')
        .default(0)
        .argParser(wholeNumber(0)),
    )
    .addOption(
      new Option('--workers <n>', 'pictures in work at once (default: one per processor)').argParser(
        wholeNumber(1),
      ),
    )
    .addHelpText('after', HELP)
    .action(run);
}

async function run(
  sourceArgument: string | undefined,
  destArgument: string | undefined,
  flags: DatasetFlags,
) {
  // With --source, the only argument left can be the destination.
  const [source, dest] = flags.source
    ? [flags.source, flags.dest ?? sourceArgument]
    : [sourceArgument, flags.dest ?? destArgument];
  if (!source || !dest) {
    throw new OptionError(
      `got no ${source ? 'DEST' : 'SOURCE'}, expected: stylegan dataset SOURCE DEST (see --help)`,
    );
  }
  let progress: Progress | undefined;
  let rate = 0;
  const { images, skipped, resolution, channels, labelled } = await prepareDataset(source, dest, {
    ...flags,
    channels: flags.channels && (Number(flags.channels) as 1 | 3 | 4),
    signal: interruption,
    onProgress({ done, total, imagesPerSecond }) {
      progress ??= startProgress('dataset', total, 'images');
      progress.update(done);
      rate = imagesPerSecond;
    },
    onSkip(name, reason) {
      progress?.finish();
      console.error(`skipped ${name}: ${reason}`);
    },
  }).finally(() => progress?.finish());
  const form = `${resolution}x${resolution} ${CHANNEL_NAMES[channels]}, ${labelled ? 'with' : 'without'} labels`;
  const left = skipped > 0 ? `; ${skipped} skipped` : '';
  console.log(`wrote ${images} images to ${dest}: ${form}${left} (${rate.toPrecision(3)} images/s)`);
}

const CHANNEL_NAMES = { 1: 'gray', 3: 'RGB', 4: 'RGBA' };

function resolution(text: string): number | readonly [number, number] {
  const match = /^(\d{1,5})(?:x(\d{1,5}))?$/i.exec(text);
  if (!match) throw new InvalidArgumentError('Expected N or WxH, such as 256 or 512x384.');
  return match[2] === undefined ? Number(match[1]) : [Number(match[1]), Number(match[2])];
}
