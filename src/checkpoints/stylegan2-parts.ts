// A StyleGAN2 whose tensors go by our names already, as a network file.

import { FileError } from '../core/errors.ts';
import { createModel } from '../models/registry.ts';
import { type ForeignTensors, fitTensors } from './foreign.ts';
import type { NetworkPart, OpenedNetwork } from './network-file.ts';
import { stylegan2Config } from './stylegan2-shapes.ts';

/** Networks of the file, under our names; null for those that it does not hold. */
export type NamedParts = Readonly<Record<NetworkPart, ForeignTensors | null>>;

/** `mbstdGroup` as in {@link stylegan2Config}. Throws {@link FileError} naming `source`. */
export function openStylegan2(
  parts: NamedParts,
  mbstdGroup: number | null,
  kimg: number | null,
  source: string,
): OpenedNetwork {
  const generator = parts.G_ema ?? parts.G;
  if (generator === null) throw new FileError(`${source}: got no generator, expected G_ema or G`);
  const config = stylegan2Config(generator, parts.D, mbstdGroup, source);
  const model = createModel(config);
  return {
    config,
    kimg,
    hasAverageW: generator.has('mapping.w_avg'),
    async part(name) {
      const tensors = parts[name];
      if (tensors === null) return null;
      const specs = name === 'D' ? model.discriminator : model.generator;
      return fitTensors(tensors, specs, `${source}: ${name}`);
    },
  };
}
