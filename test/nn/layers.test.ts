// Each layer against a plain evaluation of its formula, one output element at a time.

import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { type Shape, sizeOf } from '../../src/core/tensor.ts';
import { constant, input } from '../../src/graph/build.ts';
import type { Node } from '../../src/graph/node.ts';
import { evaluate } from '../../src/graph/reference.ts';
import { type ConvOptions, convLayer, convParameters } from '../../src/nn/conv.ts';
import { linear, linearParameters } from '../../src/nn/linear.ts';
import { minibatchStd } from '../../src/nn/minibatch-std.ts';
import { modulatedConv, modulatedConvOnly } from '../../src/nn/modulated-conv.ts';
import { normalize2ndMoment } from '../../src/nn/normalize.ts';
import { initialValue, type ParameterSpec, type Parameters } from '../../src/nn/parameters.ts';
import { downsample2d, RESAMPLE_FILTER, setupFilter, upsample2d } from '../../src/nn/resample.ts';

const random = new Random(7, 'layers');

/** Values of a shape, read by index; zero outside. */
class Values {
  readonly shape: Shape;
  readonly data: Float32Array;
  readonly node: Node;

  constructor(shape: Shape, data = random.fillNormal(new Float32Array(sizeOf(shape)))) {
    this.shape = shape;
    this.data = data;
    this.node = constant(data, shape);
  }

  at(...index: number[]): number {
    let offset = 0;
    for (let axis = 0; axis < this.shape.length; axis++) {
      if (index[axis] < 0 || index[axis] >= this.shape[axis]) return 0;
      offset = offset * this.shape[axis] + index[axis];
    }
    return this.data[offset];
  }
}

/** Random values for the parameters of a layer. */
function drawn(specs: readonly ParameterSpec[]): { p: Parameters; of: (name: string) => Values } {
  const values = new Map(specs.map(({ name, shape }) => [name, new Values(shape)]));
  return { p: (name) => values.get(name)!.node, of: (name) => values.get(name)! };
}

/** Compares every element of a node of rank 4 or less with a function of its index. */
function expectElements(node: Node, shape: Shape, element: (...index: number[]) => number): void {
  expect(node.shape).toEqual(shape);
  const [values] = evaluate([node]);
  values.forEach((value, i) => {
    const index: number[] = [];
    let rest = i;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index.unshift(rest % shape[axis]);
      rest = Math.floor(rest / shape[axis]);
    }
    expect(value, `[${index}]`).toBeCloseTo(element(...index), 5);
  });
}

const total = (count: number, term: (i: number) => number): number => {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += term(i);
  return sum;
};
const lrelu = (x: number): number => Math.SQRT2 * (x > 0 ? x : 0.2 * x);

/** [1,3,3,1]/8 as weights of pixels at -1, 0, 1, 2. */
const TAP = [1 / 8, 3 / 8, 3 / 8, 1 / 8];

type Image = (n: number, c: number, y: number, x: number) => number;

/** Twice the size: each new pixel lies a quarter from its nearest old one; the weights are 3/4 and 1/4 an axis. */
const upsampled =
  (image: Image): Image =>
  (n, c, y, x) => {
    const axis = (i: number): [number, number][] => {
      const [near, far] = [Math.floor(i / 2), i % 2 === 0 ? i / 2 - 1 : (i + 1) / 2];
      return [
        [near, 0.75],
        [far, 0.25],
      ];
    };
    let sum = 0;
    for (const [yi, a] of axis(y)) for (const [xi, b] of axis(x)) sum += a * b * image(n, c, yi, xi);
    return sum;
  };

/** Half the size: each new pixel is a weighted mean of the four old ones around its middle, an axis. */
const downsampled =
  (image: Image): Image =>
  (n, c, y, x) =>
    total(4, (i) => TAP[i] * total(4, (j) => TAP[j] * image(n, c, 2 * y - 1 + i, 2 * x - 1 + j)));

/** A "same" convolution with weights of the sample. */
const convolved =
  (
    image: Image,
    channels: number,
    k: number,
    weight: (n: number, o: number, i: number, a: number, b: number) => number,
  ): Image =>
  (n, o, y, x) => {
    const half = (k - 1) / 2;
    return total(channels, (i) =>
      total(k, (a) => total(k, (b) => weight(n, o, i, a, b) * image(n, i, y + a - half, x + b - half))),
    );
  };

const imageOf =
  (values: Values): Image =>
  (...index) =>
    values.at(...index);

/** Zero outside of size × size, as the next filter sees it. */
const cropped =
  (image: Image, size: number): Image =>
  (n, c, y, x) =>
    y < 0 || x < 0 || y >= size || x >= size ? 0 : image(n, c, y, x);

