// DCGAN (Radford et al. 2015): strided convolutions with batch normalization, under the family's contract.

import { z } from 'zod';
import { broadcast, concat, conv, convInputGrad, leakyRelu, matmul, reshape, tanh } from '../graph/build.ts';
import type { Node, Window } from '../graph/node.ts';
import { LEAKY_SLOPE } from '../nn/activation.ts';
import { batchNorm, batchNormParameters } from '../nn/batch-norm.ts';
import { normal, type ParameterSpec, type Parameters, prefixed, scoped } from '../nn/parameters.ts';
import {
  blockResolutions,
  channelBase,
  channelsAt,
  commonShape,
  discriminatorShape,
  hasNoW,
  NO_W,
  width,
} from './common-config.ts';
import type { Model } from './contract.ts';
import { labelledLatent } from './mapping.ts';

/** Feature maps at resolution R: min(channelBase / R, channelMax). The paper has 1024 at 4x4: a base of 4096. */
const widths = { channelBase, channelMax: width };

export const dcganConfig = z
  .object({
    model: z.literal('dcgan'),
    ...commonShape,
    ...widths,
    discriminator: z.object({ ...discriminatorShape, ...widths }),
  })
  .refine(hasNoW, NO_W);

export type DCGANConfig = z.infer<typeof dcganConfig>;

/** Deviation of all initial weights, and of batch norm's scales around 1 (section 4). */
const INITIAL_STD = 0.02;
const KERNEL = 4;
/** Exactly half the size with a 4x4 kernel, and twice the size in its transpose. */
const HALVING: Window = { stride: 2, pad: [1, 1, 1, 1] };

/**
 * A convolution, and batch norm after it but at an image and at the logit, where it would take away their scale
 * (section 3). Names count layers and activations as PyTorch's DCGAN example does: `main.0.weight`, `main.1.running_var`.
 */
interface Layer {
  readonly weight: string;
  readonly norm: string | null;
  /** G: [in, out, 4, 4], as for transposed convolutions; D: [out, in, 4, 4]. */
  readonly shape: readonly number[];
}

/** Latent → 4x4 → … → R/2 with batch norm → image. */
function generatorLayers(config: DCGANConfig): Layer[] {
  const { imgResolution, imgChannels, wDim } = config;
  return blockResolutions(config).map((resolution, i) => {
    const inputs = i === 0 ? wDim : channelsAt(config, resolution / 2);
    const isImage = resolution === imgResolution;
    return {
      weight: `main.${3 * i}`,
      norm: isImage ? null : `main.${3 * i + 1}`,
      shape: [inputs, isImage ? imgChannels : channelsAt(config, resolution), KERNEL, KERNEL],
    };
  });
}

/** Image and label maps → R/2 → R/4 with batch norm → … → 4x4 → logit. */
function discriminatorLayers(config: DCGANConfig): Layer[] {
  const { imgChannels, cDim, discriminator } = config;
  return [...blockResolutions(config)].reverse().map((resolution, i) => {
    const inputs = i === 0 ? imgChannels + cDim : channelsAt(discriminator, resolution);
    const isLogit = resolution === 4;
    const index = Math.max(0, 3 * i - 1); // the first has no batch norm to count
    return {
      weight: `main.${index}`,
      norm: isLogit || i === 0 ? null : `main.${index + 1}`,
      shape: [isLogit ? 1 : channelsAt(discriminator, resolution / 2), inputs, KERNEL, KERNEL],
    };
  });
}

/** `channels`: which axis of the weights counts the outputs. */
function parameters(layers: readonly Layer[], channels: 0 | 1): ParameterSpec[] {
  return layers.flatMap(({ weight, norm, shape }) => [
    normal(`${weight}.weight`, shape, INITIAL_STD),
    ...(norm === null ? [] : prefixed(norm, batchNormParameters(shape[channels], INITIAL_STD))),
  ]);
}

/** Latent [N, wDim] → image [N, C, R, R] in [-1, 1]. */
function synthesis(p: Parameters, latent: Node, layers: readonly Layer[]): Node {
  const [n, inputs] = latent.shape;
  let x = latent;
  layers.forEach(({ weight, norm, shape }, i) => {
    const w = p(`${weight}.weight`);
    const r = KERNEL * 2 ** i;
    x =
      i === 0 // of one pixel: a product
        ? reshape(matmul(x, reshape(w, [inputs, shape[1] * r * r])), [n, shape[1], r, r])
        : convInputGrad(x, w, HALVING, [r, r]);
    x = norm === null ? tanh(x) : leakyRelu(batchNorm(scoped(p, norm), x), 0);
  });
  return x;
}

/** Image, with label maps as channels [N, C + cDim, R, R] → logits [N, 1]. */
function discriminate(p: Parameters, image: Node, layers: readonly Layer[]): Node {
  let x = image;
  for (const { weight, norm } of layers.slice(0, -1)) {
    x = conv(x, p(`${weight}.weight`), HALVING);
    x = leakyRelu(norm === null ? x : batchNorm(scoped(p, norm), x), LEAKY_SLOPE);
  }
  const { weight, shape } = layers.at(-1)!; // as large as what it looks at: a product
  const [outputs, inputs] = [shape[0], shape[1] * KERNEL ** 2];
  const features = reshape(x, [image.shape[0], inputs]);
  return matmul(features, reshape(p(`${weight}.weight`), [outputs, inputs]), { transB: true });
}

/** Labels lie beside z in G, and as maps beside the colours in D (Mirza & Osindero 2014). */
function withLabelMaps(image: Node, c: Node | null): Node {
  if (c === null) return image;
  const [n, , h, w] = image.shape;
  const maps = broadcast(reshape(c, [...c.shape, 1, 1]), [n, c.shape[1], h, w]);
  return concat([image, maps], 1);
}

export function dcgan(config: DCGANConfig): Model<DCGANConfig> {
  const [g, d] = [generatorLayers(config), discriminatorLayers(config)];
  return {
    config,
    noiseLayers: [],
    wAvg: null,
    maxLod: 0,
    mbstdGroup: 1,
    generator: parameters(g, 1),
    discriminator: parameters(d, 0),
    mapping: (_p, z, c) => labelledLatent(z, c),
    synthesis: (p, ws) => synthesis(p, reshape(ws, [ws.shape[0], config.wDim]), g),
    discriminate: (p, image, c) => ({ logits: discriminate(p, withLabelMaps(image, c), d), classes: null }),
  };
}
