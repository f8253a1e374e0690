// A checkpoint holds everything, belongs to one run, and is refused in one line when it is broken.

import { describe, expect, it } from 'vitest';
import { readSafetensors, writeSafetensors } from '../../src/checkpoints/safetensors.ts';
import { FileError } from '../../src/core/errors.ts';
import { createModel } from '../../src/models/registry.ts';
import { networkConfigOf, resolveOptions } from '../../src/training/options.ts';
import { TrainingState } from '../../src/training/state.ts';
import { TINY } from './tiny-run.ts';

const DATA = { resolution: 8, channels: 3, labelDim: 2 };
const CONTEXT = 'the run';

const MODEL = createModel(networkConfigOf(resolveOptions(TINY, DATA), DATA));
const fresh = (seed = 1, beta1 = 0.5) => new TrainingState(MODEL, seed, { beta1, lod: 2 });

/** A state in which nothing has its initial value. */
function used(beta1 = 0.5): TrainingState {
  const state = fresh(2, beta1);
  const arrays = [state.G, state.D].flatMap(({ parameters, bufferData, adam: { m, v } }) =>
    m === null ? [parameters, bufferData, v] : [parameters, bufferData, v, m],
  );
  arrays.push(state.average);
  arrays.forEach((array, a) => {
    array.forEach((_, i) => {
      array[i] += 0.25 * a + i;
    });
  });
  for (const stream of Object.values(state.streams)) for (let i = 0; i < 7; i++) stream.normal();
  Object.assign(state, { plMean: 0.5, images: 120, batches: 30, tick: 3, tickStart: 96, seconds: 1.5 });
  Object.assign(state, { lod: 1.25, bestDeviation: 0.75, augment: { p: 0.1, signs: -2.5, count: 12 } });
  state.data = { epoch: 2, position: 24, epochLength: 48 };
  state.G.adam.steps = 38;
  state.D.adam.steps = 32;
  state.statistics.add('Loss/G/loss', 0.75);
  return state;
}

const bytesOf = (state: TrainingState, context = CONTEXT): Buffer => Buffer.concat(state.encode(context));

describe('a checkpoint', () => {
  it.each([0, 0.5])('gives the same bytes again from another state; β1 %d', (beta1) => {
    const bytes = bytesOf(used(beta1));
    const state = fresh(1, beta1);
    expect(bytesOf(state).equals(bytes)).toBe(false);
    state.decode(bytes, CONTEXT, 'file');
    expect(bytesOf(state).equals(bytes)).toBe(true);
    for (const name of Object.keys(state.streams) as (keyof typeof state.streams)[])
      expect(state.streams[name].normal()).toBe(used(beta1).streams[name].normal());
    expect([state.lod, state.bestDeviation]).toEqual([1.25, 0.75]);
    expect(state.augment).toEqual({ p: 0.1, signs: -2.5, count: 12 });
  });

  it('has first moments with momentum only', () => {
    const names = (state: TrainingState) => [...readSafetensors(bytesOf(state), 'file').tensors.keys()];
    const moments = ['D.adam.m', 'G.adam.m'];
    expect(names(used(0.5)).filter((name) => name.endsWith('.m'))).toEqual(moments);
    expect(names(used(0)).filter((name) => name.endsWith('.m'))).toEqual([]);
    expect(() => fresh().decode(bytesOf(used(0)), CONTEXT, 'file')).toThrow(/^file: G\.adam\.m: got nothing/);
  });

  it('hands its level of detail to network files', () => {
    expect(used().networkFile().lod).toBe(1.25);
  });

  it('names the first array that is not finite', () => {
    const state = used();
    expect(state.firstNonFinite()).toBeNull();
    state.average[3] = Number.NEGATIVE_INFINITY;
    expect(state.firstNonFinite()).toBe('G_ema.parameters');
    state.G.adam.v[0] = Number.NaN;
    expect(state.firstNonFinite()).toBe('G.adam.v');
  });

  /** The checkpoint with its parts changed. */
  function changed(change: (file: ReturnType<typeof readSafetensors>) => Record<string, string>): Buffer {
    const file = readSafetensors(bytesOf(used()), 'file');
    const metadata = change(file);
    return Buffer.concat(writeSafetensors(file.tensors, { ...file.metadata, ...metadata }));
  }

  it.each<[string, () => Buffer, RegExp]>([
    [
      'cut off',
      () => bytesOf(used()).subarray(0, -1),
      /^file is not a usable safetensors file: .*cut off\?$/,
    ],
    ['empty', () => Buffer.alloc(0), /^file is not a usable safetensors file: got 0 bytes/],
    ['of another run', () => bytesOf(used(), 'other'), /^file: got another kind of file or of run/],
    ['of another kind', () => changed(() => ({ format: 'x' })), /^file: got another kind of file or of run/],
    ['without counters', () => changed(() => ({ counters: '{' })), /^file: got unreadable counters/],
    [
      'with counters of another shape',
      () => changed(() => ({ counters: '{"images":-1}' })),
      /unreadable counters/,
    ],
    [
      'without a random stream',
      () =>
        changed(({ metadata }) => {
          const counters = JSON.parse(metadata.counters);
          delete counters.streams.interpolation;
          return { counters: JSON.stringify(counters) };
        }),
      /unreadable counters/,
    ],
    [
      'without a tensor',
      () =>
        changed(({ tensors }) => {
          tensors.delete('D.adam.v');
          return {};
        }),
      /^file: D\.adam\.v: got nothing, expected \d+ floats$/,
    ],
  ])('is refused when %s', (_name, bytes, message) => {
    const decode = () => fresh().decode(bytes(), CONTEXT, 'file');
    expect(decode).toThrow(FileError);
    expect(decode).toThrow(message);
  });
});