describe('linear', () => {
  it.each([
    ['linear', 1],
    ['lrelu', 0.01],
  ] as const)('%s with a learning rate of %d', (activation, lrMultiplier) => {
    const { p, of } = drawn(linearParameters(5, 3));
    const x = new Values([2, 5]);
    const act = activation === 'lrelu' ? lrelu : (y: number) => y;
    expectElements(linear(p, x.node, { activation, lrMultiplier }), [2, 3], (n, o) =>
      act(
        total(5, (i) => (x.at(n, i) * of('weight').at(o, i) * lrMultiplier) / Math.sqrt(5)) +
          of('bias').at(o) * lrMultiplier,
      ),
    );
  });

  it('starts with weights that its learning rate evens out', () => {
    const [weight, bias] = linearParameters(100, 100, { lrMultiplier: 0.01, biasInit: 1 });
    const data = initialValue(weight, new Random(1));
    const std = Math.sqrt(data.reduce((sum, w) => sum + w * w, 0) / data.length);
    expect(std / 100).toBeCloseTo(1, 1);
    expect([...initialValue(bias, new Random(1))]).toEqual(Array.from({ length: 100 }, () => 1));
  });
});

describe('convLayer', () => {
  it.each<[string, number, ConvOptions]>([
    ['3x3', 3, {}],
    ['1x1, linear, without bias', 1, { activation: 'linear', bias: false }],
    ['3x3 with a gain', 3, { gain: Math.SQRT1_2 }],
  ])('%s', (_name, k, options) => {
    const specs = convParameters(2, 3, k, { bias: options.bias });
    expect(specs).toHaveLength(options.bias === false ? 1 : 2);
    const { p, of } = drawn(specs);
    const x = new Values([2, 2, 4, 4]);
    const act = options.activation === 'linear' ? (y: number) => y : lrelu;
    const conv = convolved(
      imageOf(x),
      2,
      k,
      (_n, ...index) => of('weight').at(...index) / Math.sqrt(2 * k * k),
    );
    expectElements(convLayer(p, x.node, options), [2, 3, 4, 4], (n, o, y, xx) => {
      const bias = options.bias === false ? 0 : of('bias').at(o);
      return (options.gain ?? 1) * act(conv(n, o, y, xx) + bias);
    });
  });

  it.each([1, 3])('filters and halves around a %ix kernel', (k) => {
    const { p, of } = drawn(convParameters(2, 3, k));
    const x = new Values([1, 2, 8, 8]);
    const weight = (_n: number, ...index: number[]) => of('weight').at(...index) / Math.sqrt(2 * k * k);
    // The image is blurred at full size, and beyond its edges by the half kernel that the convolution reaches.
    const blurred: Image = (n, c, y, xx) =>
      total(4, (i) => TAP[i] * total(4, (j) => TAP[j] * x.at(n, c, y - 1 + i, xx - 1 + j)));
    const full = convolved(blurred, 2, k, weight);
    expectElements(convLayer(p, x.node, { resampling: 'down' }), [1, 3, 4, 4], (n, o, y, xx) =>
      lrelu(full(n, o, 2 * y, 2 * xx) + of('bias').at(o)),
    );
  });
});

describe('modulatedConv', () => {
  const [x, w, styles] = [new Values([3, 2, 4, 4]), new Values([5, 2, 3, 3]), new Values([3, 2])];
  /** The weights of one sample, as the paper has them: modulated, then scaled to unit length. */
  const weight = (n: number, o: number, i: number, a: number, b: number): number => {
    const energy = total(2, (c) =>
      total(9, (k) => (w.at(o, c, Math.floor(k / 3), k % 3) * styles.at(n, c)) ** 2),
    );
    return (w.at(o, i, a, b) * styles.at(n, i)) / Math.sqrt(energy + 1e-8);
  };

  it('convolves each sample with weights of its own', () => {
    const expected = convolved(imageOf(x), 2, 3, weight);
    expectElements(modulatedConv(x.node, w.node, styles.node, 'none', 1), [3, 5, 4, 4], expected);
    expectElements(
      modulatedConv(x.node, w.node, styles.node, 'none', 0.5),
      [3, 5, 4, 4],
      (n, o, y, xx) => 0.5 * expected(n, o, y, xx),
    );
  });

  it('upsamples: zeros between the pixels, convolution, filter', () => {
    const stuffed: Image = (n, c, y, xx) => (y % 2 === 0 && xx % 2 === 0 ? x.at(n, c, y / 2, xx / 2) : 0);
    // A transposed convolution flips the kernel.
    const flipped = (n: number, o: number, i: number, a: number, b: number) => weight(n, o, i, 2 - a, 2 - b);
    const size = 2 * 4 + 1; // the transposed convolution's image, from -1 to 7
    const full = cropped((n, c, y, xx) => convolved(stuffed, 2, 3, flipped)(n, c, y - 1, xx - 1), size);
    const filtered: Image = (n, o, y, xx) =>
      4 * total(4, (i) => TAP[i] * total(4, (j) => TAP[j] * full(n, o, y - 1 + i, xx - 1 + j)));
    expectElements(modulatedConv(x.node, w.node, styles.node, 'up', 1), [3, 5, 8, 8], filtered);
  });

  it('does not depend on the size of a style, unlike modulation alone', () => {
    const image = (scale: number, layer: typeof modulatedConvOnly) =>
      evaluate([
        layer(
          x.node,
          w.node,
          new Values(
            [3, 2],
            styles.data.map((s) => scale * s),
          ).node,
        ),
      ])[0];
    const demodulated: typeof modulatedConvOnly = (a, b, s) => modulatedConv(a, b, s, 'none', 1);
    image(7, demodulated).forEach((value, i) => {
      expect(value).toBeCloseTo(image(1, demodulated)[i], 5);
    });
    const plain = image(1, modulatedConvOnly);
    expect(image(2, modulatedConvOnly)[3]).toBeCloseTo(2 * plain[3], 5);
    expectElements(
      modulatedConvOnly(x.node, w.node, styles.node),
      [3, 5, 4, 4],
      convolved(imageOf(x), 2, 3, (n, o, i, a, b) => w.at(o, i, a, b) * styles.at(n, i)),
    );
  });
});

