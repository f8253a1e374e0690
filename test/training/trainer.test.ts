// Training steps: a batch in parts is the whole batch, phases keep their intervals, averages follow, NaN stops.

import { afterAll, describe, expect, it } from 'vitest';
import { viewsOf } from '../../src/checkpoints/network-file.ts';
import { DivergenceError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import type { Batch } from '../../src/data/batches.ts';
import { input } from '../../src/graph/build.ts';
import { evaluate } from '../../src/graph/reference.ts';
import { parameterInputs } from '../../src/models/network-graph.ts';
import { createModel } from '../../src/models/registry.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';
import { averageBeta } from '../../src/training/adam.ts';
import { networkConfigOf, resolveOptions, type TrainingOptions } from '../../src/training/options.ts';
import { buildPhases } from '../../src/training/phases.ts';
import { TrainingState } from '../../src/training/state.ts';
import { phaseOptions, Trainer } from '../../src/training/trainer.ts';
import { TINY, TINY_ENGINE } from './tiny-run.ts';

const DATA = { resolution: 8, channels: 3, labelDim: 2 };
const IMAGE = 3 * 8 * 8;
/** Too small a rate to move any weight: what follows depends on the initial weights alone. */
const STILL = { glr: 1e-12, dlr: 1e-12 };

const engine = await openEngine(TINY_ENGINE);
afterAll(() => engine.close());

const optionsOf = (changes: Partial<TrainingOptions>): TrainingOptions =>
  resolveOptions({ ...TINY, batch: 8, batchGpu: 8, ...changes }, DATA);

const modelOf = (options: TrainingOptions) => createModel(networkConfigOf(options, DATA));

/** Images of noise; labels in turn. */
function batchOf(count: number): Batch {
  const images = new Random(1, 'images').fillNormal(new Float32Array(count * IMAGE));
  const labels = new Float32Array(2 * count);
  for (let i = 0; i < count; i++) labels[2 * i + (i % 2)] = 1;
  return { images, labels };
}

async function open(options: TrainingOptions): Promise<{ state: TrainingState; trainer: Trainer }> {
  const state = new TrainingState(modelOf(options), options.seed, { p: options.p ?? 0 });
  let drawn = 0;
  const label = () => (drawn++ % 2 === 0 ? Float32Array.of(1, 0) : Float32Array.of(0, 1));
  return { state, trainer: await Trainer.open(engine, state, options, label) };
}

/** Largest difference, relative to the largest element of `expected`. */
function relativeError(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(got.length).toBe(expected.length);
  let [largest, worst] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]));
    worst = Math.max(worst, Math.abs(got[i] - expected[i]));
  }
  expect(largest).toBeGreaterThan(0);
  return worst / largest;
}

