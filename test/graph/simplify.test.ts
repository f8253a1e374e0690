// A simplified graph computes the same, holds every rule, and has lost what second derivatives leave behind.

import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/graph/autodiff.ts';
import * as g from '../../src/graph/build.ts';
import { type Graph, type Node, topologicalOrder } from '../../src/graph/node.ts';
import { print } from '../../src/graph/print.ts';
import { evaluateGraph } from '../../src/graph/reference.ts';
import { simplify } from '../../src/graph/simplify.ts';
import { verify } from '../../src/graph/verify.ts';
import { chains } from '../onnx/chains.ts';
import { differentiate, type OperatorCase } from './case.ts';
import { operatorCases } from './cases.ts';

/** Folded constants are rounded to float32. */
const TOLERANCE = 1e-6;

const sizeOfGraph = (graph: Graph): number => topologicalOrder(Object.values(graph.outputs)).length;

function expectSame(row: OperatorCase): void {
  const { y, slope, second, feeds } = differentiate(row);
  const graph = { outputs: { y, slope, ...second } };
  const simple = simplify(graph);
  verify(simple);
  expect(sizeOfGraph(simple), row.name).toBeLessThanOrEqual(sizeOfGraph(graph));
  const actual = evaluateGraph(simple, feeds);
  for (const [name, expected] of Object.entries(evaluateGraph(graph, feeds))) {
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
    const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - actual[name][i])), 0);
    expect(worst / largest, `${row.name}, ${name}`).toBeLessThan(TOLERANCE);
  }
}

describe('computes the same', () => {
  const isSmall = (row: OperatorCase) =>
    row.inputs.every(({ shape }) => shape.reduce((a, b) => a * b, 1) < 2000);
  test.each(Object.entries(operatorCases))('%s', (_kind, rows) => {
    for (const row of rows.filter(isSmall)) expectSame(row);
  });
  test('chains', () => {
    for (const row of chains) expectSame(row);
  });
});

describe('removes', () => {
  const x = g.input('x', [2, 3]);
  const printed = (y: Node) =>
    print(simplify({ outputs: { y } }))
      .split('\n')
      .slice(0, -1);

  test.each<[string, Node, string[]]>([
    ['products with zero', g.add(x, g.mul(x, g.fill(0, [2, 3]))), ['%0 = input name="x" : [2,3]']],
    ['factors of one', g.mul(g.mul(x, 2), 0.5), ['%0 = input name="x" : [2,3]']],
    ['transposes that cancel', g.transpose(g.transpose(x, [1, 0]), [1, 0]), ['%0 = input name="x" : [2,3]']],
    [
      'a slice of what was padded',
      g.slice(g.pad(x, [1, 0], [0, 2]), [1, 0], [2, 3]),
      ['%0 = input name="x" : [2,3]'],
    ],
    [
      'a piece of what was joined',
      g.slice(g.concat([g.exp(x), x], 0), [2, 0], [2, 3]),
      ['%0 = input name="x" : [2,3]'],
    ],
    ['constants', g.exp(g.mul(g.fill(0, [2]), 3)), ['%0 = fill value=1 : [2]']],
  ])('%s', (_name, y, expected) => {
    expect(printed(y)).toEqual(expected);
  });

  test('expressions that occur twice', () => {
    expect(printed(g.mul(g.exp(x), g.exp(x))).length).toBe(3);
  });

  test('inputs of one name that were made twice', () => {
    expect(printed(g.add(g.input('x', [2]), g.input('x', [2]))).length).toBe(2);
  });
});

test('the second derivative of a cube is 6x', () => {
  const x = g.input('x', [4]);
  const [first] = gradients(g.pow(x, 3), [x]);
  const [second] = gradients(first, [x]);
  expect(print(simplify({ outputs: { second } }))).toMatchInlineSnapshot(`
    "%0 = input name="x" : [4]
    %1 = fill value=6 : []
    %2 = mul(%0, %1) : [4]
    "second" -> %2"
  `);
});

test('simplifying twice changes nothing', () => {
  for (const row of chains) {
    const { slope, second } = differentiate(row);
    const once = simplify({ outputs: { slope, ...second } });
    expect(print(simplify(once)), row.name).toBe(print(once));
  }
});
