// Progress of long work on stderr: one line redrawn on a terminal, plain lines now and then elsewhere.

/** Milliseconds between updates. */
const TERMINAL_INTERVAL = 100;
const PLAIN_INTERVAL = 5000;

export interface Progress {
  /** `done` of the total are finished. */
  update(done: number): void;
  /** Ends the line on a terminal, so that what is printed next starts on its own. */
  finish(): void;
}

/**
 * Shows "LABEL 12/400 images, 31 images/s, 12 s left", without the end where the total is not known (null). `before`
 * were done already. Short work prints nothing where there is no terminal.
 */
export function startProgress(label: string, total: number | null, unit: string, before = 0): Progress {
  const terminal = process.stderr.isTTY;
  const interval = terminal ? TERMINAL_INTERVAL : PLAIN_INTERVAL;
  const start = performance.now();
  let shown = start;
  let drawn = false;
  return {
    update(done) {
      const now = performance.now();
      if (now - shown < interval) return;
      shown = now;
      drawn = true;
      const rate = (Math.max(0, done - before) * 1000) / (now - start);
      const left = total === null || rate === 0 ? '' : `, ${formatSeconds((total - done) / rate)} left`;
      const of = total === null ? '' : `/${total}`;
      const line = `${label} ${done}${of} ${unit}, ${rate.toPrecision(3)} ${unit}/s${left}`;
      process.stderr.write(terminal ? `\r${line}\x1b[K` : `${line}\n`);
    },
    finish() {
      if (terminal && drawn) process.stderr.write('\r\x1b[K');
    },
  };
}

export function formatSeconds(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}
