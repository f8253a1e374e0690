// `stylegan video`: a smooth closed walk through the seeds, alone or in a grid.

import { Command, Option } from 'commander';
import { OptionError } from '../core/errors.ts';
import { floatTensor } from '../core/tensor.ts';
import { imageGrid, type Picture } from '../generate/image-grid.ts';
import { closedSpline } from '../generate/interpolate.ts';
import { chosenLabel, type LabelChoice } from '../generate/labels.ts';
import type { Network } from '../generate/network.ts';
import { latentsOf } from '../generate/seeds.ts';
import { interruption } from './interrupt.ts';
import {
  classOption,
  type Device,
  deviceOption,
  gridSize,
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

interface VideoOptions extends LabelChoice {
  network: string;
  seeds: number[];
  grid: [columns: number, rows: number];
  wFrames: number;
  fps: number;
  trunc: number;
  truncCutoff?: number;
  output: string;
  device: Device;
}

export function videoCommand(): Command {
  const command = new Command('video')
    .description('make a video that walks through the seeds and returns to the first')
    .addOption(networkOption())
    .addOption(numbersOption('--seeds', 'seeds, shared out evenly over the grid'))
    .addOption(
      new Option('--grid <CxR>', 'columns x rows of walks')
        .argParser(gridSize)
        .default([1, 1] as [number, number], '1x1'),
    )
    .addOption(
      new Option('--w-frames <n>', 'frames from one seed to the next').argParser(wholeNumber(1)).default(60),
    )
    .addOption(new Option('--fps <n>', 'frames per second').argParser(wholeNumber(1)).default(60))
    .addOption(truncOption())
    .addOption(truncCutoffOption())
    .addOption(classOption())
    .addOption(labelOption())
    .option('--output <path>', 'x.mp4 (needs ffmpeg), x.webp, x.gif, or a folder for PNG files', 'video.webp')
    .addOption(deviceOption())
    .addHelpText(
      'after',
      `
Each cell of the grid walks through its own seeds, in W, along a closed cubic spline.

Examples:
  stylegan video --network network.safetensors --seeds 0-31 --grid 2x2 --output walk.mp4
  stylegan video --network network.safetensors --seeds 0-3 --w-frames 30 --fps 30 --output walk.gif`,
    )
    .action((options: VideoOptions) => withNetwork(options, (network) => video(network, options)));
  return requireOptions(command, '--network', '--seeds');
}

async function video(network: Network, options: VideoOptions): Promise<void> {
  const { seeds, output, fps } = options;
  const [columns, rows] = options.grid;
  if (seeds.length % (columns * rows) !== 0) {
    throw new OptionError(
      `got ${seeds.length} --seeds for --grid ${columns}x${rows}, expected a multiple of ${columns * rows}`,
    );
  }
  const frames = (seeds.length / (columns * rows)) * options.wFrames;
  const { writeVideo } = await import('../generate/video.node.ts');
  const progress = startProgress('video', frames, 'frames');
  try {
    await writeVideo(output, render(network, options, frames, progress.update), fps);
  } finally {
    progress.finish();
  }
  console.log(`wrote ${frames} frames to ${output}`);
}

async function* render(
  network: Network,
  options: VideoOptions,
  frames: number,
  progress: (done: number) => void,
): AsyncGenerator<Picture> {
  const { numWs, wDim } = network.config;
  const [columns, rows] = options.grid;
  const keyframes = await mapSeeds(network, options);
  const perCell = keyframes.length / (columns * rows);
  const walks = Array.from({ length: columns * rows }, (_, cell) =>
    closedSpline(keyframes.slice(cell * perCell, (cell + 1) * perCell)),
  );
  for (let frame = 0; frame < frames; frame++) {
    interruption.throwIfAborted();
    const ws = new Float32Array(walks.length * numWs * wDim);
    walks.forEach((walk, cell) => {
      ws.set(walk(frame / options.wFrames), cell * numWs * wDim);
    });
    const images = await network.synthesis(floatTensor(ws, [walks.length, numWs, wDim]));
    yield imageGrid(images, columns);
    progress(frame + 1);
  }
}

/** The ws of each seed, flat. */
async function mapSeeds(network: Network, options: VideoOptions): Promise<Float32Array[]> {
  const { zDim } = network.config;
  const { c } = chosenLabel(options, network);
  const truncation = { psi: options.trunc, cutoff: options.truncCutoff };
  const keyframes: Float32Array[] = [];
  for (const seed of options.seeds) {
    interruption.throwIfAborted();
    keyframes.push((await network.mapping(latentsOf([seed], zDim), c, truncation)).data);
  }
  return keyframes;
}
