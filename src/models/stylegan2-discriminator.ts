// StyleGAN2's discriminator (StyleGAN2, section 4, figure 7; label projection as in StyleGAN2-ADA).

import { add, mul, reshape, sum } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { convLayer, convParameters } from '../nn/conv.ts';
import { linear, linearParameters } from '../nn/linear.ts';
import { minibatchStd } from '../nn/minibatch-std.ts';
import { type ParameterSpec, type Parameters, prefixed, scoped } from '../nn/parameters.ts';
import { downsample2d } from '../nn/resample.ts';
import { blockResolutions, channelsAt } from './common-config.ts';
import { mapping, mappingParameters } from './mapping.ts';
import type { StyleGAN2Config } from './stylegan2-config.ts';
import { resampleFilterBuffer } from './stylegan2-synthesis.ts';

const RESIDUAL_GAIN = Math.SQRT1_2;

/** Only the first block sees the image, but for the skip architecture, where each one does. */
const hasFromRgb = (config: StyleGAN2Config, resolution: number): boolean =>
  config.discriminator.architecture === 'skip' || resolution === config.imgResolution;

const filtered = (specs: ParameterSpec[]): ParameterSpec[] => [...specs, resampleFilterBuffer()];

export function discriminatorParameters(config: StyleGAN2Config): ParameterSpec[] {
  const { imgChannels, cDim, discriminator } = config;
  const specs = [...blockResolutions(config)].reverse().flatMap((r) => {
    const channels = channelsAt(discriminator, r);
    const fromRgb = filtered(convParameters(imgChannels, channels, 1));
    const block = hasFromRgb(config, r) ? prefixed('fromrgb', fromRgb) : [];
    if (r === 4) return prefixed('b4', [...block, ...epilogueParameters(config)]);
    const below = channelsAt(discriminator, r / 2);
    block.push(...prefixed('conv0', filtered(convParameters(channels, channels, 3))));
    block.push(...prefixed('conv1', filtered(convParameters(channels, below, 3))));
    if (discriminator.architecture === 'resnet') {
      block.push(...prefixed('skip', filtered(convParameters(channels, below, 1, { bias: false }))));
    }
    return prefixed(`b${r}`, filtered(block));
  });
  if (cDim > 0) {
    const labels = mappingParameters({
      zDim: 0,
      cDim,
      wDim: channelsAt(discriminator, 4),
      layers: discriminator.mappingLayers,
    });
    specs.push(...prefixed('mapping', labels));
  }
  return specs;
}

function epilogueParameters(config: StyleGAN2Config): ParameterSpec[] {
  const channels = channelsAt(config.discriminator, 4);
  const statistics = config.discriminator.mbstdGroup > 1 ? 1 : 0;
  return [
    ...prefixed('conv', filtered(convParameters(channels + statistics, channels, 3))),
    ...prefixed('fc', linearParameters(channels * 16, channels)),
    ...prefixed('out', linearParameters(channels, config.cDim > 0 ? channels : 1)),
  ];
}

/** Image [N, C, R, R] in [-1, 1], c [N, cDim] or null → logits [N, 1]. */
export function discriminate(config: StyleGAN2Config, p: Parameters, img: Node, c: Node | null): Node {
  const { architecture } = config.discriminator;
  let image = img;
  let x: Node | null = null;
  for (const r of [...blockResolutions(config)].reverse()) {
    const block = scoped(p, `b${r}`);
    if (hasFromRgb(config, r)) {
      const features = convLayer(scoped(block, 'fromrgb'), image);
      x = x === null ? features : add(x, features);
      if (architecture === 'skip' && r > 4) image = downsample2d(image);
    }
    if (r > 4) x = discriminatorBlock(block, x!, architecture === 'resnet');
  }
  return epilogue(config, p, x!, c);
}

function discriminatorBlock(p: Parameters, x: Node, residual: boolean): Node {
  const main = (gain: number) =>
    convLayer(scoped(p, 'conv1'), convLayer(scoped(p, 'conv0'), x), { resampling: 'down', gain });
  if (!residual) return main(1);
  const options = { activation: 'linear', resampling: 'down', gain: RESIDUAL_GAIN, bias: false } as const;
  return add(convLayer(scoped(p, 'skip'), x, options), main(RESIDUAL_GAIN));
}

function epilogue(config: StyleGAN2Config, p: Parameters, x: Node, c: Node | null): Node {
  const { mbstdGroup } = config.discriminator;
  const block = scoped(p, 'b4');
  const features = convLayer(scoped(block, 'conv'), mbstdGroup > 1 ? minibatchStd(x, mbstdGroup) : x);
  const [n, channels] = features.shape;
  const hidden = linear(scoped(block, 'fc'), reshape(features, [n, channels * 16]), { activation: 'lrelu' });
  const out = linear(scoped(block, 'out'), hidden);
  if (c === null) return out;
  // Projection: logit = <out, map(c)>/√channels.
  const projection = mapping(scoped(p, 'mapping'), null, c, config.discriminator.mappingLayers);
  return mul(sum(mul(out, projection), [1]), 1 / Math.sqrt(channels));
}
