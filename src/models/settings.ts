// From the settings of a run, which know all generations, to the configuration of one.

import type { CommonConfig } from './common-config.ts';
import type { NetworkConfig } from './registry.ts';
import { styleganNumWs } from './stylegan-config.ts';
import { stylegan2NumWs } from './stylegan2-config.ts';

/** What users choose under one name for all generations; each takes what it knows. */
export interface NetworkSettings {
  readonly model: NetworkConfig['model'];
  readonly imgResolution: number;
  readonly imgChannels: CommonConfig['imgChannels'];
  readonly zDim: number;
  readonly cDim: number;
  readonly wDim: number;
  /** Feature maps at resolution R: min(cbase / R, cmax); `cmax` is the width of fully connected layers. */
  readonly cbase: number;
  readonly cmax: number;
  readonly mapDepth: number;
  readonly mbstdGroup: number;
  readonly generator: 'skip' | 'resnet' | 'orig';
  readonly discriminator: 'skip' | 'resnet' | 'orig';
  readonly bilinear: boolean;
  readonly styles: boolean;
  readonly constInput: boolean;
  readonly noise: boolean;
  readonly spectralNorm: boolean;
}

/** Depth of StyleGAN2's label branch in D, as published. */
const LABEL_LAYERS = 8;
/** Hidden layers of the first GAN's networks, as published. */
const GAN_LAYERS = 2;

export function configOf(settings: NetworkSettings): NetworkConfig {
  const { zDim, cDim, wDim, cbase, cmax, mapDepth, mbstdGroup, imgResolution, imgChannels } = settings;
  const common = { zDim, cDim, imgResolution, imgChannels };
  /** Latent and label enter together, once. */
  const withoutW = { ...common, wDim: zDim + cDim, numWs: 1 };
  const widths = { channelBase: cbase, channelMax: cmax };
  const d = { ...(settings.spectralNorm && { spectralNorm: true }) };
  const { bilinear, styles, constInput, noise } = settings;
  const hidden = { hiddenWidth: cmax, hiddenLayers: GAN_LAYERS };
  switch (settings.model) {
    case 'gan':
      return { model: 'gan', ...withoutW, ...hidden, discriminator: { ...hidden, ...d } };
    case 'dcgan':
      return { model: 'dcgan', ...withoutW, ...widths, discriminator: { ...widths, ...d } };
    case 'progan':
      return {
        model: 'progan',
        ...withoutW,
        ...widths,
        fusedScale: true,
        discriminator: { ...widths, mbstdGroup, ...d },
      };
    case 'stylegan':
      return {
        model: 'stylegan',
        ...(styles ? { ...common, wDim } : withoutW),
        numWs: styleganNumWs({ styles, imgResolution }),
        ...widths,
        fusedScale: 'auto',
        bilinear,
        styles,
        constInput,
        noise,
        mappingLayers: mapDepth,
        discriminator: { ...widths, mbstdGroup, ...d },
      };
    case 'stylegan2':
      return {
        model: 'stylegan2',
        ...common,
        wDim,
        numWs: stylegan2NumWs(imgResolution),
        ...widths,
        mappingLayers: mapDepth,
        architecture: settings.generator,
        discriminator: {
          architecture: settings.discriminator,
          mbstdGroup,
          ...widths,
          mappingLayers: LABEL_LAYERS,
          ...d,
        },
      };
  }
}
