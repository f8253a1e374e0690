// What a network is, in words and in flags.

import { createModel, type NetworkConfig } from '../models/registry.ts';

/** What kind of network it is, for messages. */
export const form = ({ model, imgResolution: r, imgChannels, cDim }: NetworkConfig): string =>
  `${model} of ${r}x${r} images with ${imgChannels} channels and ${cDim} classes`;

/** What decides the shapes of layers, with the flags for it. */
const SIZES = {
  channelBase: '--cbase',
  channelMax: '--cmax',
  hiddenWidth: '--cmax',
  zDim: '--z-dim',
  wDim: '--w-dim',
  mappingLayers: '--map-depth',
  architecture: '--g-arch',
};

/** The flags that give a run the layers of `source`; empty where it has them, or is of another generation. */
export function flagsOf(source: NetworkConfig, own: NetworkConfig): string {
  if (source.model !== own.model) return '';
  const differing = (theirs: object, ours: object, flags: Record<string, string>): string[] => {
    const values = new Map(Object.entries(ours));
    return Object.entries(theirs).flatMap(([key, value]) =>
      key in flags && value !== values.get(key) ? [`${flags[key]} ${value}`] : [],
    );
  };
  // Without a W, wDim is that of latent and label together.
  const { wDim, ...others } = SIZES;
  return [
    ...differing(source, own, createModel(own).wAvg === null ? others : { ...others, wDim }),
    ...differing(source.discriminator, own.discriminator, { architecture: '--d-arch' }),
  ].join(' ');
}
