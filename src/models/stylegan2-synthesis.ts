// StyleGAN2's synthesis network (StyleGAN2, sections 2 and 4; architectures skip, resnet, orig as in figure 7).

import { add, broadcast, mul, reshape, sliceAxis } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { activationGain, biasAct, biasOf } from '../nn/activation.ts';
import { convLayer, convParameters, type Resampling } from '../nn/conv.ts';
import { linear, linearParameters } from '../nn/linear.ts';
import { modulatedConv, modulatedConvOnly } from '../nn/modulated-conv.ts';
import {
  buffer,
  filled,
  normal,
  type ParameterSpec,
  type Parameters,
  prefixed,
  scoped,
} from '../nn/parameters.ts';
import { RESAMPLE_FILTER, upsample2d } from '../nn/resample.ts';
import { blockResolutions, channelsAt } from './common-config.ts';
import type { NoiseLayer, NoiseSource } from './contract.ts';
import type { StyleGAN2Config } from './stylegan2-config.ts';

/** Halves the variance of each branch of a residual sum. */
const RESIDUAL_GAIN = Math.SQRT1_2;

export const resampleFilterBuffer = (): ParameterSpec =>
  buffer('resample_filter', [...RESAMPLE_FILTER.size], { data: RESAMPLE_FILTER.taps });

function layerParameters(
  inChannels: number,
  outChannels: number,
  wDim: number,
  resolution: number,
): ParameterSpec[] {
  return [
    normal('weight', [outChannels, inChannels, 3, 3]),
    filled('noise_strength', [1], 0),
    filled('bias', [outChannels], 0),
    ...prefixed('affine', linearParameters(wDim, inChannels, { biasInit: 1 })),
    resampleFilterBuffer(),
    buffer('noise_const', [resolution, resolution], { std: 1 }),
  ];
}

function toRgbParameters(inChannels: number, imgChannels: number, wDim: number): ParameterSpec[] {
  return [
    normal('weight', [imgChannels, inChannels, 1, 1]),
    filled('bias', [imgChannels], 0),
    ...prefixed('affine', linearParameters(wDim, inChannels, { biasInit: 1 })),
  ];
}

const hasToRgb = (config: StyleGAN2Config, resolution: number): boolean =>
  config.architecture === 'skip' || resolution === config.imgResolution;

export function synthesisParameters(config: StyleGAN2Config): ParameterSpec[] {
  const { wDim, imgChannels } = config;
  return blockResolutions(config).flatMap((r) => {
    const out = channelsAt(config, r);
    const specs: ParameterSpec[] = [];
    if (r === 4) {
      specs.push(normal('const', [out, 4, 4]));
    } else {
      const inChannels = channelsAt(config, r / 2);
      specs.push(...prefixed('conv0', layerParameters(inChannels, out, wDim, r)));
      if (config.architecture === 'resnet') {
        specs.push(
          ...prefixed('skip', [
            ...convParameters(inChannels, out, 1, { bias: false }),
            resampleFilterBuffer(),
          ]),
        );
      }
    }
    specs.push(...prefixed('conv1', layerParameters(out, out, wDim, r)));
    if (hasToRgb(config, r)) specs.push(...prefixed('torgb', toRgbParameters(out, imgChannels, wDim)));
    return prefixed(`b${r}`, [...specs, resampleFilterBuffer()]);
  });
}

export function noiseLayers(config: StyleGAN2Config): NoiseLayer[] {
  return blockResolutions(config).flatMap((resolution) =>
    (resolution === 4 ? ['conv1'] : ['conv0', 'conv1']).map((layer) => ({
      name: `synthesis.b${resolution}.${layer}`,
      resolution,
    })),
  );
}

interface LayerOptions {
  readonly resampling: Resampling;
  readonly noise: Node | null;
  readonly gain: number;
}

/** lrelu(demod(conv(x·s)) + noise·strength + b)·gain. */
function synthesisLayer(p: Parameters, x: Node, w: Node, { resampling, noise, gain }: LayerOptions): Node {
  const styles = linear(scoped(p, 'affine'), w); // [N, I]
  const totalGain = gain * activationGain('lrelu');
  const y = modulatedConv(x, p('weight'), styles, resampling, totalGain);
  if (noise === null) return biasAct(y, p('bias'), 'lrelu', totalGain);
  const strength = reshape(mul(p('noise_strength'), totalGain), []);
  return biasAct(add(y, mul(noise, strength)), p('bias'), 'lrelu', totalGain);
}

/** Image channels from features, modulated but not demodulated. */
function toRgb(p: Parameters, x: Node, w: Node): Node {
  const weight = p('weight');
  const styles = mul(linear(scoped(p, 'affine'), w), 1 / Math.sqrt(weight.shape[1]));
  return add(modulatedConvOnly(x, weight, styles), biasOf(p('bias'), 4));
}

/** ws [N, numWs, wDim] → image [N, C, R, R]. `p` looks up below `synthesis.`. */
export function synthesis(config: StyleGAN2Config, p: Parameters, ws: Node, noise: NoiseSource): Node {
  const [n, , wDim] = ws.shape;
  const w = (index: number) => reshape(sliceAxis(ws, 1, index, 1), [n, wDim]);
  let x: Node | null = null;
  let image: Node | null = null;
  let index = 0;
  for (const r of blockResolutions(config)) {
    const block = scoped(p, `b${r}`);
    const layer = (name: string, input: Node, resampling: Resampling, gain = 1): Node =>
      synthesisLayer(scoped(block, name), input, w(index++), {
        resampling,
        noise: noise({ name: `synthesis.b${r}.${name}`, resolution: r }),
        gain,
      });
    if (x === null) {
      const constant = block('const');
      x = layer(
        'conv1',
        broadcast(reshape(constant, [1, ...constant.shape]), [n, ...constant.shape]),
        'none',
      );
    } else if (config.architecture === 'resnet') {
      const options = { activation: 'linear', resampling: 'up', gain: RESIDUAL_GAIN, bias: false } as const;
      const skip: Node = convLayer(scoped(block, 'skip'), x, options);
      x = add(skip, layer('conv1', layer('conv0', x, 'up'), 'none', RESIDUAL_GAIN));
    } else {
      x = layer('conv1', layer('conv0', x, 'up'), 'none');
    }
    if (image !== null) image = upsample2d(image);
    if (hasToRgb(config, r)) {
      // ToRGB shares the style vector of the next block's first layer.
      const rgb = toRgb(scoped(block, 'torgb'), x, w(index));
      image = image === null ? rgb : add(image, rgb);
    }
  }
  return image!;
}
