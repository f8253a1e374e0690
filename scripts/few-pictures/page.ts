// The measured part of docs/few-pictures.md: tables, charts and pictures of the experiments.

import type { Line, Panel } from './chart.ts';
import type { FewResult, Limits, Measured, Quality } from './results.ts';
import { NUM } from './results.ts';

/** One experiment: runs that differ in one thing. */
export interface Comparison {
  readonly results: readonly FewResult[];
  readonly limits: Limits;
}

const COLORS = ['#c43c39', '#2467b0', '#3a8a4d'];
const GRAY = '#777';

/** Mean over the second half of a run: single snapshots and ticks waver. */
function settled<K extends string>(all: readonly Readonly<Record<K, number>>[], key: K): number {
  const half = all.slice(Math.floor(all.length / 2));
  return half.reduce((sum, each) => sum + each[key], 0) / half.length;
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
const NUMBERS = ['best SWD (kimg)', 'last SWD', 'SWD', 'nearer to training', 'r_v', 'r_t', 'fakes', 'p'];

/** The numbers of each run, and the limits between which they lie. */
export function numbersTable({ results, limits }: Comparison): string {
  const rows = results.map(({ run, snapshots, ticks }) => {
    const best = snapshots.reduce((a, b) => (b.swd < a.swd ? b : a));
    return [
      `${run.title}, ${run.kimg} kimg`,
      `${best.swd.toFixed(1)} (${best.kimg.toFixed(0)})`,
      snapshots.at(-1)!.swd.toFixed(1),
      settled(snapshots, 'swd').toFixed(1),
      percent(settled(snapshots, 'repeated')),
      settled(snapshots, 'overfitting').toFixed(2),
      ...(['real', 'fake', 'p'] as const).map((key) => settled(ticks, key).toFixed(2)),
    ];
  });
  const limit = (name: string, { swd, repeated }: Quality) => {
    return [name, '', '', swd.toFixed(1), percent(repeated), '', '', '', ''];
  };
  rows.push(limit('The 200 training pictures', limits.training), limit(`${NUM} unseen ones`, limits.unseen));
  return [
    `| Run | ${NUMBERS.join(' | ')} |`,
    `| --- |${' ---: |'.repeat(NUMBERS.length)}`,
    ...rows.map((row) => `| ${row.join(' | ')} |`),
  ].join('\n');
}

const COLUMNS = 10;

/** SWD of the snapshots, or of every second or third where there are many; one row for each run. */
export function progressTable({ results }: Comparison): string {
  const all = results[0].snapshots.map(({ kimg }) => Math.floor(kimg));
  const step = Math.ceil(all.length / COLUMNS);
  const kimgs = all.filter((_, i) => (i + 1) % step === 0);
  const rows = results.map(({ run, snapshots }) => {
    const at = (kimg: number) => snapshots.find((each) => Math.floor(each.kimg) === kimg)?.swd.toFixed(1);
    return `| ${run.title} | ${kimgs.map((kimg) => at(kimg) ?? '').join(' | ')} |`;
  });
  return [`| SWD at kimg | ${kimgs.join(' | ')} |`, `| --- |${' ---: |'.repeat(kimgs.length)}`, ...rows].join(
    '\n',
  );
}

function curves(results: readonly FewResult[], key: 'swd' | 'repeated' | 'overfitting'): Line[] {
  return results.map(({ run, snapshots }, i) => ({
    label: run.title,
    color: COLORS[i],
    points: snapshots.map((snapshot: Measured) => [snapshot.kimg, snapshot[key]] as const),
  }));
}

function ticks(results: readonly FewResult[], key: 'real' | 'fake' | 'p'): Line[] {
  return results.map(({ run, ticks: all }, i) => ({
    label: run.title,
    color: COLORS[i],
    points: all.map((tick) => [tick.kimg, tick[key]] as const),
  }));
}

function level(label: string, y: number, kimg: number): Line {
  const points = [[0, y] as const, [kimg, y] as const];
  return { label, color: GRAY, points, dashed: true };
}

/** Distance to held-out pictures over training, beside what the training set would reach. */
export function distancePanel({ results, limits }: Comparison): Panel {
  const last = results[0].run.kimg;
  const lines = [...curves(results, 'swd'), level('the training set', limits.training.swd, last)];
  return { title: 'SWD × 1000 to held-out pictures: lower is better', lines };
}

export function signsPanel({ results }: Comparison, target: number): Panel {
  const kimg = results[0].run.kimg;
  const lines = [...ticks(results, 'real'), level(`target ${target}`, target, kimg)];
  return { title: "r_t: mean sign of D's output for real pictures", lines, range: [0, 1] };
}

export function strengthPanel({ results }: Comparison): Panel {
  return { title: 'p: strength of the augmentation', lines: ticks(results, 'p') };
}

export function overfittingPanel({ results }: Comparison): Panel {
  const lines = curves(results, 'overfitting');
  return { title: 'r_v: how far D rates unseen pictures as generated', lines };
}

/** Pictures beside each other, with their titles. */
export function gallery(pictures: readonly { readonly title: string; readonly path: string }[]): string {
  return [
    `| ${pictures.map(({ title }) => title).join(' | ')} |`,
    `|${' --- |'.repeat(pictures.length)}`,
    `| ${pictures.map(({ title, path }) => `![${title}](${path})`).join(' | ')} |`,
  ].join('\n');
}

/** An experiment's section: its numbers, then the chart and the pictures. */
export function measuredPart(title: string, comparison: Comparison, shown: readonly string[]): string {
  const tables = [numbersTable(comparison), progressTable(comparison)];
  return [`### ${title}`, ...tables, ...shown].join('\n\n');
}
