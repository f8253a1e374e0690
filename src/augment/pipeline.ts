// The augmentations by name, and the pipelines that combine them (StyleGAN2-ADA, section 3.2 and appendix B).

const BLIT = ['xflip', 'rotate90', 'xint'] as const;
const GEOM = ['scale', 'rotate', 'aniso', 'xfrac'] as const;
const COLOR = ['brightness', 'contrast', 'lumaflip', 'hue', 'saturation'] as const;
const FILTER = ['imgfilter'] as const;
const NOISE = ['noise'] as const;
const CUTOUT = ['cutout'] as const;

/** Every transform, in the order in which they are applied. */
export const TRANSFORMS = [...BLIT, ...GEOM, ...COLOR, ...FILTER, ...NOISE, ...CUTOUT] as const;
export type Transform = (typeof TRANSFORMS)[number];

export const PIPELINE_NAMES = [
  'blit',
  'geom',
  'color',
  'filter',
  'noise',
  'cutout',
  'bg',
  'bgc',
  'bgcf',
  'bgcfn',
  'bgcfnc',
] as const;
export type PipelineName = (typeof PIPELINE_NAMES)[number];

/** The published pipelines; `bgc` is the usual one. */
export const PIPELINES: Readonly<Record<PipelineName, readonly Transform[]>> = {
  blit: BLIT,
  geom: GEOM,
  color: COLOR,
  filter: FILTER,
  noise: NOISE,
  cutout: CUTOUT,
  bg: [...BLIT, ...GEOM],
  bgc: [...BLIT, ...GEOM, ...COLOR],
  bgcf: [...BLIT, ...GEOM, ...COLOR, ...FILTER],
  bgcfn: [...BLIT, ...GEOM, ...COLOR, ...FILTER, ...NOISE],
  bgcfnc: TRANSFORMS,
};

const hasAny = (transforms: readonly Transform[], some: readonly Transform[]): boolean =>
  transforms.some((each) => some.includes(each));

/** Whether pixels move: then images are resampled. */
export const movesPixels = (transforms: readonly Transform[]): boolean =>
  hasAny(transforms, [...BLIT, ...GEOM]);

/** Whether each pixel's colour is transformed. */
export const changesColor = (transforms: readonly Transform[]): boolean => hasAny(transforms, COLOR);
