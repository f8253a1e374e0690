// The `stylegan` program: its commands, how it stops, and how it tells what went wrong.

import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { UserError } from '../core/errors.ts';
import { Interrupted, listenForInterrupts } from './interrupt.ts';

/** One file per command, in the order of use. */
const COMMANDS: Record<string, () => Promise<Command>> = {
  dataset: async () => (await import('./dataset.ts')).datasetCommand(),
  generate: async () => (await import('./generate.ts')).generateCommand(),
  mix: async () => (await import('./mix.ts')).mixCommand(),
  video: async () => (await import('./video.ts')).videoCommand(),
  info: async () => (await import('./info.ts')).infoCommand(),
};

async function createProgram(asked: string | undefined): Promise<Command> {
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

/** Runs the program and settles how the process ends. Never rejects. */
async function main(): Promise<void> {
  listenForInterrupts();
  quietWhenReaderLeaves(process.stdout);
  quietWhenReaderLeaves(process.stderr);
  try {
    const program = await createProgram(process.argv[2]);
    await program.parseAsync();
  } catch (error) {
    process.exitCode = report(error);
  }
}

/** Prints what went wrong, in one line where it is the user's to mend. Returns the exit code. */
function report(error: unknown): number {
  if (error instanceof Interrupted) return error.exitCode;
  if (error instanceof UserError) {
    console.error(`error: ${error.message}`);
    return 1;
  }
  console.error(error);
  console.error(
    'This is a bug in stylegan. Please report it with the lines above and the command that you ran.',
  );
  return 1;
}

/** `stylegan … | head` closes the pipe early: nobody reads on, so there is nothing to say. */
function quietWhenReaderLeaves(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
}

await main();
