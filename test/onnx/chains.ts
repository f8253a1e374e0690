// Chains of operators, because the CPU lowering passes images on in a blocked layout and fuses what follows a
// convolution: every operator must also be right when its input comes from one.

import {
  add,
  broadcast,
  concat,
  constant,
  conv,
  convWeightGrad,
  div,
  leakyMask,
  leakyRelu,
  matmul,
  mean,
  mul,
  pad,
  reshape,
  rsqrt,
  sigmoid,
  sign,
  slice,
  softplus,
  square,
  sub,
  sum,
  transpose,
  upfirdn,
} from '../../src/graph/build.ts';
import type { Node } from '../../src/graph/node.ts';
import { type CaseInput, normal, type OperatorCase, positive } from '../graph/case.ts';

const N = 2;
const C = 16;
const [H, W] = [4, 3];
const same = { pad: [1, 1, 1, 1] } as const;
const blur = Float32Array.from([1, 3, 3, 1].flatMap((a) => [1, 3, 3, 1].map((b) => (a * b) / 64)));
const square4 = { taps: blur, tapsShape: [4, 4] } as const;

/** f(conv(x, w), further inputs) with sixteen channels in and out, x [2,16,4,3]. */
function after(
  name: string,
  f: (y: Node, ...others: Node[]) => Node,
  ...others: readonly CaseInput[]
): OperatorCase {
  return {
    name,
    inputs: [normal(N, C, H, W), normal(C, C, 3, 3), ...others],
    build: (x, w, ...rest) => f(conv(x, w, same), ...rest),
  };
}

const operandShapes: readonly (readonly number[])[] = [
  [N, C, H, W],
  [N, C, 1, 1],
  [1, C, 1, 1],
  [C, 1, 1],
  [N, 1, H, W],
  [1, 1, H, W],
  [H, W],
  [N, 1, 1, 1],
  [1, C, H, W],
  [N, C, H, 1],
  [W],
  [1],
  [],
];

const binaries: readonly OperatorCase[] = operandShapes.flatMap((shape) => [
  after(`image + [${shape}]`, (y, b) => add(y, b), normal(...shape)),
  after(`[${shape}] - image`, (y, b) => sub(b, y), normal(...shape)),
  after(`image * [${shape}]`, (y, b) => mul(y, b), normal(...shape)),
  after(`image / [${shape}]`, (y, b) => div(y, b), positive(...shape)),
]);

const growing: readonly OperatorCase[] = [
  after('an image of one sample grows', (y, b) => mul(sum(y, [0]), b), normal(N, C, H, W)),
  after('a sum over pixels beside the image', (y) => div(y, add(sum(square(y), [2, 3]), 1))),
  after('a sum over channels beside the image', (y) => mul(y, rsqrt(add(mean(square(y), [1]), 0.1)))),
  after('a difference from the mean of the batch', (y) => square(sub(y, mean(y, [0])))),
];

const patterns = [[0], [1], [2], [3], [0, 1], [2, 3], [0, 2, 3], [1, 2, 3], [0, 1, 2, 3], [1, 2], [0, 3]];

const views: readonly OperatorCase[] = [
  ...patterns.map((axes) => after(`sum over [${axes}]`, (y) => sum(square(y), axes))),
  after('reshape', (y) => reshape(y, [N, C * H * W])),
  after('transpose', (y) => transpose(y, [0, 2, 3, 1])),
  after('one sample', (y) => slice(y, [1, 0, 0, 0], [1, C, H, W])),
  after('some channels', (y) => slice(y, [0, 3, 0, 0], [N, 8, H, W])),
  after('some pixels', (y) => slice(y, [0, 0, 1, 1], [N, C, 3, 2])),
  after('padding', (y) => pad(y, [0, 0, 1, 0], [0, 0, 2, 1])),
  after('more samples', (y) => pad(y, [1, 0, 0, 0], [0, 0, 0, 0])),
  after('joined samples', (y) => concat([y, square(y)], 0)),
  after('joined channels', (y, b) => concat([y, b], 1), normal(N, 1, H, W)),
  after('joined rows', (y) => concat([y, y], 2)),
  after('broadcast of one sample', (y) => broadcast(sum(y, [0]), [3, C, H, W])),
  after('matrix product', (y, b) => matmul(reshape(y, [N, C * H * W]), b), normal(C * H * W, 4)),
];

