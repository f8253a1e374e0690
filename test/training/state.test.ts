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

const fresh = (seed = 1) =>
  new TrainingState(createModel(networkConfigOf(resolveOptions(TINY, DATA), DATA)), seed);

/** A state in which nothing has its initial value. */
function used(): TrainingState {
  const state = fresh(2);
  const arrays = [state.G, state.D].flatMap((n) => [n.parameters, n.bufferData, n.adam.v]);
  arrays.push(state.average);
  arrays.forEach((array, a) => {
    array.forEach((_, i) => {
      array[i] += 0.25 * a + i;
    });
  });
  for (const stream of Object.values(state.streams)) for (let i = 0; i < 7; i++) stream.normal();
  Object.assign(state, { plMean: 0.5, images: 120, batches: 30, tick: 3, tickStart: 96, seconds: 1.5 });
  state.data = { epoch: 2, position: 24, epochLength: 48 };
  state.G.adam.steps = 38;
  state.D.adam.steps = 32;
  state.statistics.add('Loss/G/loss', 0.75);
  return state;
}

const bytesOf = (state: TrainingState, context = CONTEXT): Buffer => Buffer.concat(state.encode(context));

describe('a checkpoint', () => {
  it('gives the same bytes again from another state', () => {
    const bytes = bytesOf(used());
    const state = fresh();
    expect(bytesOf(state).equals(bytes)).toBe(false);
    state.decode(bytes, CONTEXT, 'file');
    expect(bytesOf(state).equals(bytes)).toBe(true);
    expect(state.streams.latents.normal()).toBe(used().streams.latents.normal());
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
