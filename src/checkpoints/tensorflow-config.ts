// The configuration of a ProGAN or StyleGAN from the names and shapes of its published TensorFlow tensors.

import { FileError } from '../core/errors.ts';
import { type NetworkConfig, parseConfig } from '../models/registry.ts';
import { styleganNumWs } from '../models/stylegan-config.ts';
import { type NamedShapes, Shapes, widthsOf } from './shapes.ts';

/** What shapes do not tell: constructor arguments that the published tools store beside the tensors. */
export interface TensorFlowArguments {
  readonly model: 'progan' | 'stylegan';
  /** Of StyleGAN; ProGAN's tensors tell by name. */
  readonly fusedScale: 'auto' | boolean;
  /** Images that share one minibatch deviation, where D has the statistic. */
  readonly mbstdGroup: number;
}

function generatorWidths(g: Shapes, resolutions: readonly number[], source: string) {
  const layer = (r: number) => (r === 4 ? 'Conv' : 'Conv1');
  return widthsOf(new Map(resolutions.map((r) => [r, g.width(`${r}x${r}/${layer(r)}`)])), source);
}

function discriminatorArguments(
  d: Shapes,
  resolutions: readonly number[],
  { mbstdGroup }: TensorFlowArguments,
  source: string,
) {
  const channels = [...resolutions].reverse().map((r, lod) => [r, d.width(`FromRGB_lod${lod}`)] as const);
  // The last hidden layer is as wide as 2×2 pixels would be.
  const widths = widthsOf(new Map([...channels, [2, d.width('4x4/Dense0')]]), source);
  const [, , inChannels, outChannels] = d.of('4x4/Conv/weight', 4);
  const statistics = inChannels - outChannels;
  if (statistics !== 0 && statistics !== 1) {
    throw new FileError(`${source}: got ${statistics} channels of minibatch deviation, expected 0 or 1`);
  }
  return { ...widths, mbstdGroup: statistics === 1 ? mbstdGroup : 1 };
}

/** Sizes of latents and labels. */
function latentsOf(g: Shapes, d: Shapes, model: 'progan' | 'stylegan', styles: boolean) {
  const scores = d.width('4x4/Dense1');
  if (styles) {
    const wDim = g.of('dlatent_avg', 1)[0];
    if (!g.has('LabelConcat/weight')) return { zDim: g.of('Dense0/weight', 2)[0], cDim: 0, wDim };
    const [cDim, zDim] = g.of('LabelConcat/weight', 2);
    return { zDim, cDim, wDim };
  }
  const [wDim] = g.of('4x4/Dense/weight', 2);
  // One score beside the classes in ProGAN; one for each class in StyleGAN.
  const cDim = model === 'progan' ? scores - 1 : scores === 1 ? 0 : scores;
  return { zDim: wDim - cDim, cDim, wDim };
}

/**
 * Configuration of the network whose generator and discriminator hold these tensors. Throws {@link FileError} naming
 * `source` and what does not fit.
 */
export function tensorflowConfig(
  generator: NamedShapes,
  discriminator: NamedShapes,
  args: TensorFlowArguments,
  source: string,
): NetworkConfig {
  const g = new Shapes(generator, `${source}: generator`);
  const d = new Shapes(discriminator, `${source}: discriminator`);
  const { model } = args;
  const resolutions = Array.from(
    { length: g.count((lod) => `ToRGB_lod${lod}/weight`) },
    (_, i) => 4 * 2 ** i,
  );
  const imgResolution = resolutions.at(-1) ?? 0;
  const styles = g.some('/StyleMod/weight');
  const common = {
    model,
    ...latentsOf(g, d, model, styles),
    numWs: model === 'progan' || imgResolution === 0 ? 1 : styleganNumWs({ styles, imgResolution }),
    imgResolution,
    imgChannels: g.width('ToRGB_lod0'),
    ...generatorWidths(g, resolutions, `${source}: generator`),
    discriminator: discriminatorArguments(d, resolutions, args, `${source}: discriminator`),
  };
  if (model === 'progan') return parseConfig({ ...common, fusedScale: g.has('8x8/Conv0_up/weight') }, source);
  const features = {
    fusedScale: args.fusedScale,
    bilinear: true,
    styles,
    constInput: g.has('4x4/Const/const'),
    noise: g.some('/Noise/weight'),
    mappingLayers: styles ? g.count((i) => `Dense${i}/weight`) : 1,
  };
  return parseConfig({ ...common, ...features }, source);
}
