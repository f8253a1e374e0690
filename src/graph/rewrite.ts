// Algebraic identities, one function for each operator that has any. A rule returns a simpler node of the same
// shape, or null when nothing applies. Rules look at most two nodes deep, so the work stays linear.

import { type Shape, sameShape, sizeOf } from '../core/tensor.ts';
import {
  add,
  apply,
  broadcast,
  fill,
  leakyMask,
  mul,
  reshape,
  slice,
  sub,
  sum,
  transpose,
  upfirdn,
} from './build.ts';
import { type Kind, MASK_HEIGHT, type Node, type OpOf } from './node.ts';
import { broadcastShapes } from './shapes.ts';

type Rule = (node: Node) => Node | null;

function is<K extends Kind>(node: Node, kind: K): node is Node & { readonly op: OpOf<K> } {
  return node.op.kind === kind;
}

/** The value of a node that is the same number everywhere, or null. */
function uniform(node: Node): number | null {
  return node.op.kind === 'fill' ? node.op.value : null;
}

function isZero(node: Node): boolean {
  return uniform(node) === 0;
}

/** `x` grown to `shape` by broadcasting, whatever its rank. */
function grow(x: Node, shape: Shape): Node {
  const value = uniform(x);
  if (value !== null) return fill(value, shape);
  const lead = new Array<number>(shape.length - x.shape.length).fill(1);
  return broadcast(reshape(x, [...lead, ...x.shape]), shape);
}

/** Splits mul(x, number) into its parts. */
function scaled(node: Node): { x: Node; scale: number } {
  if (is(node, 'mul')) {
    const scale = uniform(node.inputs[1]);
    if (scale !== null && sameShape(node.inputs[0].shape, node.shape)) return { x: node.inputs[0], scale };
  }
  return { x: node, scale: 1 };
}

/** Elementwise operators broadcast by themselves: an explicit broadcast of an operand is work for nothing. */
function dropBroadcast(node: Node): Node | null {
  const [a, b] = node.inputs;
  const smallA = is(a, 'broadcast') ? a.inputs[0] : a;
  const smallB = is(b, 'broadcast') ? b.inputs[0] : b;
  if (smallA === a && smallB === b) return null;
  const operate = { add, sub, mul, div: null }[node.op.kind as 'add' | 'sub' | 'mul' | 'div'];
  if (!operate) return null;
  const shape = broadcastShapes(smallA.shape, smallB.shape);
  return shape === null ? null : grow(operate(smallA, smallB), node.shape);
}

/** A uniform operand needs no shape of its own. */
function scalarOperand(node: Node): Node | null {
  const [a, b] = node.inputs;
  const operate = { add, sub, mul }[node.op.kind as 'add' | 'sub' | 'mul'];
  const va = uniform(a);
  const vb = uniform(b);
  if (vb !== null && b.shape.length > 0) return grow(operate(a, vb), node.shape);
  if (va !== null && a.shape.length > 0) return grow(operate(va, b), node.shape);
  return null;
}

const addRule: Rule = (node) => {
  const [a, b] = node.inputs;
  if (isZero(b)) return grow(a, node.shape);
  if (isZero(a)) return grow(b, node.shape);
  if (uniform(a) !== null && uniform(b) === null) return add(b, a);
  const [left, right] = [scaled(a), scaled(b)];
  if (right.scale === -1) return sub(a, right.x);
  if (left.scale === right.scale && left.scale !== 1 && sameShape(left.x.shape, right.x.shape)) {
    return mul(add(left.x, right.x), left.scale);
  }
  return dropBroadcast(node) ?? scalarOperand(node);
};

const subRule: Rule = (node) => {
  const [a, b] = node.inputs;
  if (isZero(b)) return grow(a, node.shape);
  if (isZero(a)) return grow(mul(b, -1), node.shape);
  const right = scaled(b);
  if (right.scale === -1) return add(a, right.x);
  return dropBroadcast(node) ?? scalarOperand(node);
};

