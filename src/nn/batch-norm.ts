// Batch normalization (Ioffe & Szegedy 2015, algorithms 1 and 2), with the running statistics of published frameworks.

import { sizeOf } from '../core/tensor.ts';
import { add, mean, mul, reshape, rsqrt, square, sub } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { biasOf } from './activation.ts';
import { buffer, filled, type ParameterSpec, type Parameters } from './parameters.ts';

const EPSILON = 1e-5;
/** Share of the old running statistics kept at each step. */
const KEEP = 0.9;

/** γ ~ N(1, std²), β = 0, and the running statistics, under PyTorch's names. */
export function batchNormParameters(channels: number, std: number): ParameterSpec[] {
  return [
    { name: 'weight', shape: [channels], init: { mean: 1, std }, trainable: true },
    filled('bias', [channels], 0),
    buffer('running_mean', [channels], { value: 0 }, KEEP),
    buffer('running_var', [channels], { value: 1 }, KEEP),
  ];
}

/**
 * γ·(x - μ)/√(σ² + 1e-5) + β for each channel of x [N, C] or [N, C, H, W]. In training, μ and σ² are the batch's, and the
 * running statistics move towards μ and the unbiased σ²·m/(m - 1) of its m values; in use, they are the running ones.
 */
export function batchNorm(p: Parameters, x: Node): Node {
  const rank = x.shape.length;
  const [weight, bias] = [biasOf(p('weight'), rank), biasOf(p('bias'), rank)];
  if (p.observe === undefined) {
    const scale = mul(weight, inverseDeviation(biasOf(p('running_var'), rank)));
    return add(mul(x, scale), sub(bias, mul(biasOf(p('running_mean'), rank), scale)));
  }
  const channels = x.shape[1];
  const count = sizeOf(x.shape) / channels;
  if (count < 2) throw new RangeError('batch norm: got one value a channel, expected at least 2 to compare');
  const axes = x.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
  const center = mean(x, axes);
  const centered = sub(x, center);
  const variance = mean(square(centered), axes);
  p.observe('running_mean', reshape(center, [channels]));
  p.observe('running_var', reshape(mul(variance, count / (count - 1)), [channels]));
  return add(mul(centered, mul(weight, inverseDeviation(variance))), bias);
}

const inverseDeviation = (variance: Node): Node => rsqrt(add(variance, EPSILON));
