// The program answers every mistake with one line and exit code 1, and helps with examples.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/program.ts';
import { runProgram } from './run-program.ts';

const FIXTURE = fileURLToPath(new URL('../fixtures/filters.safetensors', import.meta.url));
const PROGRAM = fileURLToPath(new URL('../../bin/stylegan.js', import.meta.url));

describe.concurrent('stylegan', () => {
  it.each([
    ['generate --seed 3', "error: unknown option '--seed'\n(Did you mean --seeds?)\n"],
    [
      'generate --network x --seeds 3-',
      'error: got --seeds "3-", expected numbers and ranges such as 0-35,40\n',
    ],
    ['generate --network nosuch.safetensors --seeds 3', /^error: .*nosuch\.safetensors: no such file.*\n$/],
    ['mixx', "error: unknown command 'mixx'\n(Did you mean mix?)\n"],
    ['info nosuch.safetensors', 'error: cannot read nosuch.safetensors: no such file or folder\n'],
  ])('answers "%s"', async (args, expected) => {
    const { code, stdout, stderr } = await runProgram(args.split(' '));
    expect(stderr).toMatch(expected);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });

  it('lists its commands', async () => {
    const { code, stdout } = await runProgram(['--help']);
    expect(code).toBe(0);
    for (const name of Object.keys(COMMANDS)) expect(stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'));
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

describe('commands', () => {
  it.each(Object.keys(COMMANDS))('%s helps with examples', async (name) => {
    const command = await COMMANDS[name]();
    let help = '';
    command.configureOutput({
      writeOut(text) {
        help += text;
      },
    });
    command.outputHelp();
    expect(command.name()).toBe(name);
    expect(help).toMatch(new RegExp(`Examples:\\n {2}stylegan ${name} `));
  });

  it.each([
    ['generate --network x', "error: required option '--seeds <list>' not specified"],
    [
      'video --network x --seeds 1 --grid 2',
      "error: option '--grid <CxR>' argument '2' is invalid. Expected columns x rows, such as 4x2.",
    ],
    ['mix --network x --rows 1 --cols 1 --trunc high', /argument 'high' is invalid. Expected a number.$/],
    ['generate --network x --seeds 1 --trunc-cutoff 0.5', /Expected a whole number of at least 0.$/],
    ['generate --network x --seeds 1 --device gpu', /Allowed choices are auto, cpu, webgpu, cuda.$/],
  ])('refuses "%s"', async (line, message) => {
    const [name, ...args] = line.split(' ');
    const command = await COMMANDS[name]();
    command.exitOverride().configureOutput({ writeErr() {} });
    await expect(command.parseAsync(args, { from: 'user' })).rejects.toThrow(message);
  });
});
