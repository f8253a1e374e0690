// The colour of a built-in face's hair, told from its pixels by the palette that the faces are drawn with.

import { faceColours } from '../../src/data/sources/faces.ts';
import type { Picture } from '../../src/generate/image-grid.ts';

type Colour = readonly [red: number, green: number, blue: number];

/** A pixel this far from a colour, as a Euclidean distance in RGB, says nothing for it. */
const REACH = 40;
/** Fewer votes than this, of pixels in a picture of 32x32, are no hair. */
const FEWEST = 3;

const distance = (a: Colour, b: Colour) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
const blend = (a: Colour, b: Colour, share: number): Colour => [
  a[0] + (b[0] - a[0]) * share,
  a[1] + (b[1] - a[1]) * share,
  a[2] + (b[2] - a[2]) * share,
];

/** Some hair styles are drawn with lights of up to a fifth of white over the colour, and shadows of up to 0.3 of black. */
const SHADES: readonly (readonly Colour[])[] = faceColours('hairColor').map((hair) => [
  hair,
  ...[0.1, 0.2].map((light) => blend(hair, [255, 255, 255], light)),
  ...[0.2, 0.3].map((shadow) => blend(hair, [0, 0, 0], shadow)),
]);

/** A part of the picture, in 32nds of its side. */
interface Area {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}
const CORNERS: readonly Area[] = [
  { left: 0, top: 0, right: 6, bottom: 6 },
  { left: 26, top: 0, right: 32, bottom: 6 },
];
const FACE: Area = { left: 12, top: 11, right: 20, bottom: 23 };
/** As wide as the head: what lies beside it is hair in some styles only, and noisy backgrounds look like silver. */
const ABOVE_EYES: Area = { left: 8, top: 1, right: 24, bottom: 12 };
/** Of those who are bald above: hair beside the face, and beards. */
const BELOW: Area = { left: 0, top: 12, right: 32, bottom: 28 };

function* pixelsIn({ data, width, channels }: Picture, area: Area): Generator<Colour> {
  const unit = width / 32;
  for (let y = Math.floor(area.top * unit); y < area.bottom * unit; y++) {
    for (let x = Math.floor(area.left * unit); x < area.right * unit; x++) {
      const at = (y * width + x) * channels;
      yield [data[at], data[at + 1], data[at + 2]];
    }
  }
}

/** Index of the colour that most pixels come near. */
function commonest(pixels: Iterable<Colour>, colours: readonly Colour[]): number {
  const votes = colours.map(() => 0);
  for (const pixel of pixels) {
    const distances = colours.map((colour) => distance(pixel, colour));
    const least = Math.min(...distances);
    if (least < REACH) votes[distances.indexOf(least)]++;
  }
  return votes.indexOf(Math.max(...votes));
}

/**
 * Index into FACE_ATTRIBUTES.hairColor, of a face as an RGB picture. Each pixel above the eyes votes for the hair
 * colour that it is nearest to, the more the nearer it is; those nearer to the background (found in the corners), the
 * skin (found in the face) or what lies between these do not vote. Where hardly any do, the pixels below are asked.
 */
export function findHairColour(picture: Picture): number {
  const backgrounds = faceColours('background');
  const corners = CORNERS.flatMap((area) => [...pixelsIn(picture, area)]);
  const background = backgrounds[commonest(corners, backgrounds)];
  const skins = faceColours('skin');
  const skin = skins[commonest(pixelsIn(picture, FACE), skins)];
  const others = [background, skin, blend(background, skin, 0.5)];

  const votesIn = (area: Area): number[] => {
    const votes = SHADES.map(() => 0);
    for (const pixel of pixelsIn(picture, area)) {
      const distances = SHADES.map((shades) => Math.min(...shades.map((shade) => distance(pixel, shade))));
      const least = Math.min(...distances);
      const isOther = others.some((other) => distance(pixel, other) <= least);
      if (least < REACH && !isOther) votes[distances.indexOf(least)] += 1 - least / REACH;
    }
    return votes;
  };
  let votes = votesIn(ABOVE_EYES);
  const sum = votes.reduce((total, vote) => total + vote, 0);
  if (sum < FEWEST * (picture.width / 32) ** 2) votes = votesIn(BELOW);
  return votes.indexOf(Math.max(...votes));
}
