// Options of a training run: what a user may say, and the complete set that follows from it.

import { z } from 'zod';
import { OptionError } from '../core/errors.ts';
import type { NetworkConfig } from '../models/registry.ts';
import { stylegan2NumWs } from '../models/stylegan2-config.ts';
import { PRESET_NAMES, presetFor } from './presets.ts';

const whole = (min: number, max = Number.MAX_SAFE_INTEGER) => z.number().int().min(min).max(max);
const positive = z.number().positive();

/** Everything that determines a run. Written to `training_options.json`; a resumed run must have the same. */
export const trainingOptions = z.strictObject({
  cfg: z.enum(PRESET_NAMES),
  kimg: positive,
  batch: whole(1),
  /** Images in one run of the engine; gradients of batch / batchGpu runs are averaged. */
  batchGpu: whole(1),
  gamma: z.number().min(0),
  glr: positive,
  dlr: positive,
  // Upper bounds as in network files, so that what was trained can be opened.
  cbase: whole(4, 1 << 20),
  cmax: whole(1, 8192),
  zDim: whole(1, 8192),
  wDim: whole(1, 8192),
  mapDepth: whole(1, 32),
  mbstdGroup: whole(1, 1024),
  emaKimg: positive,
  emaRampup: positive.nullable(),
  plWeight: z.number().min(0),
  styleMixing: z.number().min(0).max(1),
  generator: z.enum(['skip', 'resnet', 'orig']),
  discriminator: z.enum(['skip', 'resnet', 'orig']),
  cond: z.boolean(),
  mirror: z.boolean(),
  seed: whole(0),
  /** Reporting interval, in thousands of images. */
  tick: positive,
  /** Pictures and network snapshots every so many ticks. */
  snap: whole(1),
});

export type TrainingOptions = z.infer<typeof trainingOptions>;
/** What a user says: any part of it. */
export type TrainingRequest = Partial<TrainingOptions>;

/** What the data set decides. */
export interface DataShape {
  readonly resolution: number;
  readonly channels: number;
  readonly labelDim: number;
}

/** Flag of an option, for messages. */
export const FLAGS: Record<keyof TrainingOptions, string> = {
  cfg: '--cfg',
  kimg: '--kimg',
  batch: '--batch',
  batchGpu: '--batch-gpu',
  gamma: '--gamma',
  glr: '--glr',
  dlr: '--dlr',
  cbase: '--cbase',
  cmax: '--cmax',
  zDim: '--z-dim',
  wDim: '--w-dim',
  mapDepth: '--map-depth',
  mbstdGroup: '--mbstd-group',
  emaKimg: '--ema-kimg',
  emaRampup: '--ema-rampup',
  plWeight: '--pl-weight',
  styleMixing: '--style-mixing',
  generator: '--g-arch',
  discriminator: '--d-arch',
  cond: '--cond',
  mirror: '--mirror',
  seed: '--seed',
  tick: '--tick',
  snap: '--snap',
};

/** The complete options: what was asked for over the preset. Throws {@link OptionError} naming the flag. */
export function resolveOptions(request: TrainingRequest, data: DataShape): TrainingOptions {
  const cfg = request.cfg ?? 'cpu';
  if (!PRESET_NAMES.includes(cfg)) {
    throw new OptionError(`--cfg: got ${cfg}, expected one of ${PRESET_NAMES.join(', ')}`);
  }
  const asked = Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
  const preset = presetFor(cfg, data.resolution, request.batch);
  const result = trainingOptions.safeParse({
    generator: 'skip',
    batchGpu: request.batch ?? preset.batch,
    cond: false,
    mirror: false,
    seed: 0,
    tick: 4,
    snap: 5,
    ...preset,
    cfg,
    ...asked,
  });
  if (!result.success) {
    const [issue] = result.error.issues;
    const key = issue.path[0] as keyof TrainingOptions | undefined;
    if (key === undefined) throw new OptionError(`options: ${issue.message}`);
    throw new OptionError(`${FLAGS[key]}: got ${asked[key]}: ${issue.message}`);
  }
  checkTogether(result.data, data);
  return result.data;
}

function checkTogether(options: TrainingOptions, data: DataShape): void {
  const { batch, batchGpu, mbstdGroup, cond } = options;
  if (batch % batchGpu !== 0) {
    throw new OptionError(`--batch-gpu: got ${batchGpu}, expected a divisor of --batch ${batch}`);
  }
  if (batchGpu % Math.min(mbstdGroup, batchGpu) !== 0) {
    throw new OptionError(
      `--mbstd-group: got ${mbstdGroup}, expected a divisor of the ${batchGpu} images that run together`,
    );
  }
  if (cond && data.labelDim === 0) {
    throw new OptionError('--cond: got a data set without labels, expected one prepared with --labels');
  }
  const { resolution } = data;
  if (resolution < 4 || resolution > 1024 || (resolution & (resolution - 1)) !== 0) {
    throw new OptionError(
      `--data: got images of ${resolution}x${resolution}, expected a power of two from 4 to 1024; prepare them with ` +
        'stylegan dataset --resolution',
    );
  }
}

/** The networks that these options describe. */
export function networkConfigOf(options: TrainingOptions, data: DataShape): NetworkConfig {
  const widths = { channelBase: options.cbase, channelMax: options.cmax };
  return {
    model: 'stylegan2',
    zDim: options.zDim,
    cDim: options.cond ? data.labelDim : 0,
    wDim: options.wDim,
    numWs: stylegan2NumWs(data.resolution),
    imgResolution: data.resolution,
    imgChannels: data.channels as 1 | 3 | 4,
    ...widths,
    mappingLayers: options.mapDepth,
    architecture: options.generator,
    discriminator: {
      architecture: options.discriminator,
      mbstdGroup: options.mbstdGroup,
      ...widths,
      mappingLayers: 8,
    },
  };
}