describe('minibatchStd', () => {
  it.each([
    [4, 2],
    [4, 4],
    [6, 3],
    [3, 8],
  ])('of %i images in groups of %i', (count, group) => {
    const x = new Values([count, 2, 2, 2]);
    const size = Math.min(group, count);
    const deviation = (n: number): number => {
      const members = Array.from({ length: size }, (_, k) => (n % (count / size)) + k * (count / size));
      return (
        total(8, (i) => {
          const values = members.map((m) => x.data[8 * m + i]);
          const mean = values.reduce((a, b) => a + b) / size;
          return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / size + 1e-8);
        }) / 8
      );
    };
    expectElements(minibatchStd(x.node, group), [count, 3, 2, 2], (n, c, y, xx) =>
      c < 2 ? x.at(n, c, y, xx) : deviation(n),
    );
  });

  it('refuses images that fill no groups', () => {
    expect(() => minibatchStd(input('x', [5, 1, 2, 2]), 4)).toThrow(
      'got a batch of 5, expected a multiple of 4',
    );
  });
});

describe('normalize2ndMoment', () => {
  it('gives rows a mean square of one', () => {
    const x = new Values([3, 6]);
    expectElements(
      normalize2ndMoment(x.node),
      [3, 6],
      (n, i) => x.at(n, i) / Math.sqrt(total(6, (j) => x.at(n, j) ** 2) / 6 + 1e-8),
    );
    const [row] = evaluate([normalize2ndMoment(constant(new Float32Array(4), [1, 4]))]);
    expect([...row]).toEqual([0, 0, 0, 0]);
  });
});

describe('resampling', () => {
  it('has the filter [1,3,3,1]', () => {
    expect([...RESAMPLE_FILTER.taps].slice(4, 8)).toEqual([3, 9, 9, 3].map((tap) => tap / 64));
    expect(setupFilter([1, 2, 1]).taps.reduce((a, b) => a + b)).toBeCloseTo(1, 6);
  });

  it('places pixels evenly', () => {
    const x = new Values([1, 2, 4, 4]);
    expectElements(upsample2d(x.node), [1, 2, 8, 8], upsampled(imageOf(x)));
    const y = new Values([1, 2, 8, 8]);
    expectElements(downsample2d(y.node), [1, 2, 4, 4], downsampled(imageOf(y)));
  });

  it('keeps a constant constant, away from the edges, and a gradient where it is', () => {
    const one = new Values([1, 1, 8, 8], new Float32Array(64).fill(1));
    const inside = (size: number, values: Float64Array): number[] =>
      [...values].filter((_, i) => i % size > 0 && i % size < size - 1 && i >= size && i < size * (size - 1));
    for (const value of inside(16, evaluate([upsample2d(one.node)])[0])) expect(value).toBeCloseTo(1, 6);
    for (const value of inside(4, evaluate([downsample2d(one.node)])[0])) expect(value).toBeCloseTo(1, 6);
    // Pixel i of a row lies at i + 1/2: at twice the size at 2i + 1, at half the size at i/2 + 1/4.
    const ramp = new Values(
      [1, 1, 8, 8],
      Float32Array.from({ length: 64 }, (_, i) => (i % 8) + 0.5),
    );
    const up = evaluate([upsample2d(ramp.node)])[0];
    for (let i = 1; i < 15; i++) expect(up[7 * 16 + i]).toBeCloseTo((i + 0.5) / 2, 5);
    const down = evaluate([downsample2d(ramp.node)])[0];
    for (let i = 1; i < 3; i++) expect(down[4 + i]).toBeCloseTo(2 * (i + 0.5), 5);
  });
});
