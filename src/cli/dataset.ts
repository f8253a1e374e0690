// `stylegan dataset`: prepares a folder, archive or the built-in faces for training.
import { Command, InvalidArgumentError, Option } from 'commander';
import { OptionError } from '../core/errors.ts';
import { TRANSFORMS, type Transform } from '../data/convert.node.ts';
import { type PrepareProgress, prepareDataset } from '../data/prepare.node.ts';

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

const EXAMPLES = `
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

/** Builds the command. Aborting `signal` removes what was half-written. */
export function datasetCommand(signal?: AbortSignal): Command {
  return new Command('dataset')
    .description('Prepare pictures for training: a zip (or folder) of square PNG files with dataset.json.')
    .argument('[source]', 'what to read')
    .argument('[dest]', 'what to write: NAME.zip, or a folder; must not exist yet')
    .option('--source <path>', 'the same as SOURCE')
    .option('--dest <path>', 'the same as DEST')
    .option(
      '--resolution <N|WxH>',
      'side in pixels, a power of two (default: what fits most pictures)',
      parseResolution,
    )
    .addOption(
      new Option('--transform <how>', 'how other shapes become square (default: center-crop)').choices(
        TRANSFORMS,
      ),
    )
    .option(
      '--max-images <n>',
      'use a random choice of n pictures; for faces, how many to draw (10000)',
      parseCount,
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
    .option('--seed <n>', 'seed of the random choice and of the faces', parseSeed, 0)
    .option('--workers <n>', 'pictures in work at once (default: one per processor)', parseCount)
    .addHelpText('after', EXAMPLES)
    .action((source: string | undefined, dest: string | undefined, flags: DatasetFlags) =>
      runDataset(source, dest, flags, signal),
    );
}

async function runDataset(
  sourceArgument: string | undefined,
  destArgument: string | undefined,
  flags: DatasetFlags,
  signal: AbortSignal | undefined,
): Promise<void> {
  // With --source, the only argument left can be the destination.
  const [source, dest] = flags.source
    ? [flags.source, flags.dest ?? sourceArgument]
    : [sourceArgument, flags.dest ?? destArgument];
  if (!source || !dest) {
    throw new OptionError(
      `got no ${source ? 'DEST' : 'SOURCE'}, expected: stylegan dataset SOURCE DEST (see --help)`,
    );
  }
  const display = progressDisplay(process.stderr);
  const report = await prepareDataset(source, dest, {
    ...flags,
    channels: flags.channels && (Number(flags.channels) as 1 | 3 | 4),
    signal,
    onProgress: display.show,
    onSkip: (name, reason) => display.line(`skipped ${name}: ${reason}`),
  });
  display.end();
  const { images, skipped, resolution, channels, labelled } = report;
  const kind = { 1: 'gray', 3: 'RGB', 4: 'RGBA' }[channels];
  const left = skipped > 0 ? `; ${skipped} skipped` : '';
  console.log(
    `${dest}: ${images} images, ${resolution}x${resolution} ${kind}, ${labelled ? 'labelled' : 'no labels'}${left}`,
  );
}

/** Shows progress on one line of a terminal, or as a plain line now and then. */
export function progressDisplay(out: NodeJS.WriteStream) {
  const interval = out.isTTY ? 100 : 5000;
  let shownAt = performance.now();
  let shown = '';
  const clear = () => {
    if (shown && out.isTTY) out.write(`\r${' '.repeat(shown.length)}\r`);
    shown = '';
  };
  const show = ({ done, total, skipped, imagesPerSecond }: PrepareProgress) => {
    const now = performance.now();
    if (now - shownAt < interval && done < total) return;
    shownAt = now;
    clear();
    const left = skipped > 0 ? `, ${skipped} skipped` : '';
    shown = `${done} of ${total} images, ${imagesPerSecond.toFixed(0)} images/s${left}`;
    out.write(out.isTTY ? shown : `${shown}\n`);
  };
  const line = (text: string) => {
    clear();
    out.write(`${text}\n`);
  };
  return { show, line, end: clear };
}

function parseResolution(text: string): number | readonly [number, number] {
  const match = /^(\d+)(?:x(\d+))?$/i.exec(text);
  if (!match) throw new InvalidArgumentError('expected N or WxH, e.g. 256 or 512x384');
  return match[2] === undefined ? Number(match[1]) : [Number(match[1]), Number(match[2])];
}

function parseCount(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('expected a whole number from 1');
  return Number(text);
}

function parseSeed(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('expected a whole number from 0');
  return Number(text);
}
