// Builds the package into dist/ for tests that use it as others do.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Incremental: two seconds when there is little to do. Type errors do not stop it; they are another check's business. */
export async function buildPackage(): Promise<void> {
  const args = [`${ROOT}node_modules/typescript/bin/tsc`, '-p', `${ROOT}tsconfig.build.json`];
  await promisify(execFile)(process.execPath, args).catch((error: Error & { stdout: string }) => {
    if (!existsSync(`${ROOT}dist/index.js`)) throw new Error(`the build failed: ${error.stdout}`);
  });
}