describe('a batch in parts', () => {
  it('has the gradient of R1 of the whole, where its groups are those of the whole', async () => {
    const { images, labels } = batchOf(8);
    const gradientOf = async (batch: number, rows: readonly number[]) => {
      const options = optionsOf({ batchGpu: batch, mbstdGroup: 4 });
      const state = new TrainingState(modelOf(options), 3);
      const phase = buildPhases(state.model, phaseOptions(options)).find(({ name }) => name === 'Dreg')!;
      const feeds: Record<string, Float32Array> = {};
      for (const [name, { data }] of state.networkFile().D!) feeds[`D.${name}`] = data;
      const take = (data: Float32Array, width: number) =>
        Float32Array.from(rows.flatMap((row) => [...data.subarray(row * width, (row + 1) * width)]));
      feeds.real = take(images, IMAGE);
      feeds.realC = take(labels, 2);
      return (await (await engine.compile(phase.graph)).run(feeds)).grad;
    };
    // Images n, n + N/G, … form a group: 0, 2, 4, 6 and 1, 3, 5, 7 of eight.
    const whole = await gradientOf(8, [0, 1, 2, 3, 4, 5, 6, 7]);
    const parts = [await gradientOf(4, [0, 2, 4, 6]), await gradientOf(4, [1, 3, 5, 7])];
    const mean = parts[0].map((g, i) => (g + parts[1][i]) / 2);
    expect(relativeError(mean, whole)).toBeLessThan(1e-5);
    const otherGroups = await gradientOf(4, [0, 1, 2, 3]);
    expect(relativeError(otherGroups, parts[0])).toBeGreaterThan(1e-3);
  });

  it('takes the step of the whole', async () => {
    // Without mixing and path length both draw the same latents in the same order. Their noise differs, but its
    // strength is 0 at the start, so that only the gradients of the strengths see it.
    const plain = { ...STILL, styleMixing: 0, plWeight: 0, mbstdGroup: 1 };
    const [whole, parts] = [await open(optionsOf(plain)), await open(optionsOf({ ...plain, batchGpu: 2 }))];
    for (const { trainer } of [whole, parts]) await trainer.step(batchOf(8));
    // After one step the second moments are squared gradients.
    expect(relativeError(parts.state.D.adam.v, whole.state.D.adam.v)).toBeLessThan(1e-5);
    const moments = ({ state }: typeof whole) =>
      [...viewsOf(state.G.trained, state.G.adam.v)].filter(([name]) => !name.endsWith('noise_strength'));
    const expected = new Map(moments(whole));
    for (const [name, { data }] of moments(parts))
      expect(relativeError(data, expected.get(name)!.data), name).toBeLessThan(1e-4);
    const means = parts.state.statistics.means();
    for (const [name, value] of Object.entries(whole.state.statistics.means()))
      if (!name.includes('Gmain')) expect(means[name], name).toBeCloseTo(value, 4);
  });
});