const mulRule: Rule = (node) => {
  const [a, b] = node.inputs;
  if (isZero(a) || isZero(b)) return fill(0, node.shape);
  if (uniform(a) !== null && uniform(b) === null) return mul(b, a);
  const vb = uniform(b);
  if (vb === 1) return grow(a, node.shape);
  const inner = scaled(a);
  if (vb !== null && inner.scale !== 1) return grow(mul(inner.x, inner.scale * vb), node.shape);
  // (x·k)·y: the number moves to the smaller operand, or outwards where it can meet others.
  const outer = scaled(b);
  if (vb === null && inner.scale !== 1) {
    const smaller = sizeOf(b.shape) < sizeOf(a.shape);
    return smaller ? mul(inner.x, mul(b, inner.scale)) : outwards(inner, b, node.shape);
  }
  if (vb === null && outer.scale !== 1) {
    const smaller = sizeOf(a.shape) < sizeOf(b.shape);
    return smaller ? mul(mul(a, outer.scale), outer.x) : outwards(outer, a, node.shape);
  }
  return dropBroadcast(node) ?? scalarOperand(node);
};

function outwards({ x, scale }: { x: Node; scale: number }, other: Node, shape: Shape): Node | null {
  return sameShape(x.shape, shape) ? mul(mul(x, other), scale) : null;
}

const divRule: Rule = (node) => {
  const [a, b] = node.inputs;
  const vb = uniform(b);
  if (isZero(a)) return fill(0, node.shape);
  if (vb !== null) return grow(mul(a, 1 / vb), node.shape);
  return null;
};

const powRule: Rule = (node) => {
  const { exponent } = node.op as OpOf<'pow'>;
  if (exponent === 0) return fill(1, node.shape);
  return exponent === 1 ? node.inputs[0] : null;
};

/** Operators that are linear in each of two inputs: a zero goes through; a number moves to where least is multiplied. */
const bilinearRule: Rule = (node) => {
  if (node.inputs.some(isZero)) return fill(0, node.shape);
  for (const side of [0, 1]) {
    const { x, scale } = scaled(node.inputs[side]);
    if (scale === 1) continue;
    const other = node.inputs[1 - side];
    const [input, rest, result] = [x, other, node].map(({ shape }) => sizeOf(shape));
    if (Math.min(rest, result) >= input) continue;
    const withInputs = (a: Node, b: Node) => apply(node.op, side === 0 ? [a, b] : [b, a]);
    return rest <= result ? withInputs(x, mul(other, scale)) : mul(withInputs(x, other), scale);
  }
  return null;
};

/** A number in front of a filter belongs in its taps. */
const upfirdnRule: Rule = (node) => {
  const op = node.op as OpOf<'upfirdn'>;
  if (isZero(node.inputs[0])) return fill(0, node.shape);
  const { x, scale } = scaled(node.inputs[0]);
  return scale === 1 ? null : upfirdn(x, { ...op, taps: op.taps.map((tap) => tap * scale) });
};

/** Masks are cheapest at a small height; see MASK_HEIGHT. */
const leakyMaskRule: Rule = (node) => {
  const { slope, height } = node.op as OpOf<'leakyMask'>;
  return height === 1 ? mul(leakyMask(node.inputs[0], slope, MASK_HEIGHT), 1 / MASK_HEIGHT) : null;
};

const sumRule: Rule = (node) => {
  const { axes } = node.op as OpOf<'sum'>;
  const [x] = node.inputs;
  const count = (shape: Shape) => axes.reduce((product, axis) => product * shape[axis], 1);
  const value = uniform(x);
  if (value !== null) return fill(value * count(x.shape), node.shape);
  if (axes.every((axis) => x.shape[axis] === 1)) return x;
  if (is(x, 'sum'))
    return sum(
      x.inputs[0],
      [...new Set([...axes, ...x.op.axes])].sort((p, q) => p - q),
    );
  if (is(x, 'broadcast')) {
    const source = x.inputs[0];
    if (axes.every((axis) => source.shape[axis] === 1)) {
      return grow(mul(source, count(x.shape)), node.shape);
    }
  }
  if (is(x, 'mul')) return sumOfProduct(x, axes, node.shape);
  return null;
};

/** Σ x·s = (Σ x)·s where s does not vary along the summed axes. */
function sumOfProduct(product: Node, axes: readonly number[], shape: Shape): Node | null {
  const rank = product.shape.length;
  const fixed = (s: Node) => axes.every((axis) => (s.shape[axis - (rank - s.shape.length)] ?? 1) === 1);
  const [a, b] = product.inputs;
  const full = (x: Node) =>
    x.shape.length === rank && axes.every((axis) => x.shape[axis] === product.shape[axis]);
  if (fixed(b) && full(a)) return grow(mul(sum(a, axes), b), shape);
  if (fixed(a) && full(b)) return grow(mul(sum(b, axes), a), shape);
  return null;
}

