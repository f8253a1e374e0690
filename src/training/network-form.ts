// What a network is, in words and in flags.

import { blockResolutions, channelsAt } from '../models/common-config.ts';
import { createModel, type NetworkConfig } from '../models/registry.ts';

/** What kind of network it is, for messages. */
export const form = ({ model, imgResolution: r, imgChannels, cDim }: NetworkConfig): string =>
  `${model} of ${r}x${r} images with ${imgChannels} channels and ${cDim} classes`;

/** What decides the shapes of layers, with the flags for it. */
const WIDTHS = { channelBase: '--cbase', channelMax: '--cmax' };
const SIZES = {
  hiddenWidth: '--cmax',
  zDim: '--z-dim',
  mappingLayers: '--map-depth',
  architecture: '--g-arch',
};

/** Whether layers have as many maps at the resolutions that both have, whatever the two values are. */
function haveEqualWidths(a: NetworkConfig, b: NetworkConfig): boolean {
  if (!('channelBase' in a && 'channelBase' in b)) return true;
  const shared = blockResolutions(a).filter((r) => r <= b.imgResolution);
  return shared.every((r) => channelsAt(a, r) === channelsAt(b, r));
}

/** The flags that give a run the layers of `source`; empty where it has them, or is of another generation. */
export function flagsOf(source: NetworkConfig, own: NetworkConfig): string {
  if (source.model !== own.model) return '';
  const differing = (theirs: object, ours: object, flags: Record<string, string>): string[] => {
    const values = new Map(Object.entries(ours));
    return Object.entries(theirs).flatMap(([key, value]) =>
      key in flags && value !== values.get(key) ? [`${flags[key]} ${value}`] : [],
    );
  };
  return [
    ...differing(source, own, {
      ...SIZES,
      ...(haveEqualWidths(source, own) ? {} : WIDTHS),
      // Without a W, wDim is that of latent and label together.
      ...(createModel(own).wAvg !== null && { wDim: '--w-dim' }),
    }),
    ...differing(source.discriminator, own.discriminator, { architecture: '--d-arch' }),
  ].join(' ');
}
