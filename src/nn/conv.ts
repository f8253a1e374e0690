// Convolution with optional resampling, and the equalized convolution layer of the discriminator.

import { conv, convInputGrad, mul, transpose } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { type Activation, activationGain, biasAct } from './activation.ts';
import { filled, normal, type ParameterSpec, type Parameters } from './parameters.ts';
import {
  downsample2d,
  downsamplePadding,
  filterImage,
  RESAMPLE_FILTER,
  upsample2d,
  upsamplePadding,
} from './resample.ts';

export type Resampling = 'none' | 'up' | 'down';

/**
 * x [N,I,H,W] with w [O,I,k,k], "same" padding, at twice or half the size. Filtering and convolution commute, so
 * each path convolves where there are fewest pixels.
 */
export function convResample(x: Node, w: Node, resampling: Resampling): Node {
  const k = w.shape[2];
  const same = (k - 1) / 2;
  if (resampling === 'none') return conv(x, w, { pad: [same, same, same, same] });
  if (resampling === 'down') return convDown(x, w, same);
  return k === 1 ? upsample2d(conv(x, w)) : convUp(x, w, same);
}

/** Filter, then a convolution with stride 2; a 1×1 kernel filters at half the size. */
function convDown(x: Node, w: Node, same: number): Node {
  if (same === 0) return conv(downsample2d(x), w);
  const [before, after] = downsamplePadding(RESAMPLE_FILTER).map((p) => p + same);
  return conv(filterImage(x, RESAMPLE_FILTER, { pad: [before, before, after, after] }), w, { stride: 2 });
}

/** A transposed convolution with stride 2, then the filter. */
function convUp(x: Node, w: Node, same: number): Node {
  const [, , h, width] = x.shape;
  const k = w.shape[2];
  const window = { stride: 2, pad: [0, 0, 0, 0] } as const;
  const y = convInputGrad(x, transpose(w, [1, 0, 2, 3]), window, [2 * (h - 1) + k, 2 * (width - 1) + k]);
  const [before, after] = upsamplePadding(RESAMPLE_FILTER);
  const [top, bottom] = [before + same - (k - 1), after + same - (k - 2)];
  return filterImage(y, RESAMPLE_FILTER, { pad: [top, top, bottom, bottom], gain: 4 });
}

export interface ConvOptions {
  readonly activation?: Activation;
  readonly resampling?: Resampling;
  /** Multiplies the layer's output. */
  readonly gain?: number;
  readonly bias?: boolean;
}

export function convParameters(
  inChannels: number,
  outChannels: number,
  kernel: number,
  { bias = true } = {},
): ParameterSpec[] {
  const weight = normal('weight', [outChannels, inChannels, kernel, kernel]);
  return bias ? [weight, filled('bias', [outChannels], 0)] : [weight];
}

/** act(conv(x, W/√(I·k²)) + b)·gain. */
export function convLayer(p: Parameters, x: Node, options: ConvOptions = {}): Node {
  const { activation = 'lrelu', resampling = 'none', gain = 1, bias = true } = options;
  const weight = p('weight');
  const [, inChannels, kh, kw] = weight.shape;
  const totalGain = gain * activationGain(activation);
  const scaled = mul(weight, totalGain / Math.sqrt(inChannels * kh * kw));
  return biasAct(convResample(x, scaled, resampling), bias ? p('bias') : null, activation, totalGain);
}
