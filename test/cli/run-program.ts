// Runs commands: as a user does, in a child process, or here, where only their files and errors matter.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createProgram } from '../../src/cli/program.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/stylegan.js', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `stylegan ARGS…` to its end. `whenRunning` gets the process as soon as it has started. */
export async function runProgram(
  args: readonly string[],
  whenRunning?: (child: ReturnType<typeof spawn>) => void,
): Promise<Finished> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  whenRunning?.(child);
  const code = await new Promise<number | null>((resolve) => {
    child.on('close', resolve);
  });
  return { code, stdout, stderr };
}

/** Runs `stylegan ARGS…` in this process. Rejects with what the command throws. */
export async function runHere(...args: string[]): Promise<void> {
  await (await createProgram(args[0])).parseAsync(args, { from: 'user' });
}
