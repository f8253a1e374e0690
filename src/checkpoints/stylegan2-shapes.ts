// The configuration of a StyleGAN2 from the shapes of its tensors under our names.

import { FileError } from '../core/errors.ts';
import { type NetworkConfig, parseConfig } from '../models/registry.ts';
import { stylegan2NumWs } from '../models/stylegan2-config.ts';
import { type NamedShapes, Shapes, widthsOf } from './shapes.ts';

/** Published defaults, for the discriminator of a file that holds none. */
const ABSENT_DISCRIMINATOR = { architecture: 'resnet', mbstdGroup: 4, mappingLayers: 8 } as const;

/** The largest group that a configuration can have: the whole of any batch. */
export const WHOLE_BATCH = 1024;

/** Resolutions 4, 8, … of the blocks that have such a tensor. */
function resolutionsOf(shapes: Shapes, name: (resolution: number) => string): number[] {
  const resolutions: number[] = [];
  while (shapes.has(name(4 * 2 ** resolutions.length))) resolutions.push(4 * 2 ** resolutions.length);
  return resolutions;
}

const architectureOf = (everyBlockHasImage: boolean, hasSkips: boolean): 'skip' | 'resnet' | 'orig' =>
  everyBlockHasImage ? 'skip' : hasSkips ? 'resnet' : 'orig';

function generatorConfig(g: Shapes, source: string) {
  const resolutions = resolutionsOf(g, (r) => `synthesis.b${r}.conv1.weight`);
  const imgResolution = resolutions.at(-1);
  if (imgResolution === undefined)
    throw new FileError(`${source}: got no tensor synthesis.b4.conv1.weight, expected one`);
  const widths = new Map(resolutions.map((r) => [r, g.width(`synthesis.b${r}.conv1`, '.')]));
  const cDim = g.has('mapping.embed.weight') ? g.of('mapping.embed.weight', 2)[1] : 0;
  const embedded = cDim > 0 ? g.of('mapping.embed.weight', 2)[0] : 0;
  const [wDim, inFeatures] = g.of('mapping.fc0.weight', 2);
  return {
    zDim: inFeatures - embedded,
    cDim,
    wDim,
    numWs: stylegan2NumWs(imgResolution),
    imgResolution,
    imgChannels: g.width(`synthesis.b${imgResolution}.torgb`, '.'),
    ...widthsOf(widths, source),
    mappingLayers: g.count((i) => `mapping.fc${i}.weight`),
    architecture: architectureOf(
      g.has(`synthesis.b${imgResolution / 2}.torgb.weight`),
      g.has(`synthesis.b${imgResolution}.skip.weight`),
    ),
  };
}

function discriminatorConfig(d: Shapes, imgResolution: number, mbstdGroup: number, source: string) {
  const resolutions = resolutionsOf(d, (r) => `b${r}.${r === 4 ? 'conv' : 'conv1'}.weight`);
  if (resolutions.at(-1) !== imgResolution) {
    throw new FileError(
      `${source}: got a discriminator of ${resolutions.at(-1) ?? 0} pixels, expected the generator's ${imgResolution}`,
    );
  }
  const widths = new Map(resolutions.map((r) => [r, d.width(r === 4 ? 'b4.conv' : `b${r}.conv0`, '.')]));
  const [out, inChannels] = d.of('b4.conv.weight', 4);
  const statistics = inChannels - out;
  if (statistics !== 0 && statistics !== 1) {
    throw new FileError(`${source}: got ${statistics} channels of minibatch deviation, expected 0 or 1`);
  }
  return {
    architecture: architectureOf(
      d.has(`b${imgResolution / 2}.fromrgb.weight`),
      d.has(`b${imgResolution}.skip.weight`),
    ),
    mbstdGroup: statistics === 1 ? mbstdGroup : 1,
    ...widthsOf(widths, source),
    mappingLayers: d.has('mapping.embed.weight')
      ? d.count((i) => `mapping.fc${i}.weight`)
      : ABSENT_DISCRIMINATOR.mappingLayers,
  };
}

/**
 * Configuration of the StyleGAN2 whose networks hold these tensors. Without a discriminator, one as wide as the
 * generator is assumed. `mbstdGroup` is what shapes do not tell: images that share one minibatch deviation, null for the
 * whole batch. Throws {@link FileError} naming `source` and what does not fit.
 */
export function stylegan2Config(
  generator: NamedShapes,
  discriminator: NamedShapes | null,
  mbstdGroup: number | null,
  source: string,
): NetworkConfig {
  const g = generatorConfig(new Shapes(generator, source), `${source}: generator`);
  const group = mbstdGroup ?? WHOLE_BATCH;
  const d =
    discriminator === null
      ? { ...ABSENT_DISCRIMINATOR, channelBase: g.channelBase, channelMax: g.channelMax }
      : discriminatorConfig(
          new Shapes(discriminator, source),
          g.imgResolution,
          group,
          `${source}: discriminator`,
        );
  return parseConfig({ model: 'stylegan2', ...g, discriminator: d }, source);
}
