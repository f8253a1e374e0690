// The program answers every mistake with one line and exit code 1, and helps with examples.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runProgram } from './run-program.ts';

const FIXTURE = fileURLToPath(new URL('../fixtures/filters.safetensors', import.meta.url));
const PROGRAM = fileURLToPath(new URL('../../bin/stylegan.js', import.meta.url));

describe.concurrent('stylegan', () => {
  it.each([
    ['generate --seed 3', "error: unknown option '--seed'\n(Did you mean --seeds?)\n"],
    ['generate --network x', "error: required option '--seeds <list>' not specified\n"],
    [
      'generate --network x --seeds 3-',
      'error: got --seeds "3-", expected numbers and ranges such as 0-35,40\n',
    ],
    ['generate --network nosuch.safetensors --seeds 3', /^error: .*nosuch\.safetensors: no such file.*\n$/],
    [
      'video --network x --seeds 1 --grid 2',
      "error: option '--grid <CxR>' argument '2' is invalid. Expected columns x rows, such as 4x2.\n",
    ],
    ['mixx', "error: unknown command 'mixx'\n(Did you mean mix?)\n"],
    ['info nosuch.safetensors', 'error: cannot read nosuch.safetensors: no such file or folder\n'],
  ])('answers "%s"', async (args, expected) => {
    const { code, stdout, stderr } = await runProgram(args.split(' '));
    expect(stderr).toMatch(expected);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });

  it('helps with examples for every command', async () => {
    const { code, stdout } = await runProgram(['--help']);
    expect(code).toBe(0);
    const commands = [...stdout.matchAll(/^ {2}(\w+) .*(?:\[options\])/gm)].map((match) => match[1]);
    expect(commands).toEqual(expect.arrayContaining(['generate', 'mix', 'video', 'info']));
    const helps = await Promise.all(commands.map((command) => runProgram([command, '--help'])));
    for (const [i, help] of helps.entries()) {
      expect(help.code).toBe(0);
      expect(help.stdout).toMatch(new RegExp(`Examples:\\n {2}stylegan ${commands[i]} `));
    }
  });

  it('shows what a file holds, as text and as JSON', async () => {
    const [text, json] = await Promise.all([
      runProgram(['info', FIXTURE]),
      runProgram(['info', FIXTURE, '--json']),
    ]);
    expect(text.stdout).toMatch(/kind: filters/);
    expect(text.stdout).toMatch(/^total +1,562$/m);
    expect(JSON.parse(json.stdout)).toMatchObject({ metadata: { kind: 'filters' }, parameters: 1562 });
  });

  it('is quiet when its reader leaves', () => {
    const { status, stderr } = spawnSync(
      'sh',
      ['-c', `"${process.execPath}" "${PROGRAM}" info "${FIXTURE}" | :`],
      {
        encoding: 'utf8',
      },
    );
    expect(status).toBe(0);
    expect(stderr).toBe('');
  });
});
