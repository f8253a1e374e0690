// Random affine maps of the image plane: pixel blitting and general geometric transforms (StyleGAN2-ADA, appendix B).

import type { Draws } from './draws.ts';
import type { Transform } from './pipeline.ts';

/**
 * [a, b, c, d, e, f]: (x, y) → (a·x + b·y + c, d·x + e·y + f), in pixels from the image's middle. Augmentations are
 * kept as the inverse map, which says where in the image a pixel of the result is found.
 */
export type Affine = readonly [number, number, number, number, number, number];

export const IDENTITY: Affine = [1, 0, 0, 0, 1, 0];

/** First `b`, then `a`. */
function compose(a: Affine, b: Affine): Affine {
  return [
    a[0] * b[0] + a[1] * b[3],
    a[0] * b[1] + a[1] * b[4],
    a[0] * b[2] + a[1] * b[5] + a[2],
    a[3] * b[0] + a[4] * b[3],
    a[3] * b[1] + a[4] * b[4],
    a[3] * b[2] + a[4] * b[5] + a[5],
  ];
}

const scaling = (x: number, y: number): Affine => [x, 0, 0, 0, y, 0];
const translation = (x: number, y: number): Affine => [1, 0, x, 0, 1, y];
const rotation = (angle: number): Affine => {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [cos, -sin, 0, sin, cos, 0];
};

/** Largest shift by whole pixels, as a share of the size. */
const INTEGER_SHIFT = 0.125;
/** Standard deviations: of the binary logarithms of scale and stretch, and of the shift as a share of the size. */
const SCALE_STD = 0.2;
const ANISO_STD = 0.2;
const FRACTIONAL_SHIFT_STD = 0.125;

/** The inverse map of one image's random transform of strength `p`. `size` is [height, width]. */
export function drawAffine(
  draws: Draws,
  transforms: readonly Transform[],
  p: number,
  [height, width]: readonly [number, number],
): Affine {
  const has = (name: Transform): boolean => transforms.includes(name);
  // Two rotations at either side of the stretch give one at least with probability p.
  const turning = 1 - Math.sqrt(1 - Math.min(Math.max(p, 0), 1));
  let inverse = IDENTITY;
  const then = (next: Affine) => {
    inverse = compose(inverse, next);
  };
  const turn = (when: 'before' | 'after') => {
    if (has('rotate') && draws.chance(turning)) then(rotation((draws.turn(when) * 2 - 1) * Math.PI));
  };

  if (has('xflip') && draws.chance(p)) then(scaling(1 - 2 * Math.floor(draws.uniform() * 2), 1));
  if (has('rotate90') && draws.chance(p)) then(rotation((Math.PI / 2) * Math.floor(draws.uniform() * 4)));
  if (has('xint') && draws.chance(p)) {
    const shift = (length: number) => -roundHalfEven((draws.uniform() * 2 - 1) * INTEGER_SHIFT * length);
    then(translation(shift(width), shift(height)));
  }
  if (has('scale') && draws.chance(p)) {
    const scale = 2 ** (draws.normal() * SCALE_STD);
    then(scaling(1 / scale, 1 / scale));
  }
  turn('before');
  if (has('aniso') && draws.chance(p)) {
    const stretch = 2 ** (draws.normal() * ANISO_STD);
    then(scaling(1 / stretch, stretch));
  }
  turn('after');
  if (has('xfrac') && draws.chance(p)) {
    const shift = (length: number) => -draws.normal() * FRACTIONAL_SHIFT_STD * length;
    then(translation(shift(width), shift(height)));
  }
  return inverse;
}

/** Rounds halves to the even side, as the published code does. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}
