// A graph that breaks a rule is refused by name; one that the constructors made is not.

import { describe, expect, test } from 'vitest';
import * as g from '../../src/graph/build.ts';
import type { Node, Op } from '../../src/graph/node.ts';
import { VerifyError, verify } from '../../src/graph/verify.ts';
import { differentiate } from './case.ts';
import { operatorCases } from './cases.ts';

const x = g.input('x', [2, 3]);
const image = g.input('image', [1, 1, 4, 4]);
const kernel = g.input('kernel', [1, 1, 2, 2]);
const check = (node: Node) => verify({ outputs: { y: node } });
const node = (op: Op, inputs: Node[], shape: number[]): Node => ({ op, inputs, shape });
const noPad = [0, 0, 0, 0] as const;
const taps = Float32Array.of(1);

describe('refused', () => {
  test.each<[string, Node, string]>([
    ['a wrong shape', node({ kind: 'exp' }, [x], [3, 2]), 'exp([2,3]) : [3,2]: its inputs give [2,3]'],
    [
      'inputs that do not fit',
      node({ kind: 'add' }, [x, g.input('z', [4])], [2, 3]),
      'add([2,3], [4]) : [2,3]: add: got [2,3], [4], expected shapes that broadcast',
    ],
    ['a missing input', node({ kind: 'mul' }, [x], [2, 3]), 'mul: got 1 inputs, expected 2'],
    ['half a pixel of size', g.input('x', [2.5]), 'shape [2.5] must hold integers of at least 1'],
    ['an empty tensor', g.input('x', [0, 3]), 'shape [0,3]'],
    ['an input without a name', g.input('', [1]), 'the name must not be empty'],
    ['an infinite number', g.fill(Number.POSITIVE_INFINITY), 'value Infinity must be finite'],
    ['an exponent that is no number', g.pow(x, Number.NaN), 'exponent NaN must be finite'],
    ['a negative slope', g.leakyRelu(x, -0.2), 'slope -0.2 must lie in [0, 1]'],
    [
      'a stride of 0',
      node({ kind: 'conv', stride: 0, pad: noPad }, [image, kernel], [1, 1, 3, 3]),
      'stride [0]',
    ],
    ['a stride of 1.5', g.conv(image, kernel, { stride: 1.5 }), 'stride [1.5]'],
    ['negative padding', g.conv(image, kernel, { pad: [-1, 0, 0, 0] }), 'pad [-1,0,0,0] must hold integers'],
    [
      'a fractional crop',
      g.upfirdn(image, { taps, tapsShape: [1, 1], up: 1, down: 1, pad: [0.5, 0, 0.5, 0] }),
      'pad [0.5,0,0.5,0] must hold integers',
    ],
    [
      'upsampling by 0',
      g.upfirdn(image, { taps, tapsShape: [1, 1], up: 0, down: 1, pad: [1, 1, 1, 1] }),
      'up and down [0,1] must hold integers of at least 1',
    ],
    [
      'half a pixel to splat on',
      g.splat(image, g.input('at', [1, 2, 4, 4]), [2.5, 4]),
      'size [2.5,4] must hold integers of at least 1',
    ],
    ['a fractional slice', g.slice(x, [0.5, 0], [1, 1]), 'starts [0.5,0] must hold integers'],
    ['fractional padding', g.pad(x, [0.5, 0], [0.5, 0]), 'before [0.5,0] must hold integers'],
  ])('%s', (_name, broken, message) => {
    expect(() => check(broken)).toThrow(VerifyError);
    expect(() => check(broken)).toThrow(message);
    expect(() => check(g.exp(broken))).toThrow(message);
  });

  test('two inputs of one name and different shapes', () => {
    const graph = { outputs: { a: g.input('x', [2]), b: g.input('x', [3]) } };
    expect(() => verify(graph)).toThrow('input "x": got shapes [2] and [3], expected one');
  });
});

test('everything that the constructors make is accepted', () => {
  verify({ outputs: { a: g.input('x', [2]), b: g.input('x', [2]) } });
  for (const rows of Object.values(operatorCases)) {
    for (const row of rows) {
      const { y, first, second } = differentiate(row);
      const named = Object.entries(second).map(([name, h]) => [`second ${name}`, h]);
      verify({ outputs: { y, ...first, ...Object.fromEntries(named) } });
    }
  }
});