const elementwise: readonly OperatorCase[] = [
  after('softplus', (y) => softplus(y)),
  after('sigmoid', (y) => sigmoid(y)),
  after('square and root', (y) => rsqrt(add(square(y), 1))),
  after('leaky ReLU alone', (y) => leakyRelu(y, 0.2)),
  after('mask and sign', (y) => mul(mul(y, leakyMask(y, 0.1)), sign(y))),
  after('bias and leaky ReLU', (y, b) => leakyRelu(add(y, b), 0.2), normal(1, C, 1, 1)),
  after('bias first', (y, b) => leakyRelu(add(b, y), 0.2), normal(1, C, 1, 1)),
  after(
    'bias, leaky ReLU and gain',
    (y, b) => mul(leakyRelu(add(y, b), 0.2), Math.SQRT2),
    normal(1, C, 1, 1),
  ),
  after('bias of rank 3 and leaky ReLU', (y, b) => leakyRelu(add(y, b), 0.2), normal(C, 1, 1)),
  after('a bias that is one number', (y, b) => leakyRelu(add(y, b), 0.2), normal(1, 1, 1, 1)),
  after('a bias for each sample', (y, b) => leakyRelu(add(y, b), 0.2), normal(N, C, 1, 1)),
  after(
    'noise and bias',
    (y, n, b) => leakyRelu(add(add(y, n), b), 0.2),
    normal(N, 1, H, W),
    normal(1, C, 1, 1),
  ),
  after(
    'what is biased is used twice',
    (y, b) => mul(leakyRelu(add(y, b), 0.2), add(y, b)),
    normal(1, C, 1, 1),
  ),
  after('the convolution is used twice', (y, b) => mul(leakyRelu(add(y, b), 0.2), y), normal(1, C, 1, 1)),
];

const modulated: OperatorCase = {
  name: 'modulated and demodulated convolution',
  inputs: [normal(N, C, H, W), normal(C, C, 3, 3), normal(N, C)],
  build: (x, w, s) => {
    const norms = matmul(square(s), reshape(sum(square(w), [2, 3]), [C, C]), { transB: true });
    const y = conv(mul(x, reshape(s, [N, C, 1, 1])), w, same);
    return mul(y, reshape(rsqrt(add(norms, 1e-8)), [N, C, 1, 1]));
  },
};

const filtered: readonly OperatorCase[] = [
  after('blur', (y) => upfirdn(y, { ...square4, up: 1, down: 1, pad: [2, 2, 1, 1] })),
  after('upsampling', (y) => upfirdn(y, { ...square4, up: 2, down: 1, pad: [2, 2, 1, 1] })),
  after('downsampling', (y) => upfirdn(y, { ...square4, up: 1, down: 2, pad: [1, 1, 1, 1] })),
  after(
    'blur and strided convolution',
    (y, w) => conv(upfirdn(y, { ...square4, up: 1, down: 1, pad: [2, 2, 2, 2] }), w, { stride: 2 }),
    normal(32, C, 3, 3),
  ),
];

const convolutions: readonly OperatorCase[] = [
  after('another convolution', (y, w) => conv(leakyRelu(y, 0.2), w, same), normal(32, C, 3, 3)),
  after('to three channels', (y, w) => conv(y, w), normal(3, C, 1, 1)),
  after('to seventeen channels', (y, w) => conv(y, w, same), normal(17, C, 3, 3)),
  after('the whole image', (y, w) => conv(y, w), normal(C, C, H, W)),
  after(
    'one image twice',
    (y, w, v) => add(conv(y, w, same), conv(y, v)),
    normal(C, C, 3, 3),
    normal(C, C, 1, 1),
  ),
  after('one kernel twice', (y, w) => conv(conv(y, w, same), w, same), normal(C, C, 3, 3)),
  after(
    'two gradients of one image',
    (y, b) =>
      add(
        convWeightGrad(y, b, { stride: 1, pad: [1, 1, 1, 1] }, [3, 3]),
        convWeightGrad(square(y), b, { stride: 1, pad: [1, 1, 1, 1] }, [3, 3]),
      ),
    normal(N, C, H, W),
  ),
  after('constant weights and bias', (y) =>
    leakyRelu(
      add(
        conv(
          y,
          constant(
            Float32Array.from({ length: C * C }, (_, i) => Math.sin(i)),
            [C, C, 1, 1],
          ),
        ),
        constant(
          Float32Array.from({ length: C }, (_, i) => Math.cos(i)),
          [1, C, 1, 1],
        ),
      ),
      0.2,
    ),
  ),
];

export const chains: readonly OperatorCase[] = [
  ...binaries,
  ...growing,
  ...views,
  ...elementwise,
  modulated,
  ...filtered,
  ...convolutions,
];
