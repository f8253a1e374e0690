// Runs the tour in docs/engine.md as a reader would, and compares what it prints with what the page shows.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const page = join(root, 'docs/engine.md');
const SEPARATOR = '~~~ end of block ~~~';

interface Step {
  readonly heading: string;
  readonly code: string;
  /** What the page shows below the code; empty where it shows nothing. */
  readonly shown: string;
}

/** Code blocks in order, each with the output block that follows it before the next one. */
function stepsOf(markdown: string): Step[] {
  const steps: Step[] = [];
  let heading = '';
  for (const [, title, language, body] of markdown.matchAll(/^## (.*)$|^```(\w+)\n([\s\S]*?)^```$/gm)) {
    if (title !== undefined) heading = title;
    else if (language === 'ts') steps.push({ heading, code: body, shown: '' });
    else if (language === 'text') steps.push({ ...steps.pop()!, shown: body });
  }
  return steps;
}

const steps = stepsOf(await readFile(page, 'utf8'));
let folder = '';
let printed: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'engine-tour-'));
  const file = join(folder, 'tour.mts');
  const sources = pathToFileURL(join(root, 'src')).href;
  const code = steps.map((step) => `${step.code}console.log('${SEPARATOR}');\n`).join('\n');
  await writeFile(file, code.replaceAll("'../src/", `'${sources}/`));
  const run = await promisify(execFile)(process.execPath, ['--import', 'tsx', file], { cwd: root });
  printed = run.stdout.split(`${SEPARATOR}\n`);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test('the page has code in each part of the tour', () => {
  expect(steps.length).toBeGreaterThan(4);
  expect(new Set(steps.map((step) => step.heading)).size).toBe(4);
});

describe('prints what the page shows', () => {
  test.each(steps.map((step, i) => [i, step.heading] as const))('block %i, %s', (i) => {
    expect(printed[i]).toBe(steps[i].shown);
  });
});
