// The commands of the `stylegan` program.

import { readFileSync } from 'node:fs';
import { Command } from 'commander';

/** One file per command, in the order of use. */
export const COMMANDS: Record<string, () => Promise<Command>> = {
  dataset: async () => (await import('./dataset.ts')).datasetCommand(),
  train: async () => (await import('./train.ts')).trainCommand(),
  augment: async () => (await import('./augment.ts')).augmentCommand(),
  generate: async () => (await import('./generate.ts')).generateCommand(),
  mix: async () => (await import('./mix.ts')).mixCommand(),
  noise: async () => (await import('./noise.ts')).noiseCommand(),
  video: async () => (await import('./video.ts')).videoCommand(),
  metrics: async () => (await import('./metrics.ts')).metricsCommand(),
  convert: async () => (await import('./convert.ts')).convertCommand(),
  networks: async () => (await import('./networks.ts')).networksCommand(),
  info: async () => (await import('./info.ts')).infoCommand(),
};

/** The program with the command `asked`, or with all where there is none of that name, as for help. */
export async function createProgram(asked: string | undefined): Promise<Command> {
  // As far from dist/cli as from src/cli.
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const program = new Command('stylegan')
    .version(version)
    .description('Train, steer and share image generators of the StyleGAN family.')
    .addHelpText(
      'after',
      `
Examples:
  stylegan dataset faces faces-32.zip --resolution 32 --max-images 20000
  stylegan train --data faces-32.zip --outdir runs/faces
  stylegan generate --network runs/faces/network-snapshot-000060.safetensors --seeds 0-35 --grid

"stylegan COMMAND --help" shows the options of one command, with examples.`,
    );
  // Only the command asked for is loaded, so that each starts as quickly as if it were alone.
  const names = Object.keys(COMMANDS).filter((name) => name === asked);
  for (const name of names.length > 0 ? names : Object.keys(COMMANDS)) {
    program.addCommand(await COMMANDS[name]());
  }
  return program;
}
