// `npm run parity -- FILE…`: recomputes reference files and prints how far off the worst tensor of each is.

import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { readSafetensors, type SafetensorsFile } from '../src/checkpoints/safetensors.ts';
import { FileError, UserError } from '../src/core/errors.ts';
import { readFileBounded } from '../src/core/files.node.ts';
import type { Deviation, ParityCheck } from './parity/check.ts';

/** For checks whose second parameter is another. */
const withoutPath =
  (load: () => Promise<(file: SafetensorsFile) => ReturnType<ParityCheck>>) =>
  async (): Promise<ParityCheck> => {
    const check = await load();
    return (file) => check(file);
  };

/** One check per kind of reference file, loaded when a file asks for it. */
const CHECKS: Record<string, () => Promise<ParityCheck>> = {
  augment: withoutPath(async () => (await import('./parity/augment.ts')).checkAugment),
  filters: async () => (await import('./parity/filters.ts')).checkFilters,
  pickle: async () => (await import('./parity/pickle.ts')).checkPickle,
  progan: withoutPath(async () => (await import('./parity/growing.ts')).checkGrowing),
  stylegan1: withoutPath(async () => (await import('./parity/growing.ts')).checkGrowing),
  stylegan2: withoutPath(async () => (await import('./parity/stylegan2.ts')).checkStylegan2),
  seeds: async () => (await import('./parity/seeds.ts')).checkSeeds,
};

const USAGE = `usage: npm run parity -- [--verbose] FILE…
Prints one line per reference file with its worst tensor: the largest difference relative to the tensor's largest
element. Fails above 1e-4 for values and 1e-3 for gradients. --verbose prints a line per tensor as well.`;

async function deviationsOf(path: string): Promise<Deviation[]> {
  const file = readSafetensors(await readFileBounded(path), path);
  const { kind } = file.metadata;
  if (!Object.hasOwn(CHECKS, kind ?? '')) {
    throw new FileError(
      `${path}: got kind ${JSON.stringify(kind ?? null)}, expected one of ${Object.keys(CHECKS).join(', ')}`,
    );
  }
  const check = await CHECKS[kind]();
  const deviations: Deviation[] = [];
  for await (const deviation of check(file, path)) deviations.push(deviation);
  if (deviations.length === 0) throw new FileError(`${path}: holds nothing to compare`);
  return deviations;
}

/** True when every tensor is within its limit. */
async function reportFile(path: string, verbose: boolean): Promise<boolean> {
  try {
    const deviations = await deviationsOf(path);
    if (verbose) for (const deviation of deviations) console.log(`  ${formatDeviation(deviation)}`);
    const worst = deviations.reduce((a, b) => (b.error / b.limit > a.error / a.limit ? b : a));
    const passed = worst.error <= worst.limit;
    console.log(
      `${passed ? 'ok  ' : 'FAIL'} ${basename(path)}: ${deviations.length} tensors, worst ${formatDeviation(worst)}`,
    );
    return passed;
  } catch (error) {
    console.log(
      error instanceof UserError ? `FAIL ${error.message}` : `FAIL ${path}: ${(error as Error).stack}`,
    );
    return false;
  }
}

function formatDeviation({ name, error, limit }: Deviation): string {
  return `${name} ${error.toExponential(2)} (limit ${limit.toExponential(0)})`;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { verbose: { type: 'boolean', short: 'v', default: false } },
});
if (positionals.length === 0) {
  console.error(USAGE);
  process.exitCode = 1;
}
for (const path of positionals) {
  if (!(await reportFile(path, values.verbose))) process.exitCode = 1;
}
