// Random affine maps of colour space (StyleGAN2-ADA, appendix B).

import type { Draws } from './draws.ts';
import type { Transform } from './pipeline.ts';

/** Rows of a 4×4 matrix that maps (red, green, blue, 1), row-major. */
type ColorMap = readonly number[];

const BRIGHTNESS_STD = 0.2;
/** Standard deviations of binary logarithms. */
const CONTRAST_STD = 0.5;
const SATURATION_STD = 1;

/** Direction of gray in colour space, of unit length. */
const GRAY = 1 / Math.sqrt(3);

/** First `b`, then `a`. */
const compose = (a: ColorMap, b: ColorMap): ColorMap =>
  Array.from({ length: 16 }, (_, i) => {
    const [row, column] = [Math.floor(i / 4) * 4, i % 4];
    return (
      a[row] * b[column] +
      a[row + 1] * b[4 + column] +
      a[row + 2] * b[8 + column] +
      a[row + 3] * b[12 + column]
    );
  });

/** `diagonal` on the diagonal and `rest` elsewhere, for colours; `offset` is added to each. */
const uniformMap = (diagonal: number, rest = 0, offset = 0): ColorMap => [
  ...[diagonal, rest, rest, offset],
  ...[rest, diagonal, rest, offset],
  ...[rest, rest, diagonal, offset],
  ...[0, 0, 0, 1],
];

/** Rotation about gray by an angle: Rodrigues' formula with axis (1, 1, 1)/√3. */
function hueRotation(angle: number): ColorMap {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle) * GRAY];
  const share = (1 - cos) / 3;
  return [
    ...[share + cos, share - sin, share + sin, 0],
    ...[share + sin, share + cos, share - sin, 0],
    ...[share - sin, share + sin, share + cos, 0],
    ...[0, 0, 0, 1],
  ];
}

/** The map of one image of strength `p`. Hue and saturation are of colour images only. */
function drawColorMap(draws: Draws, transforms: readonly Transform[], p: number, gray: boolean): ColorMap {
  const has = (name: Transform): boolean => transforms.includes(name) && draws.chance(p);
  let map = uniformMap(1);
  const then = (next: ColorMap) => {
    map = compose(next, map);
  };
  if (has('brightness')) then(uniformMap(1, 0, draws.normal() * BRIGHTNESS_STD));
  if (has('contrast')) then(uniformMap(2 ** (draws.normal() * CONTRAST_STD)));
  // Mirrored at the plane of no luma: I - 2vvᵀ with v along gray.
  if (has('lumaflip') && Math.floor(draws.uniform() * 2) === 1) then(uniformMap(1 - 2 / 3, -2 / 3));
  if (gray) return map;
  if (has('hue')) then(hueRotation((draws.uniform() * 2 - 1) * Math.PI));
  if (has('saturation')) {
    // vvᵀ + (I - vvᵀ)·s
    const saturation = 2 ** (draws.normal() * SATURATION_STD);
    then(uniformMap(1 / 3 + (2 / 3) * saturation, (1 - saturation) / 3));
  }
  return map;
}

/** How the channels of one image are mixed: x → matrix · x + offset. */
export interface ChannelMap {
  /** [C, C] */
  readonly matrix: readonly number[];
  /** [C] */
  readonly offset: readonly number[];
}

/** A random map for images of 1, 3 or 4 channels. A fourth channel, opacity, stays as it is. */
export function drawChannelMap(
  draws: Draws,
  transforms: readonly Transform[],
  p: number,
  channels: number,
): ChannelMap {
  const map = drawColorMap(draws, transforms, p, channels === 1);
  if (channels === 1) {
    // What becomes of the mean of the colours of a gray pixel.
    const mean = (column: number) => (map[column] + map[4 + column] + map[8 + column]) / 3;
    return { matrix: [mean(0) + mean(1) + mean(2)], offset: [mean(3)] };
  }
  const colors = [0, 1, 2].map((row) => map.slice(row * 4, row * 4 + 3));
  const offset = [map[3], map[7], map[11]];
  if (channels === 3) return { matrix: colors.flat(), offset };
  return { matrix: [...colors.flatMap((row) => [...row, 0]), 0, 0, 0, 1], offset: [...offset, 0] };
}
