// Fully connected layer with equalized learning rate (ProGAN, section 4.1).

import { matmul, mul } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { type Activation, activationGain, biasAct } from './activation.ts';
import { filled, normal, type ParameterSpec, type Parameters } from './parameters.ts';

export interface LinearOptions {
  readonly activation?: Activation;
  /** Learning rate of this layer relative to the others. */
  readonly lrMultiplier?: number;
}

export function linearParameters(
  inFeatures: number,
  outFeatures: number,
  { lrMultiplier = 1, biasInit = 0 } = {},
): ParameterSpec[] {
  return [
    normal('weight', [outFeatures, inFeatures], 1 / lrMultiplier),
    filled('bias', [outFeatures], biasInit),
  ];
}

/** x [N, in] → act(x·(W·lr/√in)ᵀ + b·lr)·gain [N, out]. */
export function linear(
  p: Parameters,
  x: Node,
  { activation = 'linear', lrMultiplier = 1 }: LinearOptions = {},
): Node {
  const weight = p('weight');
  const gain = activationGain(activation);
  const scale = (lrMultiplier / Math.sqrt(weight.shape[1])) * gain;
  const y = matmul(x, mul(weight, scale), { transB: true });
  return biasAct(y, p('bias'), activation, gain * lrMultiplier);
}