const broadcastRule: Rule = (node) => {
  const [x] = node.inputs;
  if (sameShape(x.shape, node.shape)) return x;
  if (is(x, 'broadcast')) return broadcast(x.inputs[0], node.shape);
  const value = uniform(x);
  return value === null ? null : fill(value, node.shape);
};

const reshapeRule: Rule = (node) => {
  const [x] = node.inputs;
  if (sameShape(x.shape, node.shape)) return x;
  const value = uniform(x);
  if (value !== null) return fill(value, node.shape);
  if (is(x, 'constant')) return { op: { ...x.op, shape: node.shape }, inputs: [], shape: node.shape };
  const inner = scaled(x);
  if (inner.scale !== 1) return mul(reshape(inner.x, node.shape), inner.scale);
  return is(x, 'reshape') ? reshape(x.inputs[0], node.shape) : null;
};

const transposeRule: Rule = (node) => {
  const { perm } = node.op as OpOf<'transpose'>;
  const [x] = node.inputs;
  if (perm.every((axis, i) => axis === i)) return x;
  const value = uniform(x);
  if (value !== null) return fill(value, node.shape);
  if (is(x, 'transpose')) {
    const inner = x.op.perm;
    return transpose(
      x.inputs[0],
      perm.map((axis) => inner[axis]),
    );
  }
  // Moving axes of size 1 about is a reshape.
  const moved = perm.filter((axis) => x.shape[axis] !== 1);
  return moved.every((axis, i) => i === 0 || axis > moved[i - 1]) ? reshape(x, node.shape) : null;
};

const sliceRule: Rule = (node) => {
  const { starts, sizes } = node.op as OpOf<'slice'>;
  const [x] = node.inputs;
  if (sameShape(x.shape, node.shape)) return x;
  const value = uniform(x);
  if (value !== null) return fill(value, node.shape);
  if (is(x, 'slice')) {
    const outer = x.op.starts;
    return slice(
      x.inputs[0],
      starts.map((start, i) => start + outer[i]),
      sizes,
    );
  }
  if (is(x, 'pad') && starts.every((s, i) => s === x.op.before[i]) && sameShape(sizes, x.inputs[0].shape)) {
    return x.inputs[0];
  }
  return is(x, 'concat') ? sliceOfConcat(x, x.op.axis, starts, sizes) : null;
};

/** A slice that lies within one of the joined pieces is a slice of that piece. */
function sliceOfConcat(
  joined: Node,
  axis: number,
  starts: readonly number[],
  sizes: readonly number[],
): Node | null {
  let offset = 0;
  for (const piece of joined.inputs) {
    const start = starts[axis] - offset;
    if (start >= 0 && start + sizes[axis] <= piece.shape[axis]) {
      return slice(
        piece,
        starts.map((s, i) => (i === axis ? start : s)),
        sizes,
      );
    }
    offset += piece.shape[axis];
  }
  return null;
}

const padRule: Rule = (node) => {
  const { before, after } = node.op as OpOf<'pad'>;
  if (isZero(node.inputs[0])) return fill(0, node.shape);
  return before.every((n) => n === 0) && after.every((n) => n === 0) ? node.inputs[0] : null;
};

const concatRule: Rule = (node) => {
  const value = uniform(node.inputs[0]);
  return value !== null && node.inputs.every((piece) => uniform(piece) === value)
    ? fill(value, node.shape)
    : null;
};

export const rewriteRules: Partial<Record<Kind, Rule>> = {
  add: addRule,
  sub: subRule,
  mul: mulRule,
  div: divRule,
  pow: powRule,
  matmul: bilinearRule,
  conv: bilinearRule,
  convInputGrad: bilinearRule,
  convWeightGrad: bilinearRule,
  upfirdn: upfirdnRule,
  leakyMask: leakyMaskRule,
  sum: sumRule,
  broadcast: broadcastRule,
  reshape: reshapeRule,
  transpose: transposeRule,
  slice: sliceRule,
  pad: padRule,
  concat: concatRule,
};
