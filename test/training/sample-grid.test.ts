// The sample grid: a row for each class where there are few, else the first images with their labels.

import { afterAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { createModel } from '../../src/models/registry.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';
import { networkConfigOf, resolveOptions } from '../../src/training/options.ts';
import { gridSize, SampleGrid } from '../../src/training/sample-grid.ts';
import { Sampler } from '../../src/training/sampler.ts';
import { TrainingState } from '../../src/training/state.ts';
import { TINY, TINY_ENGINE } from './tiny-run.ts';

const engine = await openEngine(TINY_ENGINE);
afterAll(() => engine.close());

const [COLUMNS, ROWS] = gridSize(8);
const PIXELS = 3 * 8 * 8;

/** Image i has the value i everywhere. */
function numbered(labels: readonly (readonly number[])[]): Dataset {
  return {
    name: 'numbered',
    path: 'numbered',
    length: labels.length,
    channels: 3,
    resolution: 8,
    labelDim: labels[0].length,
    readImage: async (i) => new Uint8Array(PIXELS).fill(i),
    label: (i) => Float32Array.from(labels[i]),
    close: async () => {},
  };
}

const oneHot = (dim: number, which: number) => Array.from({ length: dim }, (_, k) => (k === which ? 1 : 0));

/** The grid; what it should draw for latents and images of these numbers; which images its reals are. */
async function open(dataset: Dataset, cond = true) {
  const options = resolveOptions({ ...TINY, cond }, dataset);
  const state = new TrainingState(createModel(networkConfigOf(options, dataset)), 3);
  const sampler = new Sampler(engine, state);
  const grid = await SampleGrid.open(sampler, state, dataset, 3);
  const { zDim, cDim } = state.model.config;
  const all = new Random(3, 'sample-grid').fillNormal(new Float32Array(COLUMNS * ROWS * zDim));
  const draw = (latents: readonly number[], images: readonly number[]) => {
    const z = latents.flatMap((latent) => [...all.subarray(latent * zDim, (latent + 1) * zDim)]);
    const c = images.flatMap((image) => [...dataset.label(image)]);
    return sampler.draw({ z: Float32Array.from(z), c: cDim > 0 ? Float32Array.from(c) : null });
  };
  const { data, shape } = grid.reals(0);
  const reals = Array.from({ length: shape[0] }, (_, cell) => Math.round((data[cell * PIXELS] + 1) * 127.5));
  return { grid, draw, reals };
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('with few classes', () => {
  // Classes 4, 0 and 2 of five, seven images of each.
  const dataset = numbered(upTo(21).map((i) => oneHot(5, [4, 0, 2][i % 3])));
  const ofClass = { 4: [0, 3, 6, 9, 12, 15, 18], 0: [1, 4, 7, 10, 13, 16, 19], 2: [2, 5, 8, 11, 14, 17, 20] };

  it('the rows are the classes, again and again, of the same latents', async () => {
    const { grid, draw, reals } = await open(dataset);
    expect(grid.classes).toEqual([0, 2, 4]);
    const rows = upTo(ROWS).map((row) => ({
      of: [0, 2, 4][row % 3] as 0 | 2 | 4,
      round: Math.floor(row / 3),
    }));
    const latents = rows.flatMap(({ round }) => upTo(COLUMNS).map((column) => round * COLUMNS + column));
    const images = rows.flatMap(({ of }, row) =>
      upTo(COLUMNS).map((column) => ofClass[of][latents[row * COLUMNS + column] % 7]),
    );
    expect(reals).toEqual(images);
    const drawn = await grid.draw();
    expect(drawn).toEqual(await draw(latents, images));
    const cell = (row: number) => drawn.data.slice(row * COLUMNS * PIXELS, (row * COLUMNS + 1) * PIXELS);
    expect(cell(0)).not.toEqual(cell(1)); // the label alone differs
    expect(cell(0)).not.toEqual(cell(3)); // the latent alone differs
  });

  it('there are as many whole rounds as fit in', async () => {
    const { reals } = await open(numbered(upTo(8).map((i) => oneHot(4, i % 4))));
    expect(reals).toHaveLength(COLUMNS * Math.floor(ROWS / 4) * 4);
  });
});

describe.each([
  ['without labels', numbered(upTo(20).map((i) => oneHot(2, i % 2))), false],
  ['with more classes than rows', numbered(upTo(20).map((i) => oneHot(ROWS + 1, i % (ROWS + 1)))), true],
  ['with vectors', numbered(upTo(20).map((i) => [1, i % 2, 0])), true],
  ['with numbers', numbered(upTo(20).map((i) => [i / 20, 0])), true],
])('%s', (_, dataset, cond) => {
  it('the cells are the first images, over again', async () => {
    const { grid, reals } = await open(dataset, cond);
    expect(grid.classes).toBeNull();
    expect(reals).toEqual(upTo(COLUMNS * ROWS).map((cell) => cell % 20));
  });
});
