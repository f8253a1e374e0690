// `npm start`: draws cartoon faces, trains a small StyleGAN2 on them, and makes pictures, with the commands that users have.

import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Command, Option } from 'commander';
import sharp from 'sharp';
import { interruption } from '../src/cli/interrupt.ts';
import { finiteNumber } from '../src/cli/options.ts';
import { createProgram } from '../src/cli/program.ts';
import { writeFileAtomic } from '../src/core/files.node.ts';
import { runCommand } from './run-command.ts';

const DATA = 'data/faces-32.zip';
/** Truncation of the pictures: less variety, fewer slips. */
const TRUNC = ['--trunc', '0.7'];
/** Pictures of 32x32 are shown this many times their size. */
const ZOOM = 4;

/**
 * Minutes allow about 2,000 steps, so each must count: small batches, twice the preset's rates, and a penalty large
 * enough that D, which soon tells all apart, still shows G a way. Heads stand out from the background after 4 kimg,
 * where the preset, made for longer runs, shows dark blobs after 10. And no 8,000 faces are learned by heart in that
 * time, against which augmentation would help.
 */
const HURRY = ['--batch', '8', '--gamma', '0.5', '--glr', '0.005', '--dlr', '0.005', '--aug', 'noaug'];

interface StartOptions {
  readonly kimg: number;
  readonly outdir: string;
}

async function start({ kimg, outdir }: StartOptions): Promise<void> {
  title('1/3 The data: 8,000 cartoon faces');
  if (existsSync(DATA)) console.log(`${DATA} is there`);
  else await run('dataset', 'faces', DATA, '--resolution', '32', '--max-images', '8000');

  title(`2/3 Training; watch the pictures in ${outdir}. Ctrl-C stops, the same command goes on`);
  await run(
    'train',
    '--data',
    DATA,
    '--outdir',
    outdir,
    '--kimg',
    `${kimg}`,
    ...HURRY,
    '--tick',
    '1',
    '--snap',
    '2',
  );

  title('3/3 Pictures of faces that do not exist');
  const pictures = join('out', basename(outdir));
  const network = ['--network', join(outdir, lastSnapshot(outdir)), ...TRUNC];
  const [faces, mixtures, walk] = ['faces', 'mixtures', 'walk.webp'].map((name) => join(pictures, name));
  await run('generate', ...network, '--seeds', '0-39', '--grid', '8x5', '--outdir', faces);
  await run('mix', ...network, '--rows', '100-103', '--cols', '200-206', '--outdir', mixtures);
  await run('video', ...network, '--seeds', '300-331', '--grid', '4x2', ...WALK, '--output', walk);

  const shown = ['grid.png', 'mix.png', 'interpolation.webp'].map((name) => join(pictures, name));
  await enlarge(join(faces, 'grid.png'), shown[0]);
  await enlarge(join(mixtures, 'grid.png'), shown[1]);
  await enlarge(walk, shown[2]);

  title('Done. Look at');
  for (const path of shown) console.log(`  ${path}`);
  title('Next');
  console.log(`  npm start -- --kimg ${4 * kimg}   (trains on from here: better faces)`);
  console.log(`  npx stylegan generate ${network.join(' ')} --seeds 40-99 --grid --outdir out/more`);
  console.log('  npx stylegan train --data FOLDER --outdir runs/mine --mirror   (your own pictures)');
  console.log('  npx stylegan --help');
}

/** A second from face to face. */
const WALK = ['--w-frames', '24', '--fps', '24'];

function title(text: string): void {
  console.log(`\n${text}`);
}

/** Runs a command in this process, as if it had been typed. */
async function run(...args: string[]): Promise<void> {
  interruption.throwIfAborted();
  console.log(`$ npx stylegan ${args.join(' ')}`);
  await (await createProgram(args[0])).parseAsync(args, { from: 'user' });
}

function lastSnapshot(outdir: string): string {
  const names = readdirSync(outdir).filter((name) => /^network-snapshot-\d+\.safetensors$/.test(name));
  return names.sort().at(-1)!;
}

/** Every pixel as a square. */
async function enlarge(from: string, to: string): Promise<void> {
  const image = sharp(from, { animated: true });
  const { width } = await image.metadata();
  await writeFileAtomic(to, await image.resize(width * ZOOM, null, { kernel: 'nearest' }).toBuffer());
}

const command = new Command('npm start --')
  .description('train a small StyleGAN2 on cartoon faces and make pictures with it; run it again to resume')
  .addOption(
    new Option('--kimg <n>', 'length of the run, in thousands of images shown')
      .argParser(finiteNumber)
      .default(15),
  )
  .option('--outdir <folder>', "the run's own folder; its pictures go to out/", 'runs/first')
  .action(start);

await runCommand(command);
