// The augmentations as graph: what each does to pixels, and that images of a batch do not touch each other.

import { describe, expect, it } from 'vitest';
import { augment } from '../../src/augment/augment.ts';
import { drawAugmentation } from '../../src/augment/draw.ts';
import { type Draws, seededDraws } from '../../src/augment/draws.ts';
import { PIPELINES, TRANSFORMS, type Transform } from '../../src/augment/pipeline.ts';
import { canvasLength } from '../../src/augment/warp.ts';
import { Random } from '../../src/core/random.ts';
import { type Shape, sizeOf } from '../../src/core/tensor.ts';
import { input } from '../../src/graph/build.ts';
import { evaluate } from '../../src/graph/reference.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';

const draws = (seed = 1): Draws => seededDraws(new Random(seed, 'augment'));
const picture = (shape: Shape): Float32Array =>
  new Random(2, 'picture').fillNormal(new Float32Array(sizeOf(shape)));

/** In float64. */
function augmented(shape: Shape, transforms: readonly Transform[], source: Draws, p = 1): Float64Array {
  const feeds = { image: picture(shape), ...drawAugmentation(source, transforms, p, shape) };
  return evaluate([augment(input('image', shape), transforms, input)], feeds)[0];
}

const furthest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((largest, x, i) => Math.max(largest, Math.abs(x - b[i])), 0);

/** Decisions as given: an outcome for every uniform draw, in turn. */
const decided = (...outcomes: number[]): Draws => ({
  ...draws(),
  chance: () => true,
  uniform: () => outcomes.shift()!,
});

describe('augment', () => {
  it.each([1, 3, 4])('is the identity of %i channels at strength 0', (channels) => {
    const shape = [2, channels, 8, 12];
    expect(furthest(augmented(shape, TRANSFORMS, draws(), 0), picture(shape))).toBeLessThan(1e-5);
  });

  it('moves pixels: shifts exactly, with reflected borders, flips and quarter turns nearly', () => {
    const size = 16;
    const shape = [1, 1, size, size];
    const x = picture(shape);
    const expected = (from: (row: number, column: number) => [number, number]) =>
      Float64Array.from({ length: size ** 2 }, (_, i) => {
        const [row, column] = from(Math.floor(i / size), i % size);
        return x[row * size + column];
      });
    const last = size - 1;
    // By 2 pixels to the right; 0.5 means none.
    const shifted = augmented(shape, ['xint'], decided(1, 0.5));
    const reflected = expected((row, column) => [row, Math.abs(column - 2)]);
    expect(furthest(shifted, reflected)).toBeLessThan(1e-6);
    // The wavelet is not quite symmetric: of white noise, whose finest detail it cannot mirror, most is there.
    const near = (image: Float64Array, from: (row: number, column: number) => [number, number]) => {
      const other = expected(from);
      const power = other.reduce((sum, value) => sum + value ** 2, 0);
      return Math.sqrt(image.reduce((sum, value, i) => sum + (value - other[i]) ** 2, 0) / power);
    };
    const flipped = augmented(shape, ['xflip'], decided(0.9));
    expect(near(flipped, (row, column) => [row, last - column])).toBeLessThan(0.25);
    const half = augmented(shape, ['rotate90'], decided(0.6));
    expect(near(half, (row, column) => [last - row, last - column])).toBeLessThan(0.25);
    const quarter = augmented(shape, ['rotate90'], decided(0.3));
    expect(near(quarter, (row, column) => [column, last - row])).toBeLessThan(0.25);
  });

  it('changes colours, not opacity', () => {
    const shape = [2, 4, 4, 4];
    const x = picture(shape);
    const y = augmented(shape, PIPELINES.color, draws());
    const opacity = (data: ArrayLike<number>) =>
      Array.from(data).filter((_, i) => Math.floor(i / 16) % 4 === 3);
    expect(opacity(y)).toEqual(opacity(x));
    expect(furthest(y, x)).toBeGreaterThan(0.1);
  });

  it('filters noise, adds some, and cuts a hole', () => {
    const shape = [3, 1, 32, 32];
    const x = picture(shape);
    expect(furthest(augmented(shape, ['imgfilter'], draws()), x)).toBeGreaterThan(0.1);
    const noisy = augmented(shape, ['noise'], draws());
    expect(furthest(noisy, x)).toBeGreaterThan(0.01);
    expect(furthest(noisy, x)).toBeLessThan(1.5);
    const holed = augmented(shape, ['cutout'], decided(0.5, 0.5, 0.5, 0.5, 0.5, 0.5));
    expect(holed.filter((value) => value === 0)).toHaveLength(3 * 16 * 16);
  });

  it('treats a batch that is warped in parts as its images one by one', async () => {
    const shape = [3, 3, 64, 64];
    expect(3 * 3 * canvasLength(64) ** 2).toBeGreaterThan(2 ** 20);
    const drawn = drawAugmentation(draws(), PIPELINES.bg, 1, shape);
    const image = picture(shape);
    const engine = await openEngine({ device: 'cpu' });
    try {
      const run = async (each: Shape, feeds: Record<string, Float32Array>) => {
        const session = await engine.compile({
          outputs: { y: augment(input('image', each), PIPELINES.bg, input) },
        });
        return (await session.run(feeds)).y;
      };
      const together = await run(shape, { image, ...drawn });
      for (let i = 0; i < 3; i++) {
        const part = (data: Float32Array) =>
          data.subarray((i * data.length) / 3, ((i + 1) * data.length) / 3);
        const feeds = { ...drawn, image: part(image), inverse: part(drawn.inverse) };
        const alone = await run([1, 3, 64, 64], feeds);
        expect(furthest(alone, part(together))).toBeLessThan(1e-5);
      }
    } finally {
      await engine.close();
    }
  });
});
