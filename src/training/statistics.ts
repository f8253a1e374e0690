// Running means of what the phases report, between two ticks.

/** Means of named scalars since the last reset. JSON-able, so that a resumed run reports the same numbers. */
export class Statistics {
  private sums = new Map<string, { sum: number; count: number }>();

  add(name: string, value: number): void {
    const entry = this.sums.get(name) ?? { sum: 0, count: 0 };
    entry.sum += value;
    entry.count++;
    this.sums.set(name, entry);
  }

  /** Sum of what was added under a name since the last reset. */
  sum(name: string): number {
    return this.sums.get(name)?.sum ?? 0;
  }

  means(): Record<string, number> {
    return Object.fromEntries([...this.sums].map(([name, { sum, count }]) => [name, sum / count]));
  }

  reset(): void {
    this.sums.clear();
  }

  snapshot(): [string, { sum: number; count: number }][] {
    return [...this.sums].map(([name, entry]) => [name, { ...entry }]);
  }

  restore(snapshot: [string, { sum: number; count: number }][]): void {
    this.sums = new Map(snapshot.map(([name, entry]) => [name, { ...entry }]));
  }
}
