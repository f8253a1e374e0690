// A small untrained network as a file's bytes, for tests of everything that opens one.

import { encodeNetworkFile } from '../../src/checkpoints/network-file.ts';
import { Random } from '../../src/core/random.ts';
import type { FloatTensor } from '../../src/core/tensor.ts';
import type { NetworkConfig } from '../../src/models/registry.ts';
import { createModel } from '../../src/models/registry.ts';
import type { StyleGANConfig } from '../../src/models/stylegan-config.ts';
import type { StyleGAN2Config } from '../../src/models/stylegan2-config.ts';
import { initialValue, type ParameterSpec } from '../../src/nn/parameters.ts';

const CONFIG: StyleGAN2Config = {
  model: 'stylegan2',
  zDim: 8,
  cDim: 0,
  wDim: 8,
  numWs: 6,
  imgResolution: 16,
  imgChannels: 3,
  channelBase: 128,
  channelMax: 16,
  mappingLayers: 2,
  architecture: 'skip',
  discriminator: {
    architecture: 'resnet',
    mbstdGroup: 4,
    channelBase: 128,
    channelMax: 16,
    mappingLayers: 2,
  },
};

const STYLEGAN: StyleGANConfig = {
  model: 'stylegan',
  zDim: 8,
  cDim: 0,
  wDim: 8,
  numWs: 6,
  imgResolution: 16,
  imgChannels: 3,
  channelBase: 128,
  channelMax: 16,
  mappingLayers: 2,
  bilinear: true,
  styles: true,
  constInput: true,
  noise: true,
  fusedScale: 'auto',
  discriminator: { mbstdGroup: 4, channelBase: 128, channelMax: 16 },
};

/** Seeded weights, with noise that is seen: strengths start at 0, here they are 0.3. w_avg is 0. */
function drawTensors(specs: readonly ParameterSpec[]): Map<string, FloatTensor> {
  const random = new Random(1, 'tiny network');
  return new Map(
    specs.map((spec) => {
      const data = initialValue(spec, random);
      if (/noise_strength$|Noise\.weight$/.test(spec.name)) data.fill(0.3);
      return [spec.name, { dtype: 'float32', shape: spec.shape, data }];
    }),
  );
}

/** Of any generation. */
export function untrainedNetwork(config: NetworkConfig): Uint8Array {
  const model = createModel(config);
  const G_ema = drawTensors(model.generator);
  const chunks = encodeNetworkFile({
    config,
    kimg: 12.5,
    G_ema,
    G: null,
    D: drawTensors(model.discriminator),
  });
  return Buffer.concat(chunks);
}

/** `changes` replace parts of a 16x16 RGB StyleGAN2 without labels. */
export const tinyNetwork = (changes: Partial<StyleGAN2Config> = {}): Uint8Array =>
  untrainedNetwork({ ...CONFIG, ...changes });

/** `changes` replace parts of a 16x16 RGB StyleGAN without labels. */
export const tinyStyleGAN = (changes: Partial<StyleGANConfig> = {}): Uint8Array =>
  untrainedNetwork({ ...STYLEGAN, ...changes });

/** A 16x16 RGB network without styles and noise. */
export const tinyGAN = (): Uint8Array =>
  untrainedNetwork({
    model: 'gan',
    zDim: 8,
    cDim: 0,
    wDim: 8,
    numWs: 1,
    imgResolution: 16,
    imgChannels: 3,
    hiddenWidth: 16,
    hiddenLayers: 1,
    discriminator: { hiddenWidth: 16, hiddenLayers: 1 },
  });
