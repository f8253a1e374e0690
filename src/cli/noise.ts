// `stylegan noise`: what the noise of fine and coarse layers does to images (StyleGAN, section 3.2).

import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { OptionError } from '../core/errors.ts';
import { makeFolder, writeFileAtomic } from '../core/files.node.ts';
import { type Picture, picturesOf } from '../generate/image-grid.ts';
import { chosenLabel, type LabelChoice } from '../generate/labels.ts';
import type { Network } from '../generate/network.ts';
import {
  type Crop,
  NOISE_SETTINGS,
  type NoiseDraws,
  type NoiseRanges,
  type NoiseSetting,
  noiseRanges,
  strongestCrop,
  studyNoise,
} from '../generate/noise-study.ts';
import { latentsOf } from '../generate/seeds.ts';
import { cellSize, cropPicture, drawSheet, enlargePicture } from '../generate/sheet.ts';
import { interruption } from './interrupt.ts';
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
  wholeNumber,
} from './options.ts';
import { startProgress } from './progress.ts';
import { withNetwork } from './with-network.ts';

/** Smaller pictures are enlarged to about this many pixels. */
const LEAST_CELL = 256;
/** Crops are a quarter of the image, in small images at least this many pixels wide. */
const LEAST_CROP = 16;

interface NoiseOptions extends LabelChoice {
  network: string;
  seeds: number[];
  draws: number;
  fineFrom?: number;
  crop?: Crop;
  trunc: number;
  truncCutoff?: number;
  outdir: string;
  device: Device;
}

/** What was found for one seed, as noise.json has it. */
interface Found {
  readonly seed: number;
  readonly crop: Crop;
  /** The largest deviation under any setting, which is white in the seed's maps. */
  readonly white: number;
  readonly deviation: Record<NoiseSetting, { mean: number; largest: number }>;
}

export function noiseCommand(): Command {
  const command = new Command('noise')
    .description('show what the noise of fine and of coarse layers does to images')
    .addOption(networkOption())
    .addOption(numbersOption('--seeds', 'seeds, such as 0-2,40').default([0], '0'))
    .addOption(
      new Option('--draws <n>', 'noise drawn to measure deviation').argParser(wholeNumber(2)).default(100),
    )
    .addOption(
      new Option(
        '--fine-from <res>',
        'lowest resolution of the fine layers (default: of the upper half of the resolutions)',
      ).argParser(wholeNumber(1)),
    )
    .addOption(
      new Option(
        '--crop <x,y,size>',
        'square of pixels to enlarge (default: where noise changes most)',
      ).argParser(parseCrop),
    )
    .addOption(truncOption())
    .addOption(truncCutoffOption())
    .addOption(classOption())
    .addOption(labelOption())
    .option('--outdir <folder>', 'where the pictures go', 'out')
    .addOption(deviceOption())
    .addHelpText(
      'after',
      `
The noise study of the StyleGAN paper (section 3.2, figures 4 and 5): each seed's image with noise in all layers, in
none, in fine ones only, and in coarse ones only. At 1024x1024, fine is 64x64 and above, as in the paper; in general it
is the upper half of the network's resolutions, from 16x16 at 32x32 or 64x64, from 32x32 at 128x128 or 256x256.

Writes, to a folder seedNNNN for each seed: sheet.png, which has it all; SETTING.png and SETTING-crop.png;
SETTING-deviation.png, the standard deviation of each pixel over the draws, white being the largest of the seed; and
drawN-crop.png, the same crop for the first draws of all noise. The numbers are printed and written to noise.json;
deviations are those of images in [-1, 1], so that 0.01 is a little more than one step of 255.

Examples:
  stylegan noise --network network.safetensors --seeds 0-2 --trunc 0.7 --outdir out
  stylegan noise --network network.safetensors --seeds 7 --fine-from 32 --crop 16,8,24 --draws 20`,
    )
    .action((options: NoiseOptions) => withNetwork(options, (network) => noise(network, options)));
  return requireOptions(command, '--network');
}

async function noise(network: Network, options: NoiseOptions): Promise<void> {
  const { network: file, seeds, draws, trunc, outdir } = options;
  const ranges = noiseRanges(network, options.fineFrom);
  checkCrop(options.crop, network.config.imgResolution);
  const { class: number, c } = chosenLabel(options, network);
  const progress = startProgress('noise', seeds.length * 3 * draws, 'images');
  const found: Found[] = [];
  try {
    for (const seed of seeds) {
      const before = 3 * draws * found.length;
      const onProgress = (done: number) => progress.update(before + done);
      found.push(await studySeed(network, { ...options, seed, c, ranges, onProgress }));
    }
  } finally {
    progress.finish();
  }

  const deviation = perSetting((setting) => ({
    range: ranges[setting],
    mean: found.reduce((sum, one) => sum + one.deviation[setting].mean, 0) / found.length,
    largest: Math.max(...found.map((one) => one.deviation[setting].largest)),
  }));
  const label = { class: number, label: options.label ?? null };
  const report = { network: file, kimg: network.kimg, draws, trunc, ...label, deviation, seeds: found };
  await writeFileAtomic(join(outdir, 'noise.json'), `${JSON.stringify(report, null, 2)}\n`);
  printTable(deviation);
  for (const { seed, crop, white } of found) {
    console.log(
      `seed ${seed}: crop ${crop.x},${crop.y},${crop.size}; white is a deviation of ${white.toPrecision(3)}`,
    );
  }
  const count = seeds.length === 1 ? '1 seed' : `${seeds.length} seeds`;
  console.log(`wrote noise.json and the pictures of ${count} to ${outdir}`);
}

