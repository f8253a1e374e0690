// The comparison page: a table of numbers and the pictures beside each other.

import { cpus } from 'node:os';
import type { LineageResult } from './results.ts';

export interface PageFacts {
  readonly kimg: number;
  /** SWD × 1000 between two sets of real images: the best that can be asked for. */
  readonly realSwd: Readonly<Record<string, number>>;
  readonly num: number;
  /** Folder of the pictures, as the page links to it. */
  readonly images: string;
}

const AVERAGE = 'SWDx1e3_avg';
const millions = (count: number): string => `${(count / 1e6).toFixed(2)} M`;

function row({ run, ...result }: LineageResult, levels: readonly string[]): string {
  const last = result.swd.at(-1)!.results;
  const halfway = result.swd.at(-2)?.results[AVERAGE];
  return [
    run.title,
    run.adds,
    millions(result.parametersG),
    millions(result.parametersD),
    result.secPerKimg.toFixed(1),
    result.deviation.toFixed(2),
    ...levels.map((level) => last[level].toFixed(1)),
    halfway?.toFixed(1) ?? '',
    last[AVERAGE].toFixed(1),
  ].join(' | ');
}

/** Pictures in rows of three, with their titles. */
function gallery(results: readonly LineageResult[], images: string): string {
  const lines: string[] = [];
  for (let i = 0; i < results.length; i += 3) {
    const three = results.slice(i, i + 3);
    lines.push(`| ${three.map(({ run }) => run.title).join(' | ')} |`);
    if (i === 0) lines.push(`|${' --- |'.repeat(3)}`);
    lines.push(`| ${three.map(({ run }) => `![${run.title}](${images}/${run.name}.webp)`).join(' | ')} |`);
  }
  return lines.join('\n');
}

/** The part of docs/lineage.md that is measured, in Markdown. */
export function lineageTables(results: readonly LineageResult[], facts: PageFacts): string {
  const levels = Object.keys(facts.realSwd).filter((level) => level !== AVERAGE);
  const names = levels.map((level) => `SWD ${level.replace('SWDx1e3_', '')}²`);
  const header = [
    'Network',
    'What it adds',
    'G',
    'D',
    's/kimg',
    'Deviation',
    ...names,
    'SWD, half way',
    'SWD',
  ];
  const real = ['Real images', '', '', '', '', '1.00', ...levels.map((l) => facts.realSwd[l].toFixed(1)), ''];
  return [
    `${facts.kimg} kimg each, ${facts.num} images for each SWD (× 1000), ${cpus().length} cores (${cpus()[0].model.trim()}).`,
    '',
    `| ${header.join(' | ')} |`,
    `| --- | --- |${' ---: |'.repeat(header.length - 2)}`,
    ...results.map((result) => `| ${row(result, levels)} |`),
    `| ${real.join(' | ')} | ${facts.realSwd[AVERAGE].toFixed(1)} |`,
    '',
    gallery(results, facts.images),
  ].join('\n');
}
