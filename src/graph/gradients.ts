// Gradient rules: for every operator, the vector-Jacobian product as more graph of the same operators.
//
// A rule receives the node y = op(inputs) and gy = dL/dy and returns dL/dinput for each input (null: zero).

import {
  broadcast,
  conv,
  convInputGrad,
  convWeightGrad,
  cos,
  div,
  leakyMask,
  matmul,
  mul,
  neg,
  pad,
  pow,
  reshape,
  sample,
  sigmoid,
  sign,
  sin,
  slice,
  sliceAxis,
  splat,
  sub,
  sum,
  sumTo,
  transpose,
  upfirdn,
} from './build.ts';
import type { Kind, Node, OpOf, UpFirDn } from './node.ts';

type Rule<K extends Kind> = (
  op: OpOf<K>,
  gy: Node,
  inputs: readonly Node[],
  y: Node,
) => readonly (Node | null)[];

const leaf = (): readonly (Node | null)[] => [];
const flat = (): readonly (Node | null)[] => [null];

// y = op(A) op(B):  dA = gy Bᵀ,  dB = Aᵀ gy, with the transposes that op(·) asks for.
const matmulGradient: Rule<'matmul'> = ({ transA, transB }, gy, [a, b]) => [
  transA ? matmul(b, gy, { transA: transB, transB: true }) : matmul(gy, b, { transB: !transB }),
  transB ? matmul(gy, a, { transA: true, transB: transA }) : matmul(a, gy, { transA: !transA }),
];

/**
 * Along one axis, y[i] = Σ_k taps[k] · x̂[i·down + k - p0] with x̂ the zero-stuffed x, so
 * dx[l] = Σ_k taps[T-1-k] · ŷ[l·up + k - (T-1-p0)]: the same operator, taps flipped, up and down exchanged.
 */
function adjointUpFirDn(op: UpFirDn, x: Node, y: Node): UpFirDn {
  const [th, tw] = op.tapsShape;
  const top = th - 1 - op.pad[0];
  const left = tw - 1 - op.pad[1];
  const bottom = (x.shape[2] - 1) * op.up + th - y.shape[2] * op.down - top;
  const right = (x.shape[3] - 1) * op.up + tw - y.shape[3] * op.down - left;
  return {
    ...op,
    taps: op.taps.slice().reverse(),
    up: op.down,
    down: op.up,
    pad: [top, left, bottom, right],
  };
}

function concatGradient(op: OpOf<'concat'>, gy: Node, inputs: readonly Node[]): readonly Node[] {
  let start = 0;
  return inputs.map((node) => {
    const size = node.shape[op.axis];
    start += size;
    return sliceAxis(gy, op.axis, start - size, size);
  });
}

/** The table: one rule for each operator; a missing one does not compile. */
export const gradientRules: { readonly [K in Kind]: Rule<K> } = {
  input: leaf,
  constant: leaf,
  fill: leaf,
  exp: (_op, gy, _x, y) => [mul(gy, y)],
  log: (_op, gy, [x]) => [div(gy, x)],
  sin: (_op, gy, [x]) => [mul(gy, cos(x))],
  cos: (_op, gy, [x]) => [neg(mul(gy, sin(x)))],
  tanh: (_op, gy, _x, y) => [mul(gy, sub(1, mul(y, y)))],
  sigmoid: (_op, gy, _x, y) => [mul(gy, mul(y, sub(1, y)))],
  softplus: (_op, gy, [x]) => [mul(gy, sigmoid(x))],
  abs: (_op, gy, [x]) => [mul(gy, sign(x))],
  sign: flat,
  // x⁰ is flat; the general rule would give 0·∞ for it at x = 0.
  pow: ({ exponent }, gy, [x]) => [exponent === 0 ? null : mul(gy, mul(pow(x, exponent - 1), exponent))],
  // The slope is positive, so y has the sign of x and the mask can be read from y, which is kept anyway.
  leakyRelu: ({ slope }, gy, _x, y) => [mul(gy, leakyMask(y, slope))],
  leakyMask: flat,
  add: (_op, gy, [a, b]) => [sumTo(gy, a.shape), sumTo(gy, b.shape)],
  sub: (_op, gy, [a, b]) => [sumTo(gy, a.shape), sumTo(neg(gy), b.shape)],
  mul: (_op, gy, [a, b]) => [sumTo(mul(gy, b), a.shape), sumTo(mul(gy, a), b.shape)],
  // d(a/b) = gy/b,  -gy·y/b
  div: (_op, gy, [a, b], y) => [sumTo(div(gy, b), a.shape), sumTo(neg(div(mul(gy, y), b)), b.shape)],
  matmul: matmulGradient,
  // The convolution family is closed: the derivative of each of the three is the other two.
  conv: (op, gy, [x, w]) => [
    convInputGrad(gy, w, op, [x.shape[2], x.shape[3]]),
    convWeightGrad(x, gy, op, [w.shape[2], w.shape[3]]),
  ],
  convInputGrad: (op, gx, [y, w]) => [conv(gx, w, op), convWeightGrad(gx, y, op, [w.shape[2], w.shape[3]])],
  convWeightGrad: (op, gw, [x, y]) => [convInputGrad(y, gw, op, [x.shape[2], x.shape[3]]), conv(x, gw, op)],
  upfirdn: (op, gy, [x], y) => [upfirdn(gy, adjointUpFirDn(op, x, y))],
  // Each is linear in its first input and the other's adjoint: ⟨sample(x), y⟩ = ⟨x, splat(y)⟩. Positions count as
  // constants. They are drawn on the host, so nobody asks for their gradient, which would not be of these operators.
  sample: (_op, gy, [x, at]) => [splat(gy, at, [x.shape[2], x.shape[3]]), null],
  splat: (_op, gx, [, at]) => [sample(gx, at), null],
  sum: (_op, gy, [x]) => [broadcast(gy, x.shape)],
  broadcast: (_op, gy, [x]) => [
    sum(
      gy,
      x.shape.map((_, axis) => axis).filter((axis) => x.shape[axis] !== gy.shape[axis]),
    ),
  ],
  reshape: (_op, gy, [x]) => [reshape(gy, x.shape)],
  transpose: ({ perm }, gy) => [
    transpose(
      gy,
      perm.map((_, axis) => perm.indexOf(axis)),
    ),
  ],
  slice: ({ starts, sizes }, gy, [x]) => [
    pad(
      gy,
      starts,
      x.shape.map((dim, i) => dim - starts[i] - sizes[i]),
    ),
  ],
  pad: ({ before }, gy, [x]) => [slice(gy, before, x.shape)],
  concat: concatGradient,
};

/** dL/dinput for every input of `node`, given dL/dnode. */
export function gradientOf(node: Node, gy: Node): readonly (Node | null)[] {
  const rule = gradientRules[node.op.kind] as Rule<Kind>;
  return rule(node.op, gy, node.inputs, node);
}
