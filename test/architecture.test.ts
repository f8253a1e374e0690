// The structure that docs and design promise: rooms import one way, platforms stay in files named for them.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const sourceRoot = join(root, 'src');

/** What each room of src/ may import, from the table in the design, beside what those rooms may import themselves. */
function readRooms(): Record<string, readonly string[]> {
  const design = readFileSync(join(root, 'docs/design.md'), 'utf8');
  const rows = [...design.matchAll(/^\| `src\/(\w+)` \|.*\| ([\w, ]+) \|$/gm)];
  const rooms = rows.map(([, room]) => room);
  const listed = (cell: string): readonly string[] => {
    if (cell === 'nothing') return [];
    return cell === 'all of it' ? rooms : cell.split(', ');
  };
  return Object.fromEntries(rows.map(([, room, cell]) => [room, listed(cell)]));
}

const mayImport = readRooms();

/** The training loop may be longer than other files, in commented stages. */
const MAX_LINES = 400;
const longFiles = new Set(['training/loop.ts']);

interface SourceFile {
  /** Relative to src/, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** As written: './node.ts', 'zod', 'node:fs'. */
  readonly imports: readonly string[];
}

const sources: readonly SourceFile[] = readdirSync(sourceRoot, { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.ts'))
  .sort()
  .map((path) => {
    const text = readFileSync(join(sourceRoot, path), 'utf8');
    const imports = ts.preProcessFile(text, true, true).importedFiles.map((file) => file.fileName);
    return { path, text, imports };
  });

/** Files of src/ that a file imports. */
function targets({ path, imports }: SourceFile): string[] {
  return imports
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) =>
      relative(sourceRoot, resolve(sourceRoot, dirname(path), specifier)).replaceAll('\\', '/'),
    );
}

const roomOf = (path: string): string => (path.includes('/') ? path.slice(0, path.indexOf('/')) : '');

function reachable(room: string): Set<string> {
  const rooms = new Set([room]);
  for (const next of rooms) for (const other of mayImport[next]) rooms.add(other);
  return rooms;
}

const isCommandLine = (path: string): boolean => path.startsWith('cli/');

test('there is something to check', () => {
  expect(mayImport.core).toEqual([]);
  expect(mayImport.cli).toContain('training');
  expect(Object.values(mayImport).flatMap((rooms) => rooms.filter((room) => !(room in mayImport)))).toEqual(
    [],
  );
  expect(sources.length).toBeGreaterThan(20);
  expect(sources.flatMap(targets).length).toBeGreaterThan(20);
});

describe('imports', () => {
  test('have no way back in the table of rooms', () => {
    const pairs = Object.entries(mayImport).flatMap(([room, others]) => others.map((other) => [room, other]));
    const back = pairs.filter(([room, other]) => room !== other && reachable(other).has(room));
    expect(back).toEqual([]);
  });

  test('point one way between rooms', () => {
    const wrong = sources
      .filter(({ path }) => roomOf(path) !== '')
      .flatMap((file) => {
        const allowed = reachable(roomOf(file.path));
        return targets(file)
          .filter((target) => !allowed.has(roomOf(target)))
          .map((target) => `${file.path} imports ${target}`);
      });
    expect(wrong).toEqual([]);
  });

  test('every room is in the table', () => {
    const rooms = new Set(sources.map(({ path }) => roomOf(path)).filter((room) => room !== ''));
    expect([...rooms].filter((room) => !(room in mayImport))).toEqual([]);
  });

  test('make no cycle between files', () => {
    const files = new Map(sources.map((file) => [file.path, targets(file)]));
    const state = new Map<string, 'open' | 'done'>();
    const cycles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (state.get(path) === 'open') cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
      if (state.has(path)) return;
      state.set(path, 'open');
      for (const target of files.get(path) ?? []) visit(target, [...trail, path]);
      state.set(path, 'done');
    };
    for (const path of files.keys()) visit(path, []);
    expect(cycles).toEqual([]);
  });

  test('name files that exist, with their extension', () => {
    const known = new Set(sources.map(({ path }) => path));
    const missing = sources.flatMap((file) =>
      targets(file)
        .filter((target) => !target.startsWith('..') && !target.endsWith('.json') && !known.has(target))
        .map((target) => `${file.path} imports ${target}`),
    );
    expect(missing).toEqual([]);
  });

  test('of Node and its native packages stay in *.node.ts and the command line', () => {
    const isNode = (specifier: string) => /^(node:|sharp$|onnxruntime-node$)/.test(specifier);
    const wrong = sources
      .filter(({ path }) => !path.endsWith('.node.ts') && !isCommandLine(path))
      .flatMap(({ path, imports }) =>
        imports.filter(isNode).map((specifier) => `${path} imports ${specifier}`),
      );
    expect(wrong).toEqual([]);
  });

  test('of *.node.ts stay in *.node.ts, the command line and the entry for Node', () => {
    const isNodeFile = (path: string) =>
      path.endsWith('.node.ts') || isCommandLine(path) || path === 'index.ts';
    const wrong = sources
      .filter(({ path }) => !isNodeFile(path))
      .flatMap((file) =>
        targets(file)
          .filter((target) => target.endsWith('.node.ts'))
          .map((target) => `${file.path} imports ${target}`),
      );
    expect(wrong).toEqual([]);
  });

  test('of onnxruntime-web stay in *.web.ts', () => {
    const wrong = sources
      .filter(
        ({ path, imports }) => !path.endsWith('.web.ts') && imports.some((s) => /^onnxruntime-web\b/.test(s)),
      )
      .map(({ path }) => path);
    expect(wrong).toEqual([]);
  });
});

describe('files', () => {
  test('draw random numbers from seeded generators only', () => {
    expect(
      sources.filter(({ text }) => /Math\s*\.\s*random\s*\(/.test(text)).map(({ path }) => path),
    ).toEqual([]);
  });

  test(`have at most ${MAX_LINES} lines`, () => {
    const long = sources
      .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
      .filter(({ path, lines }) => lines > MAX_LINES && !longFiles.has(path))
      .map(({ path, lines }) => `${path} has ${lines} lines`);
    expect(long).toEqual([]);
  });

  test('open with a comment that says what they are for', () => {
    const silent = sources
      .filter(({ text }) => !/^(#!.*\n)?(\/\/ \S|\/\*\*)/.test(text))
      .map(({ path }) => path);
    expect(silent).toEqual([]);
  });
});
