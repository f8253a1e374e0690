// Tensors of the published TensorFlow StyleGAN2 and StyleGAN2-ADA under our names, in our layouts.

import { FileError } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';
import { flipped, mapped, reshaped, transposed } from './derived.ts';
import type { ForeignTensors } from './foreign.ts';

interface Change {
  readonly rank: number;
  readonly apply: (tensor: Tensor) => Tensor;
}

const same: Change = { rank: 1, apply: (tensor) => tensor };
const scalar: Change = { ...same, rank: 0 };
/** [in, out] → [out, in] */
const matrix: Change = { rank: 2, apply: (tensor) => transposed(tensor, [1, 0]) };
/** HWIO → OIHW */
const kernel: Change = { rank: 4, apply: (tensor) => transposed(tensor, [3, 2, 0, 1]) };
/** Enlarging layers correlate there and convolve here. */
const upKernel: Change = { rank: 4, apply: (tensor) => flipped(kernel.apply(tensor)) };
/** There, the style's bias of one is added as it runs. */
const onePlus: Change = { rank: 1, apply: (tensor) => mapped(tensor, (value) => value + 1) };
const withoutOnes = (count: number): Change => ({
  rank: 4,
  apply: (tensor) => reshaped(tensor, tensor.shape.slice(count)),
});

type Rule = readonly [theirs: RegExp, ours: string, change: Change];

/** A layer with a weight and a bias. */
const layer = (theirs: string, ours: string, weight: Change): Rule[] => [
  [new RegExp(`^${theirs}/weight$`), `${ours}.weight`, weight],
  [new RegExp(`^${theirs}/bias$`), `${ours}.bias`, same],
];

/** A layer of G whose weight is modulated by a style. */
const modulated = (theirs: string, ours: string, weight: Change): Rule[] => [
  ...layer(theirs, ours, weight),
  [new RegExp(`^${theirs}/mod_weight$`), `${ours}.affine.weight`, matrix],
  [new RegExp(`^${theirs}/mod_bias$`), `${ours}.affine.bias`, onePlus],
  [new RegExp(`^${theirs}/noise_strength$`), `${ours}.noise_strength`, scalar],
];

const BLOCK = '(\\d+)x\\1';

const GENERATOR: readonly Rule[] = [
  [/^dlatent_avg$/, 'mapping.w_avg', same],
  ...layer('LabelEmbed', 'mapping.embed', matrix),
  ...layer('Dense(\\d+)', 'mapping.fc$1', matrix),
  [/^4x4\/Const\/const$/, 'synthesis.b4.const', withoutOnes(1)],
  ...modulated('4x4/Conv', 'synthesis.b4.conv1', kernel),
  ...modulated(`${BLOCK}/Conv0_up`, 'synthesis.b$1.conv0', upKernel),
  ...modulated(`${BLOCK}/Conv1`, 'synthesis.b$1.conv1', kernel),
  ...modulated(`${BLOCK}/ToRGB`, 'synthesis.b$1.torgb', kernel),
  [new RegExp(`^${BLOCK}/Skip/weight$`), 'synthesis.b$1.skip.weight', upKernel],
];

const DISCRIMINATOR: readonly Rule[] = [
  ...layer('LabelEmbed', 'mapping.embed', matrix),
  ...layer('Mapping(\\d+)', 'mapping.fc$1', matrix),
  ...layer(`${BLOCK}/FromRGB`, 'b$1.fromrgb', kernel),
  ...layer(`${BLOCK}/Conv0`, 'b$1.conv0', kernel),
  ...layer(`${BLOCK}/Conv1_down`, 'b$1.conv1', kernel),
  [new RegExp(`^${BLOCK}/Skip/weight$`), 'b$1.skip.weight', kernel],
  ...layer('4x4/Conv', 'b4.conv', kernel),
  ...layer('4x4/Dense0', 'b4.fc', matrix),
  ...layer('Output', 'b4.out', matrix),
];

/** Noise 0 belongs to the only layer at 4², 1 and 2 to those at 8², and so on. */
function noiseName(index: number): string {
  const resolution = 4 * 2 ** Math.ceil(index / 2);
  return `synthesis.b${resolution}.conv${index % 2 === 0 ? 1 : 0}.noise_const`;
}

/** Networks that could grow have layers for the coarser images, of which at full size only the finest is used. */
function withoutGrowth(tensors: ForeignTensors): Map<string, Tensor> {
  const coarsest =
    [...tensors.keys()].filter((name) => /^(ToRGB|FromRGB)_lod\d+\/bias$/.test(name)).length - 1;
  const kept = [...tensors].flatMap(([name, tensor]): [string, Tensor][] => {
    const growing = /^(ToRGB|FromRGB)_lod(\d+)\/(.+)$/.exec(name);
    if (growing === null) return name === 'lod' ? [] : [[name, tensor]];
    const resolution = 4 * 2 ** coarsest;
    return growing[2] === '0' ? [[`${resolution}x${resolution}/${growing[1]}/${growing[3]}`, tensor]] : [];
  });
  return new Map(kept);
}

/**
 * Tensors of a published generator or discriminator under our names; those of no known name keep theirs. Throws
 * {@link FileError} naming `source` and a tensor of another rank.
 */
export function fromTensorFlow2(
  tensors: ForeignTensors,
  network: 'generator' | 'discriminator',
  source: string,
): Map<string, Tensor> {
  const rules = network === 'generator' ? GENERATOR : DISCRIMINATOR;
  const renamed = new Map<string, Tensor>();
  for (const [name, tensor] of withoutGrowth(tensors)) {
    const noise = /^noise(\d\d?)$/.exec(name);
    const found: Rule | undefined = noise
      ? [/^noise\d+$/, noiseName(Number(noise[1])), withoutOnes(2)]
      : rules.find(([pattern]) => pattern.test(name));
    if (found === undefined) {
      renamed.set(name, tensor);
      continue;
    }
    const [pattern, ours, { rank, apply }] = found;
    if (tensor.shape.length !== rank) {
      throw new FileError(`${source}: ${name}: got [${tensor.shape}], expected ${rank} dimensions`);
    }
    renamed.set(name.replace(pattern, ours), apply(tensor));
  }
  return renamed;
}
