// The first GAN (Goodfellow et al. 2014): two fully connected networks, under the family's contract.

import { z } from 'zod';
import { sizeOf } from '../core/tensor.ts';
import { add, concat, leakyRelu, matmul, reshape, tanh } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { biasOf, LEAKY_SLOPE } from '../nn/activation.ts';
import { filled, normal, type ParameterSpec, type Parameters, prefixed, scoped } from '../nn/parameters.ts';
import { commonShape, discriminatorShape, hasNoW, NO_W, width } from './common-config.ts';
import type { Model } from './contract.ts';
import { labelledLatent } from './mapping.ts';

/** Hidden layers of one network. The paper's MNIST networks have two, G's of width 1200. */
const hiddenShape = { hiddenWidth: width, hiddenLayers: z.number().int().min(1).max(16) };

export const ganConfig = z
  .object({
    model: z.literal('gan'),
    ...commonShape,
    ...hiddenShape,
    discriminator: z.object({ ...discriminatorShape, ...hiddenShape }),
  })
  .refine(hasNoW, NO_W);

export type GANConfig = z.infer<typeof ganConfig>;

/** Sizes of a fully connected network, from its input to its output. */
interface Layers {
  readonly sizes: readonly number[];
  /** Slope of the hidden activation below zero. */
  readonly slope: number;
}

/** G: ReLU within, as in the paper, and tanh instead of its sigmoid, since images lie in [-1, 1]. */
function generatorLayers({ wDim, hiddenWidth, hiddenLayers, imgChannels, imgResolution }: GANConfig): Layers {
  const pixels = imgChannels * imgResolution ** 2;
  return { sizes: [wDim, ...new Array<number>(hiddenLayers).fill(hiddenWidth), pixels], slope: 0 };
}

/**
 * D: leaky ReLU, max(x, 0.2x), instead of the paper's maxout over five maps: a maxout of two that share their weights.
 * The paper's dropout is left to the regularizers of training.
 */
function discriminatorLayers({ cDim, imgChannels, imgResolution, discriminator }: GANConfig): Layers {
  const { hiddenWidth, hiddenLayers } = discriminator;
  const inputs = imgChannels * imgResolution ** 2 + cDim;
  return { sizes: [inputs, ...new Array<number>(hiddenLayers).fill(hiddenWidth), 1], slope: LEAKY_SLOPE };
}

/** Size of what an untrained network puts out: images begin near grey rather than as noise that has to be unlearned. */
const INITIAL_OUTPUT = 0.1;

/**
 * `layers.0`, `layers.1`, …: weight [out, in] and bias [out]. A deviation of √(2/(1 + slope²))/√in keeps the size of
 * activations from layer to layer at any width (He et al. 2015, equation 15), which one fixed deviation does not.
 */
function parameters({ sizes, slope }: Layers): ParameterSpec[] {
  return sizes.slice(1).flatMap((outputs, i) => {
    const inputs = sizes[i];
    const gain = i === sizes.length - 2 ? INITIAL_OUTPUT : Math.sqrt(2 / (1 + slope ** 2));
    const weight = normal('weight', [outputs, inputs], gain / Math.sqrt(inputs));
    return prefixed(`layers.${i}`, [weight, filled('bias', [outputs], 0)]);
  });
}

/** x [N, in] → [N, out], without an activation at the end. */
function run(p: Parameters, x: Node, { sizes, slope }: Layers): Node {
  const last = sizes.length - 2;
  let y = x;
  for (let i = 0; i <= last; i++) {
    const layer = scoped(p, `layers.${i}`);
    y = add(matmul(y, layer('weight'), { transB: true }), biasOf(layer('bias'), 2));
    if (i < last) y = leakyRelu(y, slope);
  }
  return y;
}

/** Labels lie beside z in G, and beside the pixels in D (Mirza & Osindero 2014). */
export function gan(config: GANConfig): Model<GANConfig> {
  const { wDim, imgChannels, imgResolution } = config;
  const [g, d] = [generatorLayers(config), discriminatorLayers(config)];
  return {
    config,
    noiseLayers: [],
    wAvg: null,
    maxLod: 0,
    mbstdGroup: 1,
    generator: parameters(g),
    discriminator: parameters(d),
    mapping: (_p, z, c) => labelledLatent(z, c),
    synthesis: (p, ws) => {
      const [n] = ws.shape;
      const pixels = run(p, reshape(ws, [n, wDim]), g);
      return tanh(reshape(pixels, [n, imgChannels, imgResolution, imgResolution]));
    },
    discriminate: (p, image, c) => {
      const [n] = image.shape;
      const pixels = reshape(image, [n, sizeOf(image.shape) / n]);
      return { logits: run(p, concat(c === null ? [pixels] : [pixels, c], 1), d), classes: null };
    },
  };
}
