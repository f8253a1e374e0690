// The mode-collapse gauge: how much generated images differ from each other, beside how much real ones do.

import type { FloatTensor } from '../core/tensor.ts';

/**
 * Standard deviation across images [N, …], averaged over pixels and channels. Values are clipped to [-1, 1], as they
 * are when images are written.
 */
export function deviationAcross({ data, shape }: FloatTensor): number {
  const [count] = shape;
  const size = data.length / count;
  let total = 0;
  for (let i = 0; i < size; i++) {
    let [sum, squares] = [0, 0];
    for (let n = 0; n < count; n++) {
      const x = Math.max(-1, Math.min(1, data[n * size + i]));
      sum += x;
      squares += x * x;
    }
    const mean = sum / count;
    total += Math.sqrt(Math.max(0, squares / count - mean * mean));
  }
  return total / size;
}

/** Below this share of its best, the gauge is taken for a collapse; above it again, for a recovery. */
const FALL = 0.5;
/** Before it has risen to this, the generator has yet to learn and cannot have lost anything. */
const RISEN = 0.4;

/**
 * The best ratio so far. More than the data's own deviation is no better: untrained networks often show it.
 */
export const bestOf = (best: number, ratio: number): number => Math.max(best, Math.min(ratio, 1));

/** Whether the ratio to the data's deviation has fallen far below the best there was. */
export const hasFallen = (ratio: number, best: number): boolean => best >= RISEN && ratio < FALL * best;

/** What to tell the user of it, in one line. `reg`: the run's regularizers by name. */
export function collapseWarning(ratio: number, best: number, reg: readonly string[]): string {
  const remedy = reg.includes('r1') || reg.includes('r2') ? 'a larger --gamma' : '--reg r1';
  return (
    `warning: generated images differ ${ratio.toFixed(2)} times as much as real ones, after ${best.toFixed(2)} before: ` +
    'the generator may be collapsing; look at the pictures, and if they are alike, use an earlier snapshot, ' +
    `or start again with ${remedy} or a smaller --glr`
  );
}
