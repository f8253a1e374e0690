// State dicts of rosinality-style StyleGAN2 checkpoints (`g_ema`, `g`, `d`) under our names.

import { FileError } from '../core/errors.ts';
import { Random } from '../core/random.ts';
import { floatTensor, type Tensor } from '../core/tensor.ts';
import { reshaped } from './derived.ts';
import type { ForeignTensors } from './foreign.ts';

/** The convolutions of the generator: 0 and 1 at 8², 2 and 3 at 16², and so on. */
const convAt = (index: number): string => `b${8 * 2 ** Math.floor(index / 2)}.conv${index % 2}`;

/** Noise 0 belongs to the only layer at 4². */
const noiseAt = (index: number): string => (index === 0 ? 'b4.conv1' : convAt(index - 1));

const RGB_LEAVES: Record<string, string> = {
  'conv.weight': 'weight',
  'conv.modulation.weight': 'affine.weight',
  'conv.modulation.bias': 'affine.bias',
  bias: 'bias',
};
const CONV_LEAVES: Record<string, string> = {
  'conv.weight': 'weight',
  'conv.modulation.weight': 'affine.weight',
  'conv.modulation.bias': 'affine.bias',
  'noise.weight': 'noise_strength',
  'activate.bias': 'bias',
  bias: 'bias',
  'conv.blur.kernel': 'resample_filter',
};

/** Our name of a generator's tensor; null for one that says nothing of its own, undefined for an unknown one. */
function generatorName(name: string): string | null | undefined {
  if (name === 'input.input') return 'synthesis.b4.const';
  const style = /^style\.(\d+)\.(weight|bias)$/.exec(name);
  if (style !== null) return `mapping.fc${Number(style[1]) - 1}.${style[2]}`;
  const noise = /^noises\.noise_(\d\d?)$/.exec(name);
  if (noise !== null) return `synthesis.${noiseAt(Number(noise[1]))}.noise_const`;
  const conv = /^(?:conv1|convs\.(\d\d?))\.(.+)$/.exec(name);
  if (conv !== null)
    return below(conv[1] === undefined ? 'b4.conv1' : convAt(Number(conv[1])), CONV_LEAVES[conv[2]]);
  const rgb = /^(?:to_rgb1|to_rgbs\.(\d\d?))\.(.+)$/.exec(name);
  if (rgb === null) return undefined;
  const resolution = rgb[1] === undefined ? 4 : 8 * 2 ** Number(rgb[1]);
  // The image is enlarged by the filter of the block that it enters.
  if (rgb[2] === 'upsample.kernel') return `synthesis.b${resolution}.resample_filter`;
  return below(`b${resolution}.torgb`, RGB_LEAVES[rgb[2]]);
}

const below = (layer: string, leaf: string | undefined): string | undefined =>
  leaf === undefined ? undefined : `synthesis.${layer}.${leaf}`;

/** Sequential layers of a residual block, which starts with a filter where it makes the image smaller. */
const BLOCK_LEAVES: Record<string, string> = {
  'conv1.0.weight': 'conv0.weight',
  'conv1.1.bias': 'conv0.bias',
  'conv2.0.kernel': 'conv1.resample_filter',
  'conv2.1.weight': 'conv1.weight',
  'conv2.2.bias': 'conv1.bias',
  'skip.0.kernel': 'skip.resample_filter',
  'skip.1.weight': 'skip.weight',
};
const FINAL_LEAVES: Record<string, string> = {
  'final_conv.0.weight': 'b4.conv.weight',
  'final_conv.1.bias': 'b4.conv.bias',
  'final_linear.0.weight': 'b4.fc.weight',
  'final_linear.0.bias': 'b4.fc.bias',
  'final_linear.1.weight': 'b4.out.weight',
  'final_linear.1.bias': 'b4.out.bias',
};

