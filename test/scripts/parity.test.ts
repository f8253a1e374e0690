// The parity script passes on the reference files and fails on deviations, unknown kinds and broken files.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { compare } from '../../scripts/parity/check.ts';
import { readSafetensors, writeSafetensors } from '../../src/checkpoints/safetensors.ts';
import { floatTensor } from '../../src/core/tensor.ts';

const SEEDS = fileURLToPath(new URL('../fixtures/seeds.safetensors', import.meta.url));
const FILTERS = fileURLToPath(new URL('../fixtures/filters.safetensors', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'stylegan-parity-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function parity(...args: string[]) {
  const command = ['--import', 'tsx', 'scripts/parity.ts', ...args];
  const { status, stdout } = spawnSync(process.execPath, command, { cwd: ROOT, encoding: 'utf8' });
  return { status, lines: stdout.trimEnd().split('\n') };
}

describe('parity', () => {
  it('prints one line per file with the worst tensor', () => {
    const { status, lines } = parity(SEEDS, FILTERS);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(
      /^ok {3}seeds\.safetensors: 12 tensors, worst \S+ \d\.\d\de-\d+ \(limit 1e-4\)$/,
    );
    expect(lines[1]).toMatch(/^ok {3}filters\.safetensors: 10 tensors, worst /);
    expect(status).toBe(0);
  });

  it('fails on a deviation, an unknown kind, a broken and a missing file, and goes on to the next', () => {
    const { tensors, metadata } = readSafetensors(readFileSync(SEEDS), 'seeds');
    const latent = tensors.get('seed0.randn_512')!;
    (latent.data as Float32Array)[100] += 0.01;
    const file = (name: string, chunks: Uint8Array[]) => {
      writeFileSync(join(folder, name), Buffer.concat(chunks));
      return join(folder, name);
    };
    const { status, lines } = parity(
      file('off', writeSafetensors(tensors, metadata)),
      file('kind', writeSafetensors(tensors, { kind: 'toString' })),
      file('cut', [Uint8Array.of(1, 2, 3)]),
      join(folder, 'missing'),
      '--verbose',
      SEEDS,
    );
    const verdicts = lines.filter((line) => !line.startsWith('  '));
    expect(verdicts[0]).toMatch(/^FAIL off: 12 tensors, worst seed0\.randn_512 3\.\d\de-3/);
    expect(verdicts[1]).toMatch(/^FAIL .*got kind "toString", expected one of .*filters.*seeds/);
    expect(verdicts[2]).toMatch(/^FAIL .*cut is not a usable safetensors file/);
    expect(verdicts[3]).toMatch(/^FAIL cannot read .*missing/);
    expect(verdicts[4]).toMatch(/^ok {3}seeds/);
    expect(lines.filter((line) => line.startsWith('  '))).toHaveLength(24);
    expect(status).toBe(1);
  });
});

describe('compare', () => {
  const reference = floatTensor(Float32Array.of(1, -4), [2]);

  it('is relative to the largest element, with the limit of the role', () => {
    expect(compare('out.x', [1, -4.002], reference)).toMatchObject({ limit: 1e-4 });
    expect(compare('out.x', [1, -4.002], reference).error).toBeCloseTo(5e-4, 10);
    expect(compare('grad.Gmain.x', [1, -4], reference)).toMatchObject({ error: 0, limit: 1e-3 });
  });

  it('never passes NaN or another length', () => {
    expect(compare('a', [1, Number.NaN], reference).error).toBe(Number.POSITIVE_INFINITY);
    expect(compare('a', [1], reference).error).toBe(Number.POSITIVE_INFINITY);
    expect(compare('a', [0.5], floatTensor(Float32Array.of(0), [1])).error).toBe(0.5);
  });
});
