// A run that grows: what each stage trains, feeds and compiles, and when its optimizers forget.

import { afterAll, describe, expect, it } from 'vitest';
import { viewsOf } from '../../src/checkpoints/network-file.ts';
import { Random } from '../../src/core/random.ts';
import type { Batch } from '../../src/data/batches.ts';
import type { Graph } from '../../src/graph/node.ts';
import { createModel } from '../../src/models/registry.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';
import type { Engine, Feeds, Session } from '../../src/runtime/engine.ts';
import { imagesAtLod } from '../../src/training/growth.ts';
import { networkConfigOf, resolveOptions, type TrainingRequest } from '../../src/training/options.ts';
import { type NetworkState, TrainingState } from '../../src/training/state.ts';
import { Trainer } from '../../src/training/trainer.ts';
import { TINY_ENGINE } from './tiny-run.ts';

const DATA = { resolution: 8, channels: 3, labelDim: 0 };
/** Four steps at 4², a fade of four, then 8². The first resolution has larger batches. */
const GROWING: TrainingRequest = {
  cfg: 'stylegan',
  startRes: 4,
  stableKimg: 0.032,
  fadeKimg: 0.016,
  batch: 4,
  resBatch: { 4: 8 },
  mbstdGroup: 2,
  cbase: 64,
  cmax: 8,
  zDim: 8,
  wDim: 8,
  mapDepth: 2,
  styleMixing: 1,
};
/** Level of detail of each step of it: 32 images at 4², one step more at the end of that phase, a fade, and the rest. */
const LODS = [1, 1, 1, 1, 1, 0.5, 0.25, 0, 0, 0];

const engine = await openEngine(TINY_ENGINE);
afterAll(() => engine.close());

/** The engine itself, with a record of what lives in it and of what runs are fed. */
class Watched implements Engine {
  readonly device = engine.device;
  readonly target = engine.target;
  readonly live = new Set<Session>();
  compiled = 0;
  fed: Feeds[] = [];

  async compile(graph: Graph): Promise<Session> {
    const session = await engine.compile(graph);
    const { inputs, outputs } = session;
    const watched: Session = {
      inputs,
      outputs,
      run: (feeds) => {
        this.fed.push(Object.fromEntries(Object.entries(feeds).map(([name, data]) => [name, data.slice()])));
        return session.run(feeds);
      },
    };
    this.live.add(watched);
    this.compiled++;
    this.sessions.set(watched, session);
    return watched;
  }

  async release(session: Session): Promise<void> {
    this.live.delete(session);
    await engine.release(this.sessions.get(session)!);
  }

  async close(): Promise<void> {}

  private readonly sessions = new Map<Session, Session>();
}

async function open(changes: TrainingRequest = {}) {
  const options = resolveOptions({ ...GROWING, ...changes }, DATA);
  const model = createModel(networkConfigOf(options, DATA));
  const state = new TrainingState(model, 3, { lod: 1, beta1: options.beta1 });
  const watched = new Watched();
  const trainer = await Trainer.open(watched, state, options, () => new Float32Array(0));
  return { state, trainer, watched };
}

const pixels = new Random(1, 'images');
const batchOf = (count: number): Batch => ({
  images: pixels.fillNormal(new Float32Array(count * 3 * 64)),
  labels: new Float32Array(0),
});

const valuesOf = ({ trained, parameters }: NetworkState): Map<string, number[]> =>
  new Map([...viewsOf(trained, parameters)].map(([name, { data }]) => [name, [...data]]));

/** Names of the tensors that changed. */
function changed(before: Map<string, number[]>, after: Map<string, number[]>): string[] {
  return [...after].filter(([name, data]) => String(data) !== String(before.get(name))).map(([name]) => name);
}

