// What a workload reports, and how measurements become medians.

/** One line of the benchmark; `--json` prints an array of these. */
export interface BenchResult {
  readonly name: string;
  /** Median. */
  readonly value: number;
  readonly unit: 'sec/kimg' | 'images/s';
  /** Rate of the convolutions and matrix products that the mathematics needs. */
  readonly gflops: number;
  /** The machine's matrix-multiply rate in the same run (float32, 512×4608×4096). */
  readonly gemmGflops: number;
  /** gflops / gemmGflops. */
  readonly ratio: number;
  readonly peakMemoryMB: number;
  /** (slowest - fastest) / median of the measurements. */
  readonly spread: number;
  /** Time that augmentation adds, as a share of the time without. */
  readonly augmentation?: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

export function spreadOf(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values);
}
