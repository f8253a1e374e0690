// Runs a script's command, and ends as the program does: one line for an error, resumable after Ctrl-C.

import type { Command } from 'commander';
import { Interrupted, listenForInterrupts } from '../src/cli/interrupt.ts';
import { UserError } from '../src/core/errors.ts';

export async function runCommand(command: Command): Promise<void> {
  listenForInterrupts();
  try {
    await command.parseAsync();
  } catch (error) {
    if (error instanceof Interrupted) {
      console.error('Stopped. The same command goes on from here.');
      process.exitCode = error.exitCode;
    } else if (error instanceof UserError) {
      console.error(`error: ${error.message}`);
      process.exitCode = 1;
    } else {
      throw error;
    }
  }
}