describe('each step', () => {
  it('has its level of detail, batch and real images, and a fade where there is one', async () => {
    const { state, trainer, watched } = await open();
    for (const lod of LODS) {
      expect(trainer.lod).toBeCloseTo(lod, 12);
      expect(trainer.batch).toBe(lod === 1 ? 8 : 4);
      const batch = batchOf(trainer.batch);
      watched.fed = [];
      await trainer.step(batch);
      expect(state.lod).toBeCloseTo(lod, 12);
      expect(watched.fed).toHaveLength(2);
      for (const feeds of watched.fed) {
        expect(feeds.real).toEqual(imagesAtLod(batch.images, 8, lod));
        expect(feeds.fade).toEqual(lod % 1 > 0 ? Float32Array.of(lod) : undefined);
      }
    }
    expect(state.images).toBe(5 * 8 + 5 * 4);
  });

  it('mixes styles within the layers that its level has', async () => {
    const { trainer, watched } = await open();
    const crossovers: Record<string, Set<number>> = { 1: new Set(), 0: new Set() };
    for (let step = 0; step < 30; step++) {
      watched.fed = [];
      const level = Math.floor(trainer.lod);
      await trainer.step(batchOf(trainer.batch));
      for (const { mix } of watched.fed) {
        const start = mix.indexOf(1);
        expect([...mix]).toEqual([0, 1, 2, 3].map((layer) => (layer >= start ? 1 : 0)));
        crossovers[level].add(start);
      }
    }
    expect([...crossovers[1]]).toEqual([1]);
    expect([...crossovers[0]].sort()).toEqual([1, 2, 3]);
  });

  it('moves the parameters of its stage, and no others', async () => {
    const { state, trainer } = await open({ styleMixing: 0, beta1: 0.5 });
    for (const lod of LODS) {
      const before = [valuesOf(state.G), valuesOf(state.D)];
      await trainer.step(batchOf(trainer.batch));
      const [g, d] = [changed(before[0], valuesOf(state.G)), changed(before[1], valuesOf(state.D))];
      const outside = (name: string): boolean =>
        lod === 1 ? /8x8|RGB_lod0/.test(name) : lod === 0 && /RGB_lod1/.test(name);
      expect(g, `lod ${lod}`).toEqual([...before[0].keys()].filter((name) => !outside(name)));
      expect(d, `lod ${lod}`).toEqual([...before[1].keys()].filter((name) => !outside(name)));
    }
  });
});

describe('the optimizers', () => {
  it('forget when a resolution starts to fade in and when it has, and at no other time', async () => {
    const { state, trainer } = await open({ beta1: 0.5 });
    const steps: number[] = [];
    const forgotten: boolean[] = [];
    for (let step = 0; step < LODS.length; step++) {
      for (const { m, v } of [state.G.adam, state.D.adam]) {
        m!.fill(1e12);
        v.fill(1e30);
      }
      await trainer.step(batchOf(trainer.batch));
      steps.push(state.G.adam.steps);
      expect(state.D.adam.steps).toBe(state.G.adam.steps);
      const largest = [state.G.adam, state.D.adam].map(({ m, v }) => Math.max(...m!, ...v));
      expect(largest[0] < 1e10).toBe(largest[1] < 1e10);
      forgotten.push(largest[0] < 1e10);
    }
    expect(steps).toEqual([1, 2, 3, 4, 5, 1, 2, 1, 2, 3]);
    expect(forgotten.flatMap((is, step) => (is ? [step] : []))).toEqual([5, 7]);
  });
});

describe('sessions', () => {
  /** How many are compiled and alive after each step. */
  async function lives(changes: TrainingRequest, count: number): Promise<[compiled: number, live: number][]> {
    const { trainer, watched } = await open(changes);
    const seen: [number, number][] = [[watched.compiled, watched.live.size]];
    for (let step = 0; step < count; step++) {
      await trainer.step(batchOf(trainer.batch));
      seen.push([watched.compiled, watched.live.size]);
    }
    return seen;
  }

  it('of the next stage are there before it begins, and those of the last one go when it has ended', async () => {
    // Two phases, G and D: those of 4² at once; of the fade one a step; of 8² one a step of the fade.
    const seen = await lives({}, 10);
    expect(seen.slice(0, 6)).toEqual([
      [2, 2],
      [3, 3],
      [4, 4],
      [4, 4],
      [4, 4],
      [4, 4],
    ]);
    expect(seen.slice(6)).toEqual([
      [5, 3],
      [6, 4],
      [6, 2],
      [6, 2],
      [6, 2],
    ]);
  });

  it('of a stage that is too short are compiled when it begins', async () => {
    // One step a stage: of the next one only G's is there when it begins.
    const seen = await lives({ batch: 16, resBatch: {}, stableKimg: 0.001, fadeKimg: 0.02 }, 3);
    expect(seen).toEqual([
      [2, 2],
      [3, 3],
      [5, 3],
      [6, 2],
    ]);
  });

  it('of a fade are not made where there is none', async () => {
    const seen = await lives({ fadeKimg: 0 }, 6);
    expect(seen.slice(-3)).toEqual([
      [4, 4],
      [4, 2],
      [4, 2],
    ]);
  });

  it('are those of the stage in which a run resumes', async () => {
    const { state } = await open();
    Object.assign(state, { images: 44, lod: 0.75 });
    const options = resolveOptions(GROWING, DATA);
    const watched = new Watched();
    const trainer = await Trainer.open(watched, state, options, () => new Float32Array(0));
    expect([...watched.live].map(({ inputs }) => 'fade' in inputs)).toEqual([true, true]);
    state.G.adam.steps = 7;
    await trainer.step(batchOf(trainer.batch));
    expect([state.lod, state.G.adam.steps]).toEqual([0.25, 8]);
  });
});
