// Adaptive instance normalization (StyleGAN, equation 1).

import { add, mean, mul, reshape, rsqrt, sliceAxis, square, sub } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';

const EPSILON = 1e-8;

/**
 * (x - μ)/√(σ² + ε)·(1 + s) + b for each image and channel. x [1|N,C,H,W], style [N, 2C] = (s, b) → [N,C,H,W].
 * The variance is that of the centred image: a channel without any contrast, such as the learned constant before
 * training, must give exactly zero.
 */
export function adaptiveInstanceNorm(x: Node, style: Node): Node {
  const [, channels] = x.shape;
  const part = (index: number) =>
    reshape(sliceAxis(style, 1, index * channels, channels), [style.shape[0], channels, 1, 1]);
  const centered = sub(x, mean(x, [2, 3]));
  const scale = mul(add(part(0), 1), rsqrt(add(mean(square(centered), [2, 3]), EPSILON)));
  return add(mul(centered, scale), part(1));
}
