// Presets of the published tools (`--cfg`), and one made for CPUs.

/** What a preset decides. Every value can be overridden by its flag. */
export interface Preset {
  readonly kimg: number;
  readonly batch: number;
  /** Images that share one minibatch deviation. */
  readonly mbstdGroup: number;
  /** Feature maps at resolution R: min(cbase / R, cmax). */
  readonly cbase: number;
  readonly cmax: number;
  readonly zDim: number;
  readonly wDim: number;
  readonly mapDepth: number;
  readonly glr: number;
  readonly dlr: number;
  /** R1 weight γ. */
  readonly gamma: number;
  /** Half-life of the generator's moving average, in thousands of images. */
  readonly emaKimg: number;
  /** Half-life at most this share of the images seen so far; null: no ramp. */
  readonly emaRampup: number | null;
  /** Path-length weight; 0 turns the phase off. */
  readonly plWeight: number;
  readonly styleMixing: number;
  readonly discriminator: 'resnet' | 'skip' | 'orig';
}

export const PRESET_NAMES = [
  'cpu',
  'auto',
  'stylegan2',
  'paper256',
  'paper512',
  'paper1024',
  'cifar',
] as const;
export type PresetName = (typeof PRESET_NAMES)[number];

const FULL = { cbase: 32768, cmax: 512, zDim: 512, wDim: 512 } as const;
const HALF = { ...FULL, cbase: 16384 } as const;
const COMMON = {
  mapDepth: 8,
  emaRampup: null,
  plWeight: 2,
  styleMixing: 0.9,
  discriminator: 'resnet',
} as const;
const rate = (lr: number) => ({ glr: lr, dlr: lr });

/** Largest group of at most four images that divides the batch. */
const groupOf = (batch: number): number => [4, 3, 2, 1].find((group) => batch % group === 0)!;

/** `auto`: settings that follow the resolution and the batch, for one device. */
function auto(resolution: number, asked?: number): Preset {
  const batch = asked ?? Math.max(Math.min(Math.min(Math.floor(4096 / resolution), 32), 64), 1);
  return {
    ...COMMON,
    ...(resolution >= 512 ? FULL : HALF),
    ...rate(resolution >= 1024 ? 0.002 : 0.0025),
    kimg: 25000,
    batch,
    mbstdGroup: groupOf(batch),
    gamma: (0.0002 * resolution ** 2) / batch,
    emaKimg: (batch * 10) / 32,
    emaRampup: 0.05,
    mapDepth: 2,
  };
}

/**
 * `cpu`: narrow networks and small batches, so that a CPU gets somewhere in minutes to hours. Its γ is 40 times the
 * published heuristic's at 32², under which faces were still blobs after 10 kimg; see docs/presets.md.
 */
function cpu(resolution: number, batch = 16): Preset {
  const latent = resolution <= 32 ? 64 : 128;
  return {
    ...auto(resolution, batch),
    cbase: 64 * resolution,
    cmax: resolution <= 64 ? 64 : 128,
    zDim: latent,
    wDim: latent,
    kimg: 1000,
    gamma: 0.0005 * resolution ** 2,
  };
}

const PAPER = { ...COMMON, kimg: 25000 } as const;

const PRESETS: Record<PresetName, (resolution: number, batch?: number) => Preset> = {
  cpu,
  auto,
  stylegan2: () => ({ ...PAPER, ...FULL, ...rate(0.002), batch: 32, mbstdGroup: 4, gamma: 10, emaKimg: 10 }),
  paper256: () => ({ ...PAPER, ...HALF, ...rate(0.0025), batch: 64, mbstdGroup: 8, gamma: 1, emaKimg: 20 }),
  paper512: () => ({ ...PAPER, ...FULL, ...rate(0.0025), batch: 64, mbstdGroup: 8, gamma: 0.5, emaKimg: 20 }),
  paper1024: () => ({ ...PAPER, ...FULL, ...rate(0.002), batch: 32, mbstdGroup: 4, gamma: 2, emaKimg: 10 }),
  cifar: () => ({
    ...PAPER,
    ...FULL,
    ...rate(0.0025),
    kimg: 100000,
    batch: 64,
    mbstdGroup: 32,
    gamma: 0.01,
    emaKimg: 500,
    emaRampup: 0.05,
    mapDepth: 2,
    plWeight: 0,
    styleMixing: 0,
    discriminator: 'orig',
  }),
};

/** The preset's values for a resolution. What `auto` and `cpu` derive from the batch follows one of the user's own. */
export const presetFor = (name: PresetName, resolution: number, batch?: number): Preset =>
  PRESETS[name](resolution, batch);
