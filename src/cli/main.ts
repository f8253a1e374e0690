// The `stylegan` program: how it starts, how it stops, and how it tells what went wrong.

import { UserError } from '../core/errors.ts';
import { Interrupted, listenForInterrupts } from './interrupt.ts';
import { createProgram } from './program.ts';

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
