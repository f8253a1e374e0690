// Options of a training run: what a user may say, and the complete set that follows from it.

import { z } from 'zod';
import { PIPELINE_NAMES } from '../augment/pipeline.ts';
import { OptionError } from '../core/errors.ts';
import { faultOf } from '../core/schema.ts';
import { createModel, type NetworkConfig } from '../models/registry.ts';
import { configOf } from '../models/settings.ts';
import { freezableLayers } from './freeze.ts';
import { atResolution, type Growth } from './growth.ts';
import { PRESET_NAMES, type Preset, presetFor } from './presets.ts';

const whole = (min: number, max = Number.MAX_SAFE_INTEGER) => z.number().int().min(min).max(max);
const positive = z.number().positive();
const fromZero = z.number().min(0);
/** Values of single resolutions. */
const byResolution = (value: z.ZodNumber) =>
  z
    .record(z.string(), value)
    .refine((table) => Object.keys(table).every((key) => /^(4|8|16|32|64|128|256|512|1024)$/.test(key)), {
      message: 'expected values of powers of two from 4 to 1024',
    });

/** Everything that determines a run. Written to `training_options.json`; a resumed run must have the same. */
export const trainingOptions = z.strictObject({
  cfg: z.enum(PRESET_NAMES),
  model: z.enum(['gan', 'dcgan', 'progan', 'stylegan', 'stylegan2']),
  kimg: positive,
  batch: whole(1),
  /** Images in one run of the engine; gradients of batch / batchGpu runs are averaged. */
  batchGpu: whole(1),
  loss: z.enum(['saturating', 'logistic', 'lsgan', 'hinge', 'wgan']),
  reg: z.array(z.enum(['r1', 'r2', 'gp', 'sn'])),
  gamma: fromZero,
  gpWeight: fromZero,
  gpTarget: positive,
  drift: fromZero,
  gRegInterval: whole(1),
  dRegInterval: whole(1),
  glr: positive,
  dlr: positive,
  beta1: z.number().min(0).max(0.999),
  beta2: z.number().min(0).max(0.9999),
  // Upper bounds as in network files, so that what was trained can be opened.
  cbase: whole(4, 1 << 20),
  cmax: whole(1, 8192),
  zDim: whole(1, 8192),
  wDim: whole(1, 8192),
  mapDepth: whole(1, 32),
  mbstdGroup: whole(1, 1024),
  emaKimg: positive,
  emaRampup: positive.nullable(),
  plWeight: fromZero,
  styleMixing: z.number().min(0).max(1),
  generator: z.enum(['skip', 'resnet', 'orig']),
  discriminator: z.enum(['skip', 'resnet', 'orig']),
  bilinear: z.boolean(),
  styles: z.boolean(),
  constInput: z.boolean(),
  noise: z.boolean(),
  startRes: whole(4, 1024).nullable(),
  stableKimg: positive,
  fadeKimg: fromZero,
  resBatch: byResolution(whole(1)),
  resLr: byResolution(positive),
  cond: z.boolean(),
  mirror: z.boolean(),
  /** Augmentation of what D sees: none, adaptive (see ada.ts), or of constant strength p. */
  aug: z.enum(['noaug', 'ada', 'fixed']),
  p: z.number().min(0).max(1).nullable(),
  target: z.number().min(0).max(1),
  augpipe: z.enum(PIPELINE_NAMES),
  adaKimg: positive,
  /** The network that the run starts from: a path, an address or a published name (see transfer.ts). */
  resume: z.string().min(1).nullable(),
  /** Where counting starts, in thousands of images. */
  resumeKimg: fromZero,
  /** Layers of D, from the image inwards, that keep the source's weights (see freeze.ts). */
  freezed: whole(0),
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
  model: '--cfg',
  kimg: '--kimg',
  batch: '--batch',
  batchGpu: '--batch-gpu',
  loss: '--loss',
  reg: '--reg',
  gamma: '--gamma',
  gpWeight: '--gp-weight',
  gpTarget: '--gp-target',
  drift: '--drift',
  gRegInterval: '--g-reg-interval',
  dRegInterval: '--d-reg-interval',
  glr: '--glr',
  dlr: '--dlr',
  beta1: '--beta1',
  beta2: '--beta2',
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
  bilinear: '--bilinear',
  styles: '--styles',
  constInput: '--const-input',
  noise: '--noise',
  startRes: '--start-res',
  stableKimg: '--stable-kimg',
  fadeKimg: '--fade-kimg',
  resBatch: '--res-batch',
  resLr: '--res-lr',
  cond: '--cond',
  mirror: '--mirror',
  aug: '--aug',
  p: '--p',
  target: '--target',
  augpipe: '--augpipe',
  adaKimg: '--ada-kimg',
  resume: '--resume',
  resumeKimg: '--resume-kimg',
  freezed: '--freezed',
  seed: '--seed',
  tick: '--tick',
  snap: '--snap',
};

/** A value as its flag takes it. */
export function formatOption(value: unknown): string {
  if (value === null) return 'none';
  if (typeof value !== 'object') return String(value) || 'nothing';
  const parts = Array.isArray(value) ? value : Object.entries(value).map(([key, each]) => `${key}:${each}`);
  return parts.join(',') || 'none';
}

/** The complete options: what was asked for over the preset. Throws {@link OptionError} naming the flag. */
export function resolveOptions(request: TrainingRequest, data: DataShape): TrainingOptions {
  const cfg = request.cfg ?? 'cpu';
  if (!PRESET_NAMES.includes(cfg)) {
    throw new OptionError(`--cfg: got ${cfg}, expected one of ${PRESET_NAMES.join(', ')}`);
  }
  const asked = Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
  const preset = presetFor(cfg, data.resolution, request.batch);
  const result = trainingOptions.safeParse({
    cond: false,
    mirror: false,
    p: null,
    target: 0.6,
    augpipe: 'bgc',
    adaKimg: 500,
    resume: null,
    resumeKimg: 0,
    freezed: 0,
    seed: 0,
    tick: 4,
    snap: 5,
    ...preset,
    batchGpu: largestBatch(request, preset),
    // A batch or rate that is asked for holds at every resolution.
    ...(request.batch !== undefined && { resBatch: {} }),
    ...((request.glr ?? request.dlr) !== undefined && { resLr: {} }),
    // Without styles there are none to mix.
    ...(request.styles === false && { styleMixing: 0 }),
    // Few images have been seen but the networks are trained: the published settings of a transfer.
    ...(typeof request.resume === 'string' && { emaRampup: null, adaKimg: 100 }),
    cfg,
    ...asked,
  });
  if (!result.success) {
    const { path, got, expected } = faultOf(result.error, asked);
    const key = path.split('.')[0] as keyof TrainingOptions;
    if (!(key in FLAGS)) throw new OptionError(`options: got ${got}, expected ${expected}`);
    throw new OptionError(`${FLAGS[key]}: got ${formatOption(asked[key])}, expected ${expected}`);
  }
  checkKnown(asked, result.data.model);
  checkAugmentation(asked, result.data);
  checkTransfer(result.data);
  checkTogether(result.data, data);
  return result.data;
}

/** Options of some generations only. */
const KNOWN_BY: Partial<Record<keyof TrainingOptions, readonly TrainingOptions['model'][]>> = {
  mapDepth: ['stylegan', 'stylegan2'],
  generator: ['stylegan2'],
  discriminator: ['stylegan2'],
  bilinear: ['stylegan'],
  styles: ['stylegan'],
  constInput: ['stylegan'],
  noise: ['stylegan'],
};

function checkKnown(asked: Readonly<Record<string, unknown>>, model: TrainingOptions['model']): void {
  for (const [key, models] of Object.entries(KNOWN_BY)) {
    if (!(key in asked) || models.includes(model)) continue;
    const flag = FLAGS[key as keyof TrainingOptions];
    throw new OptionError(
      `${flag}: got ${formatOption(asked[key])}, expected none with a ${model}: only ${models.join(' and ')} ` +
        `${models.length > 1 ? 'have' : 'has'} it`,
    );
  }
}

function checkAugmentation(asked: Readonly<Record<string, unknown>>, { aug, p }: TrainingOptions): void {
  const refuse = (key: keyof TrainingOptions, reason: string) => {
    throw new OptionError(`${FLAGS[key]}: got ${formatOption(asked[key])} with --aug ${aug}, ${reason}`);
  };
  if (p !== null && aug !== 'fixed') refuse('p', 'expected none: only --aug fixed has a strength of its own');
  if (p === null && aug === 'fixed') {
    throw new OptionError('--p: got nothing with --aug fixed, expected a strength from 0 to 1');
  }
  for (const key of ['target', 'adaKimg'] as const)
    if (key in asked && aug !== 'ada') refuse(key, 'expected none: only --aug ada adapts');
  if ('augpipe' in asked && aug === 'noaug') refuse('augpipe', 'expected none: nothing is augmented');
}

function checkTransfer({ kimg, resume, resumeKimg, freezed }: TrainingOptions): void {
  for (const [flag, value] of Object.entries({ '--resume-kimg': resumeKimg, '--freezed': freezed })) {
    if (resume === null && value > 0)
      throw new OptionError(`${flag}: got ${value} without --resume, expected a network to start from`);
  }
  if (kimg <= resumeKimg) {
    throw new OptionError(
      `--kimg: got ${kimg}, expected more than --resume-kimg ${resumeKimg}: both count from the first image`,
    );
  }
}

/** Images that run together unless told otherwise: the largest batch. */
function largestBatch({ batch, resBatch }: TrainingRequest, preset: Preset): number {
  const table = resBatch ?? (batch === undefined ? preset.resBatch : {});
  return Math.max(batch ?? preset.batch, ...Object.values(table));
}

/** Resolutions at which a run trains, the smallest first. */
export function resolutionsOf({ startRes }: TrainingOptions, resolution: number): number[] {
  const resolutions: number[] = [];
  for (let r = startRes ?? resolution; r <= resolution; r *= 2) resolutions.push(r);
  return resolutions;
}

/** Batch and learning rates at a resolution. */
export function ratesAt(
  { batch, resBatch, resLr, glr, dlr }: TrainingOptions,
  resolution: number,
): { batch: number; glr: number; dlr: number } {
  return {
    batch: atResolution(resBatch, resolution, batch),
    glr: atResolution(resLr, resolution, glr),
    dlr: atResolution(resLr, resolution, dlr),
  };
}

/** The growing schedule; null for networks that are trained at one resolution. */
export function growthOf({ startRes, stableKimg, fadeKimg }: TrainingOptions): Growth | null {
  return startRes === null ? null : { startRes, stableKimg, fadeKimg };
}

function checkTogether(options: TrainingOptions, data: DataShape): void {
  const { resolution } = data;
  if (resolution < 4 || resolution > 1024 || (resolution & (resolution - 1)) !== 0) {
    throw new OptionError(
      `--data: got images of ${resolution}x${resolution}, expected a power of two from 4 to 1024; prepare them with ` +
        'stylegan dataset --resolution',
    );
  }
  checkGrowth(options, resolution);
  for (const r of resolutionsOf(options, resolution)) checkBatch(options, r);
  checkFreezed(options, data);
  const { cond, styles, constInput, model, styleMixing } = options;
  if (cond && data.labelDim === 0) {
    throw new OptionError('--cond: got a data set without labels, expected one prepared with --labels');
  }
  if (model === 'stylegan' && constInput && !styles) {
    throw new OptionError(
      '--const-input: got 1 with --styles 0, expected styles, which then alone tell images apart',
    );
  }
  if (styleMixing > 0 && networkConfigOf(options, data).numWs === 1) {
    throw new OptionError(
      `--style-mixing: got ${styleMixing}, expected 0: this ${model} has no styles to mix`,
    );
  }
}

function checkFreezed(options: TrainingOptions, data: DataShape): void {
  const { freezed, model } = options;
  if (freezed === 0) return;
  const { length } = freezableLayers(createModel(networkConfigOf(options, data)).discriminator);
  if (freezed > length) {
    throw new OptionError(
      `--freezed: got ${freezed}, expected at most ${length}: so many layers has the discriminator of this ${model} ` +
        'before its last ones, which are always trained',
    );
  }
}

function checkBatch(options: TrainingOptions, resolution: number): void {
  const { batchGpu, mbstdGroup, resBatch } = options;
  const { batch } = ratesAt(options, resolution);
  const together = Math.min(batch, batchGpu);
  if (batch % together !== 0) {
    const flag = resolution in resBatch ? `--res-batch ${resolution}:${batch}` : `--batch ${batch}`;
    throw new OptionError(`--batch-gpu: got ${batchGpu}, expected a divisor of ${flag}`);
  }
  if (together % Math.min(mbstdGroup, together) !== 0) {
    throw new OptionError(
      `--mbstd-group: got ${mbstdGroup}, expected a divisor of the ${together} images that run together`,
    );
  }
}

function checkGrowth({ startRes, model }: TrainingOptions, resolution: number): void {
  if (startRes === null) return;
  if (model !== 'progan' && model !== 'stylegan') {
    throw new OptionError(`--start-res: got ${startRes}, expected none: ${model} does not grow`);
  }
  if (startRes > resolution || (startRes & (startRes - 1)) !== 0) {
    throw new OptionError(
      `--start-res: got ${startRes}, expected none or a power of two from 4 to the ${resolution} of the images`,
    );
  }
}

/** The networks that these options describe. */
export function networkConfigOf(options: TrainingOptions, data: DataShape): NetworkConfig {
  return configOf({
    ...options,
    cDim: options.cond ? data.labelDim : 0,
    imgResolution: data.resolution,
    imgChannels: data.channels as 1 | 3 | 4,
    spectralNorm: options.reg.includes('sn'),
  });
}