describe('a step', () => {
  it('runs the regularizers every 4 and every 16 steps, and all of one network through one optimizer', async () => {
    const { state, trainer } = await open(optionsOf({ batch: 4, batchGpu: 4 }));
    for (let step = 0; step < 17; step++) await trainer.step(batchOf(4));
    const counts = Object.fromEntries(state.statistics.snapshot().map(([name, { count }]) => [name, count]));
    expect(counts).toMatchObject({
      'Loss/G/loss': 17,
      'Loss/pl_penalty': 5,
      'Loss/D/loss': 17,
      'Loss/r1_penalty': 2,
      'Gradient/Gpl/norm': 5,
      'Gradient/Dreg/norm': 2,
    });
    expect([state.G.adam.steps, state.D.adam.steps]).toEqual([22, 19]);
    expect([state.images, state.batches, state.kimg]).toEqual([68, 17, 0.068]);
    expect(state.plMean).toBeGreaterThan(0);
  });

  it('leaves out regularizers of weight 0', async () => {
    const { state, trainer } = await open(optionsOf({ plWeight: 0, gamma: 0 }));
    await trainer.step(batchOf(8));
    const names = Object.keys(state.statistics.means());
    expect(names.filter((name) => /pl_|Gpl|r1|Dreg/.test(name))).toEqual([]);
    expect(names).toContain('Loss/signs/real');
  });

  it('moves the strength of the augmentation every four steps, by the signs of all parts of the batches', async () => {
    const rule = { target: 0.1, adaKimg: 0.5 };
    const { state, trainer } = await open(
      optionsOf({ ...STILL, aug: 'ada', ...rule, batchGpu: 4, plWeight: 0 }),
    );
    state.augment = { p: 0.5, signs: 0, count: 0 };
    for (let step = 1; step <= 4; step++) {
      expect(state.augment.p).toBe(0.5);
      await trainer.step(batchOf(8));
    }
    const mean = state.statistics.means()['Loss/signs/real'];
    const p = 0.5 + (Math.sign(mean - rule.target) * 32) / 500;
    expect(state.augment).toEqual({ p, signs: 0, count: 0 });
    await trainer.step(batchOf(8));
    expect(state.augment).toMatchObject({ p, count: 8 });
  });

  it.each([0, 0.25])('keeps a constant strength, %d', async (p) => {
    const { state, trainer } = await open(optionsOf(p === 0 ? {} : { aug: 'fixed', p }));
    for (let step = 0; step < 4; step++) await trainer.step(batchOf(8));
    expect(state.augment).toEqual({ p, signs: 0, count: 0 });
  });

  it('averages the generator, from the first step on with a ramp', async () => {
    const options = optionsOf({ emaKimg: 0.05, emaRampup: 0.5 });
    const { state, trainer } = await open(options);
    await trainer.step(batchOf(8));
    expect(state.average).toEqual(state.G.parameters);
    const before = state.average.slice();
    await trainer.step(batchOf(8));
    const beta = averageBeta(8, 8, 0.05, 0.5);
    expect(beta).toBe(0.25);
    const expected = before.map((value, i) => beta * value + (1 - beta) * state.G.parameters[i]);
    expect(relativeError(state.average, expected)).toBeLessThan(1e-6);
  });

  it('follows the average of w with every latent that is mapped, mixed ones aside', async () => {
    const options = optionsOf({ ...STILL, plWeight: 0 });
    const { state, trainer } = await open(options);
    await trainer.step(batchOf(8));
    const p = parameterInputs(state.model.generator, 'G.');
    const w = state.model.mapping(p, input('z', [8, 8]), input('c', [8, 2]));
    const random = new Random(options.seed, 'latents');
    const draw = () => random.fillNormal(new Float32Array(64));
    const wAvg = new Float64Array(8);
    for (const _phase of ['Gmain', 'Dmain']) {
      const feeds: Record<string, Float32Array> = { z: draw(), c: batchOf(8).labels };
      draw(); // the latents mixed in
      for (const [name, { data }] of state.networkFile().G!) feeds[`G.${name}`] = data;
      const [rows] = evaluate([w], feeds);
      for (let i = 0; i < 8; i++) {
        let mean = 0;
        for (let n = 0; n < 8; n++) mean += rows[8 * n + i] / 8;
        wAvg[i] = 0.995 * wAvg[i] + 0.005 * mean;
      }
    }
    const stored = state.networkFile().G_ema.get('mapping.w_avg')!.data;
    expect(relativeError(stored, wAvg)).toBeLessThan(1e-5);
  });

  it('changes with the seed, and with nothing else', async () => {
    const stateAfter = async (seed: number) => {
      const { state, trainer } = await open(optionsOf({ seed }));
      await trainer.step(batchOf(8));
      return Buffer.concat(state.encode('')).toString('base64');
    };
    const first = await stateAfter(1);
    expect(await stateAfter(1)).toBe(first);
    expect(await stateAfter(2)).not.toBe(first);
  });
});

describe('divergence', () => {
  it.each([
    ['a weight of G', (state: TrainingState) => state.G.parameters, /Loss\/G\/loss \(Gmain\) is not finite/],
    ['a weight of D', (state: TrainingState) => state.D.parameters, /Loss\/G\/loss \(Gmain\) is not finite/],
  ])('is noticed in %s, and told in one line', async (_name, arrayOf, message) => {
    const { state, trainer } = await open(optionsOf({}));
    arrayOf(state).fill(Number.NaN, 0, 1);
    const stepped = trainer.step(batchOf(8));
    await expect(stepped).rejects.toThrow(DivergenceError);
    await expect(stepped).rejects.toThrow(message);
    await expect(stepped).rejects.toThrow(/^training diverged at 0\.000 kimg: [^\n]*--gamma[^\n]*--outdir$/);
  });

  it('is noticed in a gradient before it reaches the statistics', async () => {
    const { state, trainer } = await open(optionsOf({}));
    const { images, labels } = batchOf(8);
    images[0] = 1e30;
    await expect(trainer.step({ images, labels })).rejects.toThrow(DivergenceError);
    for (const value of Object.values(state.statistics.means())) expect(Number.isFinite(value)).toBe(true);
  });
});
