// What differentiation gives beside numbers: structure, zeros, depth, and derivatives at kinks.

import { describe, expect, test } from 'vitest';
import { sizeOf } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import * as g from '../../src/graph/build.ts';
import { gradientOf } from '../../src/graph/gradients.ts';
import { type Node, topologicalOrder } from '../../src/graph/node.ts';
import { evaluate, evaluateNode } from '../../src/graph/reference.ts';
import { differentiate } from './case.ts';
import { operatorCases } from './cases.ts';

test('a gradient has the shape of what it differentiates, one for each input', () => {
  for (const rows of Object.values(operatorCases)) {
    for (const row of rows) {
      const { y } = differentiate(row);
      const parts = gradientOf(y, g.fill(1, y.shape));
      expect(parts.length).toBe(y.inputs.length);
      parts.forEach((part, i) => {
        if (part !== null) expect(part.shape, row.name).toEqual(y.inputs[i].shape);
      });
    }
  }
});

test('what y does not depend on gets zeros, y itself ones', () => {
  const x = g.input('x', [2, 3]);
  const other = g.input('other', [4]);
  const [dOther, dX] = gradients(x, [other, x]);
  expect([...evaluateNode(dOther)]).toEqual([0, 0, 0, 0]);
  expect([...evaluateNode(dX)]).toEqual([1, 1, 1, 1, 1, 1]);
});

test('gradients with respect to inner nodes are as if those were inputs', () => {
  const x = g.input('x', []);
  const inner = g.mul(x, x);
  const y = g.mul(inner, x); // x³
  const [dInner, dX] = gradients(y, [inner, x]);
  const [a, b] = evaluate([dInner, dX], { x: [5] });
  expect([a[0], b[0]]).toEqual([5, 75]);
});

test('derivatives of any order', () => {
  const x = g.input('x', []);
  let derivative: Node = g.pow(x, 5);
  for (let order = 0; order < 5; order++) derivative = gradients(derivative, [x])[0];
  expect(evaluate([derivative], { x: [0] })[0][0]).toBe(120);
  expect(evaluate(gradients(derivative, [x]), { x: [0] })[0][0]).toBe(0);
});

describe('at a kink', () => {
  const x = g.input('x', [3]);
  const at = (y: Node) => [...evaluate(gradients(y, [x]), { x: [-1, 0, 1] })[0]];
  test('a leaky slope counts 0 as negative', () => expect(at(g.leakyRelu(x, 0.25))).toEqual([0.25, 0.25, 1]));
  test('the magnitude is flat at 0', () => expect(at(g.abs(x))).toEqual([-1, 0, 1]));
  test('sign and mask are flat', () => {
    expect(at(g.sign(x))).toEqual([0, 0, 0]);
    expect(at(g.leakyMask(x, 0.5))).toEqual([0, 0, 0]);
  });
});

test('only what leads to the asked inputs is differentiated', () => {
  const x = g.input('x', [1, 3, 8, 8]);
  const w = g.input('w', [3, 3, 3, 3]);
  const [dx] = gradients(g.sum(g.conv(x, w)), [x]);
  const kinds = topologicalOrder([dx]).map((node) => node.op.kind);
  expect(kinds).toContain('convInputGrad');
  expect(kinds).not.toContain('convWeightGrad');
});

test('a chain deeper than the call stack', () => {
  const x = g.input('x', []);
  let y: Node = x;
  for (let i = 0; i < 30_000; i++) y = g.add(y, x);
  const [dx] = gradients(y, [x]);
  expect(evaluate([dx], { x: [1] })[0][0]).toBe(30_001);
});

test('an order lists each node once, inputs before users', () => {
  const x = g.input('x', [2]);
  const y = g.mul(g.exp(x), g.exp(x));
  const order = topologicalOrder([y, x]);
  expect(new Set(order).size).toBe(order.length);
  for (const node of order)
    for (const source of node.inputs) expect(order.indexOf(source)).toBeLessThan(order.indexOf(node));
  expect(order.every((node) => sizeOf(node.shape) === 2)).toBe(true);
});
