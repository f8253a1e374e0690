// Progressive growing (ProGAN, section 2; StyleGAN's schedule): which level of detail is trained when, and real images at it.

/** Phases of growing. The first resolution has only a stable phase; each further one fades in, then is stable. */
export interface Growth {
  /** Side of the first images. */
  readonly startRes: number;
  /** Lengths in thousands of images; a fade of 0 switches at once. */
  readonly stableKimg: number;
  readonly fadeKimg: number;
}

/**
 * Level of detail after `kimg`: lod = log2(R / start) - ⌊k/T⌋ - max(k mod T - stable, 0)/fade, at least 0, where
 * T = stable + fade. The fraction is the weight of the coarser image. Without growth 0.
 */
export function lodAt(kimg: number, growth: Growth | null, resolution: number): number {
  if (growth === null) return 0;
  // Counted in whole images, so that no rounded sum of kimg lies on the wrong side of a switch.
  const stable = Math.max(1, Math.round(growth.stableKimg * 1000));
  const fade = Math.round(growth.fadeKimg * 1000);
  const images = Math.round(kimg * 1000);
  const phase = Math.floor(images / (stable + fade));
  const faded = fade > 0 ? Math.max((images % (stable + fade)) - stable, 0) / fade : 0;
  return Math.max(Math.log2(resolution / growth.startRes) - phase - faded, 0);
}

/**
 * What is built for a level of detail: the layers down to images of R / 2^level, and the way by which the coarser
 * image fades out, which stays (with weight 0) until the next resolution; at full resolution it goes. Without fades
 * there is none.
 */
export interface Stage {
  readonly level: number;
  readonly fading: boolean;
}

export function stageAt(lod: number, growth: Growth | null, resolution: number): Stage {
  const level = Math.floor(lod);
  const isFirst = growth === null || level === Math.log2(resolution / growth.startRes);
  return { level, fading: !isFirst && lod > 0 && growth.fadeKimg > 0 };
}

/** The stage after this one; null at the end. */
export function nextStage({ level, fading }: Stage, growth: Growth | null): Stage | null {
  if (level > 0) return { level: level - 1, fading: growth !== null && growth.fadeKimg > 0 };
  return fading ? { level: 0, fading: false } : null;
}

/**
 * Real images [N, C, R, R] as D sees them at `lod`: averaged over squares down to R / 2^⌊lod⌋, and blended by the
 * fraction with their own next coarser version. At lod 0 the same array.
 */
export function imagesAtLod(images: Float32Array, resolution: number, lod: number): Float32Array {
  const level = Math.floor(lod);
  let [at, size] = [images, resolution];
  for (let i = 0; i < level; i++) {
    at = halve(at, size);
    size /= 2;
  }
  return lod === level ? at : blendWithCoarser(at, size, lod - level);
}

/** Means of 2x2 squares; rows of all images and channels lie one after the other. */
function halve(images: Float32Array, size: number): Float32Array {
  const half = new Float32Array(images.length / 4);
  for (let out = 0, top = 0; out < half.length; top += 2 * size) {
    for (let x = 0; x < size; x += 2, out++) {
      const i = top + x;
      half[out] = (images[i] + images[i + 1] + images[i + size] + images[i + size + 1]) / 4;
    }
  }
  return half;
}

/** (1 - weight)·image + weight·(its 2x2 means, each repeated four times). */
function blendWithCoarser(images: Float32Array, size: number, weight: number): Float32Array {
  const coarse = halve(images, size);
  const blended = new Float32Array(images.length);
  for (let i = 0; i < images.length; i++) {
    const [row, x] = [Math.floor(i / size), i % size];
    const mean = coarse[Math.floor(row / 2) * (size / 2) + Math.floor(x / 2)];
    blended[i] = images[i] + (mean - images[i]) * weight;
  }
  return blended;
}

/** The value that a table has for a resolution, else the one for all. */
export const atResolution = (
  table: Readonly<Record<string, number>>,
  resolution: number,
  otherwise: number,
): number => table[resolution] ?? otherwise;
