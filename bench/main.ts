// `npm run bench [-- --json] [NAME…]`: speed as throughput and as a fraction of this machine's matrix-multiply rate.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { BenchResult } from './result.ts';
import { WORKLOADS } from './workloads.ts';

/** Each workload runs in a process of its own, so that its peak memory is its own. */
function runApart(name: string): BenchResult {
  const script = fileURLToPath(import.meta.url);
  const out = execFileSync(process.execPath, [...process.execArgv, script, '--one', name], {
    env: { ...process.env, MALLOC_MMAP_THRESHOLD_: '4294967296', MALLOC_TRIM_THRESHOLD_: '8589934592' }, // as bin/stylegan.js
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  return JSON.parse(out.trim().split('\n').at(-1)!) as BenchResult;
}

function formatResult(result: BenchResult): string {
  return [
    result.name.padEnd(15),
    `${result.value.toFixed(2).padStart(8)} ${result.unit.padEnd(8)}`,
    `${result.gflops.toFixed(0).padStart(5)} GFLOP/s`,
    `gemm ${result.gemmGflops.toFixed(0).padStart(4)}`,
    `ratio ${result.ratio.toFixed(2)}`,
    `peak ${result.peakMemoryMB.toFixed(0).padStart(5)} MB`,
    `spread ${(result.spread * 100).toFixed(0)} %`,
    ...(result.augmentation === undefined
      ? []
      : [`augmentation +${(result.augmentation * 100).toFixed(0)} %`]),
  ].join('  ');
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, one: { type: 'string' } },
});

if (values.one !== undefined) {
  console.log(JSON.stringify(await WORKLOADS[values.one]()));
} else {
  const names = positionals.length > 0 ? positionals : Object.keys(WORKLOADS);
  const unknown = names.find((name) => !(name in WORKLOADS));
  if (unknown !== undefined) {
    console.error(`error: got workload ${unknown}, expected ${Object.keys(WORKLOADS).join(', ')}`);
    process.exitCode = 1;
  } else {
    const results: BenchResult[] = [];
    for (const name of names) {
      const result = runApart(name);
      results.push(result);
      if (!values.json) console.log(formatResult(result));
    }
    if (values.json) console.log(JSON.stringify(results, null, 2));
  }
}
