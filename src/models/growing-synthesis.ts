// The generator that grows: ProGAN's (ProGAN, table 2) and, with its features turned on, StyleGAN's (figure 1).

import { add, mul, reshape, sliceAxis, sub } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { biasAct, biasOf, LEAKY_GAIN } from '../nn/activation.ts';
import { adaptiveInstanceNorm } from '../nn/adain.ts';
import { convLayer, convParameters } from '../nn/conv.ts';
import { equalizedConv, equalizedConvUp, equalizedMatmul } from '../nn/equalized.ts';
import { linear, linearParameters } from '../nn/linear.ts';
import { normalize2ndMoment } from '../nn/normalize.ts';
import {
  buffer,
  filled,
  normal,
  type ParameterSpec,
  type Parameters,
  prefixed,
  scoped,
} from '../nn/parameters.ts';
import { BINOMIAL_FILTER, filterSame, upsampleNearest } from '../nn/resample.ts';
import { blockResolutions, channelsAt } from './common-config.ts';
import { FULL_DETAIL, type Lod, type NoiseLayer, type NoiseSource } from './contract.ts';
import { type GrowingConfig, isFused, levelOf, resolutionAt } from './growing-config.ts';

const PREFIX = 'synthesis';

/** A layer of the generator; its index is that of its style. */
interface Layer {
  readonly kind: 'const' | 'dense' | 'conv' | 'up';
  readonly name: string;
  readonly resolution: number;
  readonly index: number;
}

/** ProGAN's tensors tell by name whether a convolution resamples as well, StyleGAN's do not. */
function upName(config: GrowingConfig, resolution: number): string {
  return config.model === 'progan' && !isFused(config, resolution) ? 'Conv0' : 'Conv0_up';
}

/** Layers from coarse to fine, up to a resolution. */
function layersOf(config: GrowingConfig, imgResolution = config.imgResolution): Layer[] {
  const layers: Omit<Layer, 'index'>[] = [];
  for (const resolution of blockResolutions({ imgResolution })) {
    const layer = (kind: Layer['kind'], name: string) =>
      layers.push({ kind, name: `${resolution}x${resolution}.${name}`, resolution });
    if (resolution === 4) {
      if (config.constInput) layer('const', 'Const');
      else layer('dense', 'Dense');
      layer('conv', 'Conv');
    } else {
      layer('up', upName(config, resolution));
      layer('conv', 'Conv1');
    }
  }
  return layers.map((layer, index) => ({ ...layer, index }));
}

const toRgbName = (config: GrowingConfig, resolution: number): string =>
  `ToRGB_lod${levelOf(config, resolution)}`;

function layerParameters(config: GrowingConfig, { kind, resolution: r }: Layer): ParameterSpec[] {
  const channels = channelsAt(config, r);
  const inChannels = kind === 'up' ? channelsAt(config, r / 2) : channels;
  const weight = {
    const: filled('const', [1, channels, 4, 4], 1),
    dense: normal('weight', [channels * 16, config.wDim]),
    conv: normal('weight', [channels, channels, 3, 3]),
    up: normal('weight', [channels, inChannels, 3, 3]),
  }[kind];
  const specs = [weight, filled('bias', [channels], 0)];
  if (config.noise)
    specs.push(filled('Noise.weight', [channels], 0), buffer('noise_const', [r, r], { std: 1 }));
  if (config.styles) specs.push(...prefixed('StyleMod', linearParameters(config.wDim, 2 * channels)));
  return specs;
}

/** Parameters below `synthesis.`, under the published names with dots. */
export function growingSynthesisParameters(config: GrowingConfig): ParameterSpec[] {
  const layers = layersOf(config);
  return blockResolutions(config).flatMap((r) => [
    ...layers
      .filter(({ resolution }) => resolution === r)
      .flatMap((layer) => prefixed(layer.name, layerParameters(config, layer))),
    ...prefixed(toRgbName(config, r), convParameters(channelsAt(config, r), config.imgChannels, 1)),
  ]);
}

export function growingNoiseLayers(config: GrowingConfig): NoiseLayer[] {
  if (!config.noise) return [];
  return layersOf(config).map(({ name, resolution }) => ({ name: `${PREFIX}.${name}`, resolution }));
}

/** What the layer makes of its input, before noise, bias and activation. */
function layerBody(config: GrowingConfig, p: Parameters, layer: Layer, x: Node): Node {
  switch (layer.kind) {
    case 'const':
      return p('const');
    case 'dense': {
      // The published gain: a quarter of the others', as its output is 4² pixels.
      const y = equalizedMatmul(p, x, LEAKY_GAIN / 4);
      return reshape(y, [y.shape[0], y.shape[1] / 16, 4, 4]);
    }
    case 'conv':
      return equalizedConv(p, x);
    case 'up': {
      const y = equalizedConvUp(p, x, isFused(config, layer.resolution));
      return config.bilinear ? filterSame(y, BINOMIAL_FILTER) : y;
    }
  }
}

/** ws [N, numWs, wDim] → image [N, C, r, r] at r = R / 2^level. `p` looks up below `synthesis.`. */
export function growingSynthesis(
  config: GrowingConfig,
  p: Parameters,
  ws: Node,
  noise: NoiseSource,
  lod: Lod = FULL_DETAIL,
): Node {
  const [n, , wDim] = ws.shape;
  const w = (index: number) => reshape(sliceAxis(ws, 1, index, 1), [n, wDim]);
  const apply = (layer: Layer, input: Node): Node => {
    const params = scoped(p, layer.name);
    const { name, resolution } = layer;
    const added = config.noise ? noise({ name: `${PREFIX}.${name}`, resolution }) : null;
    const y = noisyAct(params, layerBody(config, params, layer, input), added);
    if (!config.styles) return normalize2ndMoment(y);
    return adaptiveInstanceNorm(y, linear(scoped(params, 'StyleMod'), w(layer.index)));
  };
  const toRgb = (resolution: number, input: Node) =>
    convLayer(scoped(p, toRgbName(config, resolution)), input, { activation: 'linear' });

  const resolution = resolutionAt(config, lod);
  let x = w(0);
  let coarse = x;
  for (const layer of layersOf(config, resolution)) {
    if (lod.fade !== null && layer.kind === 'up' && layer.resolution === resolution) {
      coarse = upsampleNearest(toRgb(resolution / 2, x), 2);
    }
    x = apply(layer, x);
  }
  const fine = toRgb(resolution, x);
  return lod.fade === null ? fine : crossFade(fine, coarse, lod.fade);
}

/** lrelu(x + noise·strength + b), with a strength for each channel. */
function noisyAct(p: Parameters, x: Node, noise: Node | null): Node {
  const noisy = noise === null ? x : add(x, mul(noise, biasOf(p('Noise.weight'), 4)));
  return biasAct(noisy, p('bias'), 'lrelu', 1);
}

/** fine + (coarse - fine)·fade (ProGAN, figure 2, with α = 1 - fade). */
export const crossFade = (fine: Node, coarse: Node, fade: Node): Node =>
  add(fine, mul(sub(coarse, fine), fade));