interface StudyOptions extends Pick<NoiseOptions, 'draws' | 'trunc' | 'truncCutoff' | 'outdir'> {
  readonly seed: number;
  readonly c: Float32Array | null;
  readonly ranges: NoiseRanges;
  /** Where noise changes most, when none is given. */
  readonly crop?: Crop;
  readonly onProgress: (done: number) => void;
}

/** Draws one seed's images and writes its pictures. */
async function studySeed(network: Network, options: StudyOptions): Promise<Found> {
  const { seed, c, ranges, draws, onProgress } = options;
  const { zDim, imgResolution } = network.config;
  const truncation = { psi: options.trunc, cutoff: options.truncCutoff };
  const ws = await network.mapping(latentsOf([seed], zDim), c, truncation);
  const study = await studyNoise(network, ws, { ranges, draws, signal: interruption, onProgress });
  const size = Math.min(imgResolution, Math.max(LEAST_CROP, imgResolution / 4));
  const crop = options.crop ?? strongestCrop(study.all.deviation, size);
  const deviation = perSetting((setting) => numbersOf(study[setting].deviation));
  const white = Math.max(...NOISE_SETTINGS.map((setting) => deviation[setting].largest));
  const folder = join(options.outdir, `seed${String(seed).padStart(4, '0')}`);
  await writePictures(folder, study, { ranges, crop, white, draws, resolution: imgResolution });
  return { seed, crop, white, deviation };
}

interface Drawing {
  readonly ranges: NoiseRanges;
  readonly crop: Crop;
  readonly white: number;
  readonly draws: number;
  readonly resolution: number;
}

async function writePictures(
  folder: string,
  study: Record<NoiseSetting, NoiseDraws>,
  { ranges, crop, white, draws, resolution }: Drawing,
): Promise<void> {
  const cell = cellSize(resolution, LEAST_CELL);
  const zoom = (picture: Picture) =>
    enlargePicture(cropPicture(picture, crop), Math.max(1, Math.floor(cell / crop.size)));
  const images = perSetting((setting) => picturesOf(study[setting].images)[0]);
  const crops = perSetting((setting) => zoom(images[setting]));
  const maps = perSetting((setting) => mapPicture(study[setting].deviation, white, resolution));
  const realisations = picturesOf(study.all.images).map(zoom);
  const row = <T>(of: Record<NoiseSetting, T>) => NOISE_SETTINGS.map((setting) => of[setting]);
  const sheet = drawSheet(
    [
      row(perSetting((setting) => describe(setting, ranges))),
      row(images),
      `crop of ${crop.size}x${crop.size} at ${crop.x},${crop.y}`,
      row(crops),
      `deviation over ${draws} draws: white is ${white.toPrecision(3)}`,
      row(maps),
      `the crop under ${realisations.length} draws of all noise`,
      realisations,
    ],
    { cell, columns: NOISE_SETTINGS.length },
  );

  const { writePng } = await import('../generate/image-files.node.ts');
  await makeFolder(folder);
  for (const setting of NOISE_SETTINGS) {
    await writePng(join(folder, `${setting}.png`), images[setting]);
    await writePng(join(folder, `${setting}-crop.png`), crops[setting]);
    await writePng(join(folder, `${setting}-deviation.png`), maps[setting]);
  }
  for (const [k, picture] of realisations.entries()) {
    await writePng(join(folder, `draw${k}-crop.png`), picture);
  }
  await writePng(join(folder, 'sheet.png'), sheet);
}

/** Gray: 0 is black, `white` is white. */
function mapPicture(deviation: Float32Array, white: number, resolution: number): Picture {
  const gray = (value: number) => (white > 0 ? Math.round((255 * value) / white) : 0);
  return { data: Uint8Array.from(deviation, gray), width: resolution, height: resolution, channels: 1 };
}

/** "fine 16-32". */
function describe(setting: NoiseSetting, ranges: NoiseRanges): string {
  const range = ranges[setting];
  return range === null ? setting : `${setting} ${range.join('-')}`;
}

function numbersOf(deviation: Float32Array): { mean: number; largest: number } {
  return {
    mean: deviation.reduce((sum, value) => sum + value, 0) / deviation.length,
    largest: deviation.reduce((largest, value) => Math.max(largest, value), 0),
  };
}

function perSetting<T>(of: (setting: NoiseSetting) => T): Record<NoiseSetting, T> {
  return Object.fromEntries(NOISE_SETTINGS.map((setting) => [setting, of(setting)])) as Record<
    NoiseSetting,
    T
  >;
}

function printTable(
  summary: Record<NoiseSetting, { range: NoiseRanges[NoiseSetting]; mean: number; largest: number }>,
): void {
  console.log('noise   resolutions  mean deviation  largest');
  for (const setting of NOISE_SETTINGS) {
    const { range, mean, largest } = summary[setting];
    const columns = [setting.padEnd(6), (range?.join('-') ?? 'none').padEnd(11), mean.toFixed(4).padEnd(14)];
    console.log([...columns, largest.toFixed(4)].join('  '));
  }
}

/** `16,8,24` → the square of 24 pixels whose left upper corner is (16, 8). */
function parseCrop(text: string): Crop {
  const match = /^(\d{1,5}),(\d{1,5}),([1-9]\d{0,4})$/.exec(text);
  if (!match) throw new InvalidArgumentError('Expected x,y,size in pixels, such as 16,8,24.');
  return { x: Number(match[1]), y: Number(match[2]), size: Number(match[3]) };
}

function checkCrop(crop: Crop | undefined, resolution: number): void {
  if (crop === undefined || Math.max(crop.x, crop.y) + crop.size <= resolution) return;
  throw new OptionError(
    `got --crop ${crop.x},${crop.y},${crop.size}, expected a square within ${resolution}x${resolution}`,
  );
}
