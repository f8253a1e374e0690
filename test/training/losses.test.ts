// Every loss and regularizer by itself: values against plain formulas, gradients against finite differences in float64,
// and both in float32 on the engine.

import { afterAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { type Shape, sizeOf } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { add, constant, input, mean, mul, reshape, sliceAxis, sum } from '../../src/graph/build.ts';
import type { Graph, Node } from '../../src/graph/node.ts';
import { evaluate, evaluateGraph } from '../../src/graph/reference.ts';
import { verify } from '../../src/graph/verify.ts';
import { parameterInputs } from '../../src/models/network-graph.ts';
import { convLayer, convParameters } from '../../src/nn/conv.ts';
import { linear, linearParameters } from '../../src/nn/linear.ts';
import { minibatchStd } from '../../src/nn/minibatch-std.ts';
import { prefixed, scoped } from '../../src/nn/parameters.ts';
import { spectrallyNormalized, spectralSpecs } from '../../src/nn/spectral-norm.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';
import {
  crossEntropy,
  driftPenalty,
  gradientPenalty,
  interpolate,
  LOSSES,
  type Loss,
  type LossName,
  r1Penalty,
} from '../../src/training/losses.ts';
import { expectGradients } from '../graph/finite-difference.ts';

const column = (values: readonly number[]): Node => constant(Float32Array.from(values), [values.length, 1]);
const valuesOf = (node: Node): number[] => [...evaluate([node])[0]];

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
/** The losses as their papers write them. */
const FORMULAS: Record<LossName, Record<keyof Loss, (x: number) => number>> = {
  saturating: {
    generator: (x) => Math.log(1 - sigmoid(x)),
    fake: (x) => -Math.log(1 - sigmoid(x)),
    real: (x) => -Math.log(sigmoid(x)),
  },
  logistic: {
    generator: (x) => -Math.log(sigmoid(x)),
    fake: (x) => -Math.log(1 - sigmoid(x)),
    real: (x) => -Math.log(sigmoid(x)),
  },
  lsgan: { generator: (x) => (x - 1) ** 2 / 2, fake: (x) => x ** 2 / 2, real: (x) => (x - 1) ** 2 / 2 },
  hinge: { generator: (x) => -x, fake: (x) => Math.max(0, 1 + x), real: (x) => Math.max(0, 1 - x) },
  wgan: { generator: (x) => -x, fake: (x) => x, real: (x) => -x },
};
const NAMES = Object.keys(LOSSES) as LossName[];
const SIDES = ['generator', 'fake', 'real'] as const;

describe.each(NAMES)('%s', (name) => {
  it.each(SIDES)('%s is its formula, finite for every logit', (side) => {
    const logits = [-5, -2, -1, -0.5, 0, 0.25, 1, 2, 5];
    const loss = LOSSES[name][side](column(logits));
    expect(loss.shape).toEqual([logits.length, 1]);
    valuesOf(loss).forEach((value, i) => {
      expect(value).toBeCloseTo(FORMULAS[name][side](logits[i]), 12);
    });
    const far = input('far', [2, 1]);
    const ends = LOSSES[name][side](far);
    for (const values of evaluate([ends, ...gradients(sum(ends), [far])], { far: [-1000, 1000] }))
      expect(values.every(Number.isFinite)).toBe(true);
  });

  it.each(SIDES)('%s has its slope on both sides of every bend', (side) => {
    const logits = input('logits', [6, 1]);
    const loss = sum(mul(LOSSES[name][side](logits), column([1, 2, 3, 4, 5, 6])));
    expectGradients(reshape(loss, []), [logits], { logits: Float64Array.of(-5, -2, -0.5, 0.25, 2, 5) });
  });
});

describe('cross entropy', () => {
  const random = new Random(2, 'classes');
  it.each([1, 2, 3, 4, 5, 7, 10])('of %i classes is -log softmax at the label', (width) => {
    const logits = random.fillNormal(new Float32Array(width * width)).map((x) => 3 * x);
    const loss = crossEntropy(constant(logits, [width, width]), constant(eye(width), [width, width]));
    expect(loss.shape).toEqual([width, 1]);
    valuesOf(loss).forEach((value, n) => {
      const row = [...logits.subarray(n * width, (n + 1) * width)];
      const total = row.reduce((sum, x) => sum + Math.exp(x), 0);
      expect(value).toBeCloseTo(-Math.log(Math.exp(row[n]) / total), 12);
    });
  });

  it('neither overflows nor loses the answer far from zero', () => {
    const logits = constant(Float32Array.of(1e4, -1e4, 9999, -2e4, -1e4, -2e4), [2, 3]);
    const loss = crossEntropy(logits, constant(Float32Array.of(0, 1, 0, 1, 0, 0), [2, 3]));
    expect(valuesOf(loss)[0]).toBeCloseTo(2e4 + Math.log1p(Math.exp(-1)), 10);
    expect(valuesOf(loss)[1]).toBeCloseTo(1e4, 10);
  });
});

describe('gradient norms', () => {
  const [n, c, r] = [3, 2, 4];
  const random = new Random(4, 'norms');
  const image = (name: string): Node => input(name, [n, c, r, r]);
  const [real, fake, t] = [image('real'), image('fake'), input('t', [n, 1, 1, 1])];
  const a = input('a', [1, c, r, r]);
  const feeds = drawInputs([real, fake, a], random);
  feeds.t = Float64Array.of(0, 0.25, 1);
  const size = c * r * r;
  /** A critic ½Σ a·x² whose gradient in x is a·x. */
  const critic = (x: Node): Node => reshape(mul(sum(mul(mul(x, x), a), [1, 2, 3]), 0.5), [n, 1]);
  const normsOf = (x: Float64Array): number[] =>
    Array.from({ length: n }, (_, i) =>
      Math.hypot(...x.subarray(i * size, (i + 1) * size).map((v, k) => v * feeds.a[k])),
    );
  const between = feeds.real.map((x, i) => {
    const share = feeds.t[Math.floor(i / size)];
    return (1 - share) * x + share * feeds.fake[i];
  });

  it('interpolates from the real image to the generated one', () => {
    const [values] = evaluate([interpolate(real, fake, t)], feeds);
    values.forEach((value, i) => {
      expect(value).toBeCloseTo(between[i], 13);
    });
  });

  it('r1Penalty is ‖∇‖² at the images given', () => {
    const { gradient, penalty } = r1Penalty(critic(real), real);
    expect([gradient.shape, penalty.shape]).toEqual([real.shape, [n]]);
    const [values] = evaluate([penalty], feeds);
    normsOf(feeds.real).forEach((norm, i) => {
      expect(values[i]).toBeCloseTo(norm ** 2, 10);
    });
  });

  it.each([1, 750])('gradientPenalty asks for the norm %d', (target) => {
    const images = interpolate(real, fake, t);
    const { gradient, norm, penalty } = gradientPenalty(critic(images), images, target);
    expect([gradient.shape, norm.shape, penalty.shape]).toEqual([real.shape, [n], [n]]);
    const [norms, penalties] = evaluate([norm, penalty], feeds);
    normsOf(between).forEach((expected, i) => {
      // To the last digits of float64: the guard of the root does not show.
      expect(Math.abs(norms[i] / expected - 1)).toBeLessThan(2e-15);
      expect(penalties[i]).toBeCloseTo((expected - target) ** 2 / target ** 2, 10);
    });
  });

  it('gives a critic that is flat the full penalty and a gradient of zero', () => {
    const { norm, penalty } = gradientPenalty(critic(real), real, 1);
    const flat = { ...feeds, a: new Float64Array(size) };
    const [norms, penalties, slope] = evaluate([norm, penalty, ...gradients(sum(penalty), [a])], flat);
    for (let i = 0; i < n; i++) {
      expect(norms[i]).toBeLessThan(1e-14);
      expect(penalties[i]).toBeCloseTo(1, 14);
    }
    expect(slope.every((g) => g === 0)).toBe(true);
  });

  it('drift is the logit squared', () => {
    expect(valuesOf(driftPenalty(column([-3, 0, 0.5])))).toEqual([9, 0, 0.25]);
  });
});

// A critic with all that can couple or bend: convolutions, leaky ReLUs, resampling, statistics of the batch, classes.
const [BATCH, CHANNELS, SIZE, CLASSES] = [4, 2, 4, 3];
const SPECS = [
  ...prefixed('conv0', convParameters(CHANNELS, 3, 3)),
  ...prefixed('conv1', convParameters(4, 4, 3)),
  ...prefixed('fc', linearParameters(16, 5)),
  ...prefixed('out', linearParameters(5, 1 + CLASSES)),
];
const VECTORS = spectralSpecs(SPECS);
const p = parameterInputs([...SPECS, ...VECTORS], 'D.');
const normalized = spectrallyNormalized(p, SPECS, { equalized: true });

/** Logits [N, 1] and class logits [N, CLASSES]. */
function criticOf(images: Node, parameters = p): { logits: Node; classes: Node } {
  const features = minibatchStd(convLayer(scoped(parameters, 'conv0'), images), BATCH);
  const small = convLayer(scoped(parameters, 'conv1'), features, { resampling: 'down' }); // [N, 4, 2, 2]
  const hidden = linear(scoped(parameters, 'fc'), reshape(small, [BATCH, 16]), { activation: 'lrelu' });
  const out = linear(scoped(parameters, 'out'), hidden);
  return { logits: sliceAxis(out, 1, 0, 1), classes: sliceAxis(out, 1, 1, CLASSES) };
}

const IMAGES: Shape = [BATCH, CHANNELS, SIZE, SIZE];
const [REAL, FAKE] = [input('real', IMAGES), input('fake', IMAGES)];
const PARAMETERS = SPECS.map(({ name }) => p(name));

/** Scalars that D or G are trained on, by name. */
const TERMS: Record<string, Node> = (() => {
  const [real, fake] = [criticOf(REAL), criticOf(FAKE)];
  const labels = constant(eye(CLASSES, BATCH), [BATCH, CLASSES]);
  const images = interpolate(REAL, FAKE, input('t', [BATCH, 1, 1, 1]));
  const penalty = (target: number) => gradientPenalty(criticOf(images).logits, images, target).penalty;
  const terms: Record<string, Node> = {
    R1: r1Penalty(real.logits, REAL).penalty,
    R2: r1Penalty(fake.logits, FAKE).penalty,
    'gradient penalty': penalty(1),
    'gradient penalty, target 3': penalty(3),
    'R1 of a normalized critic': r1Penalty(criticOf(REAL, normalized).logits, REAL).penalty,
    drift: driftPenalty(real.logits),
    'cross entropy': crossEntropy(real.classes, labels),
  };
  for (const name of NAMES) {
    terms[`${name}, G`] = LOSSES[name].generator(fake.logits);
    terms[`${name}, D`] = add(LOSSES[name].fake(fake.logits), LOSSES[name].real(real.logits));
  }
  return Object.fromEntries(Object.entries(terms).map(([name, term]) => [name, reshape(mean(term), [])]));
})();
const FEEDS = drawInputs(
  [REAL, FAKE, ...PARAMETERS, ...VECTORS.map(({ name }) => p(name))],
  new Random(9, 'critic'),
);
FEEDS.t = Float64Array.of(0.1, 0.4, 0.6, 0.9);

describe('gradients', () => {
  it.each(Object.entries(TERMS))('%s', (name, term) => {
    verify({ outputs: { term } });
    const usesReal = !/, G$|R2/.test(name);
    const usesFake = /, |R2|penalty/.test(name);
    const inputs = [...PARAMETERS, ...(usesReal ? [REAL] : []), ...(usesFake ? [FAKE] : [])];
    const lengths = expectGradients(term, inputs, FEEDS);
    // Biases may cancel, as in real - fake; weights never do.
    lengths.forEach((length, i) => {
      if (!SPECS[i]?.name.endsWith('bias')) expect(length, SPECS[i]?.name).toBeGreaterThan(1e-6);
    });
  });
});

describe('float32, on the engine', async () => {
  const engine = await openEngine({ device: 'cpu' });
  afterAll(() => engine.close());

  async function run({ outputs }: Graph, feeds: Readonly<Record<string, Float64Array>>) {
    const session = await engine.compile({ outputs });
    const single = Object.fromEntries(Object.entries(feeds).map(([k, v]) => [k, Float32Array.from(v)]));
    const values = await session.run(single);
    await engine.release(session);
    return { values, expected: evaluateGraph({ outputs }, single) };
  }

  it('gives every term and its gradient', async () => {
    const outputs = Object.fromEntries(
      Object.entries(TERMS).flatMap(([name, term]) => [
        [name, term],
        ...gradients(term, PARAMETERS).map((node, i) => [`${name}: ${SPECS[i].name}`, node] as const),
      ]),
    );
    const { values, expected } = await run({ outputs }, FEEDS);
    for (const [name, wanted] of Object.entries(expected)) {
      const scale = Math.max(1e-3, ...wanted.map(Math.abs));
      wanted.forEach((value, i) => {
        expect(Math.abs(values[name][i] - value) / scale, name).toBeLessThan(1e-4);
      });
    }
  });

  it('keeps the gradient penalty of a flat critic finite', async () => {
    const term = TERMS['gradient penalty'];
    const flat = { ...FEEDS, 'D.out.weight': new Float64Array(FEEDS['D.out.weight'].length) };
    const [slope] = gradients(term, [p('fc.weight')]);
    const { values } = await run({ outputs: { term, slope } }, flat);
    expect(values.term[0]).toBe(1);
    expect(values.slope.every((g) => g === 0)).toBe(true);
  });
});

/** One-hot rows: row n is of class n mod width. */
function eye(width: number, rows = width): Float32Array {
  return Float32Array.from({ length: rows * width }, (_, i) =>
    i % width === Math.floor(i / width) % width ? 1 : 0,
  );
}

/** N(0, 1) for each input, under its name. */
function drawInputs(inputs: readonly Node[], random: Random): Record<string, Float64Array> {
  return Object.fromEntries(
    inputs.map(({ op, shape }) => {
      const name = op.kind === 'input' ? op.name : '';
      return [name, Float64Array.from({ length: sizeOf(shape) }, () => random.normal())];
    }),
  );
}
