// Continuation of rows of pixels beyond their ends.

/** The pixel that stands at `index` when a row is continued by reflection, its ends not repeated. */
export function reflect(index: number, size: number): number {
  if (size === 1) return 0;
  const period = 2 * (size - 1);
  const folded = ((index % period) + period) % period;
  return folded < size ? folded : period - folded;
}
