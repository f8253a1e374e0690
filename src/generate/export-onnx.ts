// A generator as an ONNX model that any runtime opens: ONNX's own operators, fixed sizes, weights as constants.

import type { NetworkSource, Tensors } from '../checkpoints/network-file.ts';
import { OptionError } from '../core/errors.ts';
import { type FloatTensor, floatTensor } from '../core/tensor.ts';
import { broadcast, input, reshape } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { simplify } from '../graph/simplify.ts';
import type { NetworkConfig } from '../models/registry.ts';
import { lowerInto } from '../onnx/lower.ts';
import { DATA_TYPE, ModelBuilder, type OnnxModel } from '../onnx/model.ts';
import { PORTABLE } from '../onnx/target.ts';
import { mappingNode, synthesisNode } from './network-graphs.ts';

/** The oldest that has every operator in the form used here, and the file format that came with it. */
export const EXPORT_OPSET = 17;
const EXPORT_IR_VERSION = 8;

/** Protobuf, and with it a single file, ends at 2 GiB; some room is left for the nodes. */
const MAX_WEIGHTS_INSIDE = 2 ** 31 - 2 ** 24;

/** z, c, psi → image; z, c, psi → ws; or ws → image. */
export type OnnxPart = 'generator' | 'mapping' | 'synthesis';
/** Order of the axes of images of bytes. */
export type PixelLayout = 'NHWC' | 'NCHW';

export interface ExportOnnxOptions {
  /** Default 'generator'. */
  readonly part?: OnnxPart;
  /** Images at once, N: sizes are fixed in the file. Default 1. */
  readonly batch?: number;
  /** Default 'const'. */
  readonly noiseMode?: 'const' | 'none';
  /** Weights, images and convolutions in float16; inputs and outputs stay float32. Default false. */
  readonly fp16?: boolean;
  /** Images of bytes as in our PNG files, in this layout, instead of float32 NCHW in [-1, 1]. */
  readonly uint8?: PixelLayout;
  /** Weights beside the model whatever their size. Default false: only when a single file cannot hold them. */
  readonly externalData?: boolean;
  /** Name of the file of those weights, as the model refers to it. */
  readonly dataFile: string;
  /** What the network was read from, for the metadata. */
  readonly source?: string;
}

/**
 * The averaged generator, or a part of it. Inputs z [N, zDim], c [N, cDim] (only with labels), psi [] (only where
 * there is a W), ws [N, numWs, wDim]; outputs image, ws. Throws {@link OptionError}.
 */
export function exportOnnx(network: NetworkSource, options: ExportOnnxOptions): OnnxModel {
  const { part = 'generator', batch = 1, fp16 = false, uint8 } = options;
  if (!Number.isInteger(batch) || batch < 1 || batch > 1024) {
    throw new OptionError(`got a batch of ${batch}, expected a whole number of images from 1 to 1024`);
  }
  const source = fp16 ? withinHalfRange(network) : network;
  const [name, node] = outputOf(source, part, batch, options.noiseMode ?? 'const');
  const model = new ModelBuilder();
  const values = lowerInto(model, simplify({ outputs: { [name]: node } }), { ...PORTABLE, half: fp16 });
  if (name === 'image' && uint8 !== undefined) bytesOutput(model, values.image, node, uint8);
  else model.output(name, values[name], node.shape);
  const isOutside = options.externalData === true || model.weightBytes > MAX_WEIGHTS_INSIDE;
  return model.build({
    weights: isOutside ? { file: options.dataFile } : 'inside',
    opset: EXPORT_OPSET,
    irVersion: EXPORT_IR_VERSION,
    metadata: metadataOf(network, options),
  });
}

function outputOf(
  network: NetworkSource,
  part: OnnxPart,
  batch: number,
  noise: 'const' | 'none',
): [string, Node] {
  const { numWs, wDim } = network.config;
  const psi = () => broadcast(reshape(input('psi', []), [1]), [numWs]);
  if (part === 'mapping') return ['ws', mappingNode(network, batch, psi)];
  const ws = part === 'generator' ? mappingNode(network, batch, psi) : input('ws', [batch, numWs, wDim]);
  return ['image', synthesisNode(network, ws, noise)];
}

/** x·127.5 + 128, clipped and cut to a whole number, as `picturesOf` does. */
function bytesOutput(model: ModelBuilder, image: string, { shape }: Node, layout: PixelLayout): void {
  const scaled = model.node('Add', [model.node('Mul', [image, model.scalar(127.5)]), model.scalar(128)]);
  const clipped = model.node('Clip', [scaled, model.scalar(0), model.scalar(255)]);
  const bytes = model.node('Cast', [clipped], { to: DATA_TYPE.uint8 });
  const [n, c, h, w] = shape;
  if (layout === 'NCHW') model.output('image', bytes, shape, 'uint8');
  else model.output('image', model.node('Transpose', [bytes], { perm: [0, 2, 3, 1] }), [n, h, w, c], 'uint8');
}

/**
 * Kernels whose results are normalized anyway (demodulation), brought to about unit gain: as trained, one sum over
 * hundreds of channels can leave half precision's range before the normalization brings it back.
 */
function withinHalfRange(network: NetworkSource): NetworkSource {
  if (network.config.model !== 'stylegan2') return network;
  const scaled: Tensors = new Map(
    [...network.G_ema].map(([name, tensor]) => [
      name,
      /^synthesis\.b\d+\.conv[01]\.weight$/.test(name) ? scaledKernel(tensor) : tensor,
    ]),
  );
  return { ...network, G_ema: scaled };
}

/** [O, I, kh, kw] divided by the power of two nearest its mean gain √(Σ w² / O), so that nothing is rounded. */
function scaledKernel({ data, shape }: FloatTensor): FloatTensor {
  const energy = data.reduce((sum, w) => sum + w * w, 0) / shape[0];
  if (!(energy > 0 && energy < Number.POSITIVE_INFINITY)) return floatTensor(data, shape);
  const factor = 2 ** -Math.round(Math.log2(energy) / 2);
  return floatTensor(
    data.map((value) => value * factor),
    shape,
  );
}

function metadataOf(network: NetworkSource, options: ExportOnnxOptions): Record<string, string> {
  const { part = 'generator', noiseMode = 'const', fp16 = false, uint8, source } = options;
  const config: NetworkConfig = network.config;
  return {
    format: 'stylegan-onnx',
    version: '1',
    part,
    config: JSON.stringify(config),
    noise_mode: noiseMode,
    precision: fp16 ? 'float16' : 'float32',
    ...(part === 'mapping' ? {} : { image: uint8 ? `uint8 ${uint8}` : 'float32 NCHW' }),
    ...(network.kimg === null ? {} : { kimg: String(network.kimg) }),
    ...(network.labelNames && { label_names: JSON.stringify(network.labelNames) }),
    ...(source === undefined ? {} : { source }),
  };
}
