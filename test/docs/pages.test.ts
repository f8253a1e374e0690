// README and docs keep their word: links lead somewhere, commands and flags exist.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { COMMANDS, createProgram } from '../../src/cli/program.ts';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
const pages = ['README.md', ...docs.map((name) => `docs/${name}`)].map((name) => ({
  name,
  text: readFileSync(join(root, name), 'utf8'),
}));
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const helpOf = (script: string) =>
  execFileSync(process.execPath, ['--import', 'tsx', `scripts/${script}.ts`, '--help'], {
    cwd: root,
    encoding: 'utf8',
  });
const scriptHelp = ['start', 'lineage', 'few-pictures'].map(helpOf).join('\n');
const flagsIn = (text: string): string[] => text.match(/(?<![\w-])--[a-z][a-z\d-]*/g) ?? [];

/** Anchors of a page's headings, as they are made for links. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** `stylegan` command lines in code, without comments; those with `[…]` or `…` show a form rather than a command. */
function commandLines(text: string): string[] {
  const code = [...text.matchAll(/^(?: {4}|\$ )?(?:npx )?(stylegan [a-z].*)$/gm)];
  return code.map(([, line]) => line.replace(/ {2,}#.*$/, '').trim()).filter((line) => !/[[\]…]/.test(line));
}

/** Parses a command line with all its checks, but does nothing. */
async function parse(line: string): Promise<void> {
  const [, name, ...args] = line.split(/\s+/);
  const command = await COMMANDS[name]();
  command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} });
  await command.action(() => {}).parseAsync(args, { from: 'user' });
}

test('the pages are there', () => {
  expect(pages.length).toBeGreaterThan(7);
  expect(pages.flatMap(({ text }) => commandLines(text)).length).toBeGreaterThan(6);
});

describe.each(pages)('$name', ({ name, text }) => {
  test('links to what exists', () => {
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link);
    const dead = links
      .filter((link) => !/^https?:/.test(link))
      .filter((link) => {
        const [path, anchor] = link.split('#');
        const file = path === '' ? join(root, name) : join(root, dirname(name), path);
        if (!existsSync(file)) return true;
        return anchor !== undefined && !anchorsOf(readFileSync(file, 'utf8')).includes(anchor);
      });
    expect(dead).toEqual([]);
  });

  test('names files of the project that exist', () => {
    const named = [...text.matchAll(/`((?:src|test|scripts|bench|bin)\/[\w./-]+\.\w+)`/g)];
    expect(named.map(([, path]) => path).filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test('shows commands that parse', async () => {
    for (const line of commandLines(text)) await expect(parse(line), line).resolves.toBeUndefined();
  });

  test('names npm scripts and flags that exist', async () => {
    const run = [...text.matchAll(/npm run ([\w-]+)/g)].map(([, script]) => script);
    expect(run.filter((script) => !(script in scripts))).toEqual([]);
    const program = await createProgram(undefined);
    const known = [program, ...program.commands].flatMap((c: Command) => c.options.map((o) => o.long));
    const all = new Set([...known, ...flagsIn(scriptHelp), '--help']);
    expect(flagsIn(text).filter((flag) => !all.has(flag))).toEqual([]);
  });
});

test('a command with a wrong flag or without its file does not parse', async () => {
  await expect(parse('stylegan generate --network x --seeds 0 --truncation 1')).rejects.toThrow(
    'unknown option',
  );
  await expect(parse('stylegan generate --seeds 0')).rejects.toThrow("'--network <file>' not specified");
});

test('the library examples compile', () => {
  const examples = pages.filter(({ name }) => /README|styles-and-noise|labels/.test(name));
  const blocks = examples.flatMap(({ text }) =>
    [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => code),
  );
  expect(blocks.length).toBe(4);
  const entry = (code: string) => (code.includes('wasmUrl') ? 'browser' : 'index');
  const files = new Map(
    blocks.map((code, i) => [
      join(root, `example-${i}.ts`),
      `${code.replace("'stylegan'", `'./src/${entry(code)}.ts'`)}\nexport {};\n`,
    ]),
  );
  const config = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config;
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  const host = ts.createCompilerHost({ ...options, noUnusedLocals: false });
  const { readFile, fileExists } = host;
  host.readFile = (path) => files.get(path) ?? readFile(path);
  host.fileExists = (path) => files.has(path) || fileExists(path);
  const program = ts.createProgram([...files.keys()], { ...options, noUnusedLocals: false }, host);
  const messages = [...files.keys()].flatMap((path) => {
    const file = program.getSourceFile(path)!;
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
  });
  expect(messages.map((m) => ts.flattenDiagnosticMessageText(m.messageText, '\n'))).toEqual([]);
});
