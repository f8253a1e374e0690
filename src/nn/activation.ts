// Bias and leaky ReLU with their gain (StyleGAN, appendix C; slope 0.2, gain √2).

import { add, leakyRelu, mul, reshape } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';

export const LEAKY_SLOPE = 0.2;
/** Keeps the variance of a layer's output at one. */
export const LEAKY_GAIN = Math.SQRT2;

export type Activation = 'linear' | 'lrelu';

export const activationGain = (activation: Activation): number => (activation === 'lrelu' ? LEAKY_GAIN : 1);

/** A bias [C] beside x [N, C] or [N, C, H, W]. */
export function biasOf(bias: Node, rank: number): Node {
  return reshape(bias, rank === 2 ? [1, bias.shape[0]] : [1, bias.shape[0], 1, 1]);
}

/**
 * act(x + b)·gain for x that was already multiplied by `gain`: max(x, αx) is homogeneous, so a positive gain may
 * act on the weights that made x, which are far fewer than its pixels.
 */
export function biasAct(scaledX: Node, bias: Node | null, activation: Activation, gain: number): Node {
  const sum = bias === null ? scaledX : add(scaledX, mul(biasOf(bias, scaledX.shape.length), gain));
  return activation === 'lrelu' ? leakyRelu(sum, LEAKY_SLOPE) : sum;
}
