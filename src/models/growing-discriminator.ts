// The discriminator that grows: ProGAN's (ProGAN, table 2), and StyleGAN's, which filters before it reduces.

import { mul, reshape, sliceAxis, sum } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { biasAct } from '../nn/activation.ts';
import { convParameters } from '../nn/conv.ts';
import { equalizedConv, equalizedConvDown, equalizedDense } from '../nn/equalized.ts';
import { linear, linearParameters } from '../nn/linear.ts';
import { minibatchStd } from '../nn/minibatch-std.ts';
import { type ParameterSpec, type Parameters, prefixed, scoped } from '../nn/parameters.ts';
import { BINOMIAL_FILTER, downsampleBox, filterSame } from '../nn/resample.ts';
import { blockResolutions, channelsAt } from './common-config.ts';
import { FULL_DETAIL, type Lod, type Scores } from './contract.ts';
import { type GrowingConfig, isFused, levelOf, resolutionAt } from './growing-config.ts';
import { crossFade } from './growing-synthesis.ts';

/** ProGAN without fused resampling reduces after the activation, and names the layer accordingly. */
const reducesLast = (config: GrowingConfig, resolution: number): boolean =>
  config.model === 'progan' && !isFused(config, resolution);

const downName = (config: GrowingConfig, resolution: number): string =>
  reducesLast(config, resolution) ? 'Conv1' : 'Conv1_down';

const fromRgbName = (config: GrowingConfig, resolution: number): string =>
  `FromRGB_lod${levelOf(config, resolution)}`;

/** An auxiliary classifier's outputs come after the score (ProGAN); StyleGAN has one score for each class. */
const outputs = ({ model, cDim }: GrowingConfig): number =>
  model === 'progan' ? 1 + cDim : Math.max(cDim, 1);

/** Parameters under the published names with dots. */
export function growingDiscriminatorParameters(config: GrowingConfig): ParameterSpec[] {
  const { imgChannels, discriminator } = config;
  return [...blockResolutions(config)].reverse().flatMap((r) => {
    const channels = channelsAt(discriminator, r);
    const below = channelsAt(discriminator, r / 2);
    const layers = (specs: ParameterSpec[]) => prefixed(`${r}x${r}`, specs);
    const fromRgb = prefixed(fromRgbName(config, r), convParameters(imgChannels, channels, 1));
    if (r === 4) return [...fromRgb, ...layers(lastParameters(config, channels, below))];
    return [
      ...fromRgb,
      ...layers(prefixed('Conv0', convParameters(channels, channels, 3))),
      ...layers(prefixed(downName(config, r), convParameters(channels, below, 3))),
    ];
  });
}

function lastParameters(config: GrowingConfig, channels: number, hidden: number): ParameterSpec[] {
  const statistics = config.discriminator.mbstdGroup > 1 ? 1 : 0;
  return [
    ...prefixed('Conv', convParameters(channels + statistics, channels, 3)),
    ...prefixed('Dense0', linearParameters(channels * 16, hidden)),
    ...prefixed('Dense1', linearParameters(hidden, outputs(config))),
  ];
}

const convAct = (p: Parameters, x: Node): Node => biasAct(equalizedConv(p, x), p('bias'), 'lrelu', 1);

/** Image [N, C, r, r] in [-1, 1] at r = R / 2^level, c [N, cDim] or null → what D says of it. */
export function growingDiscriminate(
  config: GrowingConfig,
  p: Parameters,
  image: Node,
  c: Node | null,
  lod: Lod = FULL_DETAIL,
): Scores {
  const resolution = resolutionAt(config, lod);
  const fromRgb = (r: number, img: Node) => convAct(scoped(p, fromRgbName(config, r)), img);
  let x = fromRgb(resolution, image);
  for (let r = resolution; r > 4; r /= 2) {
    x = halve(config, scoped(p, `${r}x${r}`), x);
    if (lod.fade !== null && r === resolution) {
      x = crossFade(x, fromRgb(r / 2, downsampleBox(image, 2)), lod.fade);
    }
  }
  return last(config, scoped(p, '4x4'), x, c);
}

/** The two convolutions of a block, and half the size. */
function halve(config: GrowingConfig, p: Parameters, image: Node): Node {
  const [, , r] = image.shape;
  const x = convAct(scoped(p, 'Conv0'), image);
  const down = scoped(p, downName(config, r));
  if (reducesLast(config, r)) return downsampleBox(convAct(down, x), 2);
  const filtered = config.bilinear ? filterSame(x, BINOMIAL_FILTER) : x;
  return biasAct(equalizedConvDown(down, filtered), down('bias'), 'lrelu', 1);
}

function last(config: GrowingConfig, p: Parameters, image: Node, c: Node | null): Scores {
  const { mbstdGroup } = config.discriminator;
  const x = convAct(scoped(p, 'Conv'), mbstdGroup > 1 ? minibatchStd(image, mbstdGroup) : image);
  const [n, channels] = x.shape;
  const hidden = equalizedDense(scoped(p, 'Dense0'), reshape(x, [n, channels * 16]));
  const out = linear(scoped(p, 'Dense1'), hidden);
  if (config.cDim === 0) return { logits: out, classes: null };
  if (config.model === 'progan') {
    return { logits: sliceAxis(out, 1, 0, 1), classes: sliceAxis(out, 1, 1, config.cDim) };
  }
  if (c === null) throw new RangeError('got no labels, expected c of a network with classes');
  // Of the scores for all classes, that of the image's own (Mescheder et al. 2018).
  return { logits: sum(mul(out, c), [1]), classes: null };
}