function discriminatorName(name: string, imgResolution: number): string | undefined {
  if (name === 'convs.0.0.weight') return `b${imgResolution}.fromrgb.weight`;
  if (name === 'convs.0.1.bias') return `b${imgResolution}.fromrgb.bias`;
  const block = /^convs\.(\d\d?)\.(.+)$/.exec(name);
  if (block === null) return FINAL_LEAVES[name];
  const leaf = BLOCK_LEAVES[block[2]];
  return leaf && `b${imgResolution / 2 ** (Number(block[1]) - 1)}.${leaf}`;
}

/** Without dimensions of one that their code keeps for broadcasting. */
function inOurShape(name: string, tensor: Tensor, source: string): Tensor {
  const { shape } = tensor;
  const refuse = (expected: string) =>
    new FileError(`${source}: ${name}: got [${shape}], expected ${expected}`);
  if (/\.conv\.weight$/.test(name) || name === 'input.input') {
    const rank = name === 'input.input' ? 4 : 5;
    if (shape.length !== rank || shape[0] !== 1) throw refuse(`${rank} dimensions, the first of them 1`);
    return reshaped(tensor, shape.slice(1));
  }
  if (name.startsWith('noises.')) {
    if (shape.length !== 4) throw refuse('[1, 1, R, R]');
    return reshaped(tensor, shape.slice(2));
  }
  if (!name.endsWith('bias') || shape.length === 1) return tensor;
  if (shape.length !== 4) throw refuse('[1, C, 1, 1]');
  return reshaped(tensor, [shape[1]]);
}

/** The enlarging filter is stored with the gain that makes up for the inserted zeros. */
function withoutGain(tensor: Tensor): Tensor {
  if (tensor.shape.length !== 2 || tensor.data.length > 256) return tensor;
  const taps = Array.from(tensor.data as ArrayLike<number>, Number);
  const total = taps.reduce((sum, tap) => sum + tap, 0);
  return floatTensor(
    Float32Array.from(taps, (tap) => tap / total),
    tensor.shape,
  );
}

function renamed(
  tensors: ForeignTensors,
  nameOf: (name: string) => string | null | undefined,
  source: string,
): Map<string, Tensor> {
  const ours = new Map<string, Tensor>();
  for (const [key, tensor] of tensors) {
    const name = key.replace(/^module\./, ''); // as left by data-parallel training
    const to = nameOf(name);
    if (to === null) continue;
    if (to === undefined) ours.set(key, tensor);
    else ours.set(to, name.endsWith('kernel') ? withoutGain(tensor) : inOurShape(name, tensor, source));
  }
  return ours;
}

/** Whether a state dict has the names of such a generator. */
export const isRosinality = (tensors: ForeignTensors): boolean =>
  [...tensors.keys()].some((name) => /(^|\.)conv1\.conv\.modulation\.weight$/.test(name));

/** Tensors of a generator under our names; those of no known name keep theirs. */
export function rosinalityGenerator(tensors: ForeignTensors, source: string): Map<string, Tensor> {
  const ours = renamed(tensors, generatorName, source);
  drawMissingNoise(ours);
  return ours;
}

/** Tensors of the discriminator that belongs to a generator of `imgResolution`. */
export function rosinalityDiscriminator(
  tensors: ForeignTensors,
  imgResolution: number,
  source: string,
): Map<string, Tensor> {
  return renamed(tensors, (name) => discriminatorName(name, imgResolution), source);
}

const MAX_RESOLUTION = 1024;

/** Older files have no constant noise: it is drawn here, so that every opening gives the same images. */
function drawMissingNoise(ours: Map<string, Tensor>): void {
  for (const name of [...ours.keys()]) {
    const layer = /^(synthesis\.b(\d+)\.conv[01])\.noise_strength$/.exec(name);
    if (layer === null || ours.has(`${layer[1]}.noise_const`) || Number(layer[2]) > MAX_RESOLUTION) continue;
    const r = Number(layer[2]);
    const noise = new Random(0, layer[1]).fillNormal(new Float32Array(r * r));
    ours.set(`${layer[1]}.noise_const`, floatTensor(noise, [r, r]));
  }
}
