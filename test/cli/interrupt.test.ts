// Ctrl-C as a terminal sends it, with npm's echo of it, and pressed again.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';

const source = new URL('../../src/cli/interrupt.ts', import.meta.url).href;
const CODE = `
  import { interruption, listenForInterrupts } from '${source}';
  listenForInterrupts();
  interruption.addEventListener('abort', () => console.log('asked to stop'));
  setInterval(() => {}, 1000);
  console.log('ready');`;

test('the echo of a Ctrl-C counts for nothing, and a second one stops at once', async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', CODE]);
  let output = '';
  const said = (word: string) => expect.poll(() => output, { timeout: 10_000 }).toContain(word);
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  await said('ready');
  child.kill('SIGINT');
  child.kill('SIGINT');
  await said('asked to stop');
  await sleep(700);
  expect(child.exitCode).toBeNull();
  child.kill('SIGINT');
  const [code] = await once(child, 'exit');
  expect(code).toBe(130);
});
