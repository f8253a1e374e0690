// The live display of a training run: one line redrawn on a terminal, one plain line a tick everywhere.

import { appendFileSync } from 'node:fs';
import { asFileError } from '../core/files.node.ts';
import type { TrainProgress } from '../training/train.node.ts';
import { formatSeconds } from './progress.ts';

/** Milliseconds between redraws. */
const REDRAW = 200;

const number = (value: number | undefined, digits: number): string =>
  value === undefined ? '-' : value.toFixed(digits);

/** "tick 3  kimg 12.0/1000  …": what a tick's line and the live line have in common. */
export function formatProgress({ kimg, totalKimg, tick, lod, ...rest }: TrainProgress): string {
  const { stats } = rest;
  const signs = (name: string) => number(stats[`Loss/signs/${name}`], 2);
  return [
    `tick ${tick}`,
    `kimg ${kimg.toFixed(kimg < 10 ? 2 : 1)}/${totalKimg}`,
    ...(lod > 0 ? [`lod ${lod.toFixed(2)}`] : []),
    `${rest.secPerKimg.toFixed(1)} s/kimg`,
    `${formatSeconds(rest.seconds)} gone`,
    `${formatSeconds(rest.secondsLeft)} left`,
    `G ${number(stats['Loss/G/loss'], 3)}`,
    `D ${number(stats['Loss/D/loss'], 3)}`,
    `signs real ${signs('real')} fake ${signs('fake')}`,
    ...(stats['Progress/augment'] === undefined ? [] : [`p ${number(stats['Progress/augment'], 3)}`]),
    ...['r1', 'r2', 'gp'].flatMap((name) => {
      const value = stats[`Loss/${name}_penalty`];
      return value === undefined ? [] : [`${name} ${number(value, 4)}`];
    }),
    `drift ${number(stats['Monitor/D_drift'], 2)}`,
    `grad G ${number(stats['Gradient/Gmain/norm'], 2)} D ${number(stats['Gradient/Dmain/norm'], 2)}`,
    ...(stats['Monitor/deviation'] === undefined ? [] : [`dev ${number(stats['Monitor/deviation'], 2)}`]),
    `mem ${Math.round(rest.memoryMB)} MB`,
  ].join('  ');
}

export interface TrainDisplay {
  progress(progress: TrainProgress): void;
  log(line: string): void;
  /** Leaves the terminal's cursor on a line of its own. */
  finish(): void;
}

function appendToLog(logFile: string, text: string): void {
  try {
    appendFileSync(logFile, `${text}\n`);
  } catch (error) {
    throw asFileError(error, 'write', logFile);
  }
}

/** Shows a run on stderr. Lines of ticks are also appended to `logFile`. */
export function trainDisplay(logFile: string): TrainDisplay {
  const terminal = process.stderr.isTTY;
  let drawn = 0;
  const clear = () => {
    if (terminal && drawn > 0) process.stderr.write('\r\x1b[K');
  };
  const line = (text: string) => {
    clear();
    process.stderr.write(`${text}\n`);
  };
  return {
    progress(progress) {
      const text = formatProgress(progress);
      if (progress.isTick) {
        line(text);
        appendToLog(logFile, text);
      } else if (terminal && performance.now() - drawn > REDRAW) {
        drawn = performance.now();
        // Cut to the terminal's width: a wrapped line cannot be redrawn.
        process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
      }
    },
    log: line,
    finish: clear,
  };
}
