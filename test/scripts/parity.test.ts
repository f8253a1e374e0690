// The parity script passes on the reference files and fails on deviations, unknown kinds and broken files.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { percentileDraws } from '../../scripts/parity/augment.ts';
import { compare } from '../../scripts/parity/check.ts';
import { augment } from '../../src/augment/augment.ts';
import { drawAugmentation } from '../../src/augment/draw.ts';
import { PIPELINES, type PipelineName } from '../../src/augment/pipeline.ts';
import { readSafetensors, writeSafetensors } from '../../src/checkpoints/safetensors.ts';
import { Random } from '../../src/core/random.ts';
import { type FloatTensor, floatTensor, type Shape, sizeOf } from '../../src/core/tensor.ts';
import { input } from '../../src/graph/build.ts';
import { evaluate } from '../../src/graph/reference.ts';

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

  it('recomputes augmentations of other sizes, channels and percentiles, and refuses what is random', () => {
    const random = new Random(1, 'picture');
    const picture = (shape: Shape) => floatTensor(random.fillNormal(new Float32Array(sizeOf(shape))), shape);
    const [wide, gray] = [picture([3, 3, 12, 20]), picture([1, 1, 32, 32])];
    const made = (image: FloatTensor, pipeline: PipelineName, q: number) => {
      const transforms = PIPELINES[pipeline];
      const drawn = drawAugmentation(percentileDraws(q), transforms, 1, image.shape);
      const node = augment(input('image', image.shape), transforms, input);
      const [values] = evaluate([node], { image: image.data, ...drawn });
      return floatTensor(Float32Array.from(values), image.shape);
    };
    const tensors = new Map([
      ['in.img', wide],
      ['in.gray', gray],
      ['out.bgc@0.35', made(wide, 'bgc', 0.35)],
      ['out.gray_bgcf@0.9', made(gray, 'bgcf', 0.9)],
    ]);
    const file = (name: string) => {
      const path = join(folder, name);
      writeFileSync(path, Buffer.concat(writeSafetensors(tensors, { kind: 'augment' })));
      return path;
    };
    const good = file('augment-12x20');
    tensors.set('out.bgcfn@0.35', wide);
    const { lines } = parity(good, file('noise'));
    expect(lines[0]).toMatch(/^ok {3}augment-12x20: 2 tensors, worst /);
    expect(lines[1]).toMatch(/^FAIL .*out\.bgcfn@0\.35: noise has random pixels/);
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
