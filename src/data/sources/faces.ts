// The built-in data set: cartoon faces whose every property is drawn from our own seeded generator and kept as a label.
import * as avataaars from '@dicebear/avataaars';
import { createAvatar } from '@dicebear/core';
import { OptionError } from '../../core/errors.ts';
import { Random } from '../../core/random.ts';
import type { Source, SourceImage } from '../source.ts';

/** What to give as SOURCE for this data set; a folder of that name is written ./faces. */
export const FACES = 'faces';

/** Most faces in a source, which holds them all in memory, at about 1 KB each. */
const MAX_FACES = 1_000_000;

/** [name, what the drawing calls it, how often]. Names alone stand for themselves, once. */
type Choice = readonly [name: string, value: string, weight: number];
const same = (...names: string[]): Choice[] => names.map((name) => [name, name, 1]);

/** Short styles may come with a beard or a moustache. */
const SHORT_HAIR = same(
  'dreads01',
  'dreads02',
  'frizzle',
  'shaggy',
  'shaggyMullet',
  'shortCurly',
  'shortFlat',
  'shortRound',
  'shortWaved',
  'sides',
  'theCaesar',
  'theCaesarAndSidePart',
);
const LONG_HAIR = same(
  'bigHair',
  'bob',
  'bun',
  'curly',
  'curvy',
  'dreads',
  'fro',
  'longButNotTooLong',
  'miaWallace',
  'shavedSides',
  'straight01',
  'straight02',
  'straightAndStrand',
);

const CHOICES = {
  hairStyle: [...SHORT_HAIR, ...LONG_HAIR],
  hairColor: [
    ['black', '2c1b18', 5],
    ['brown', '724133', 5],
    ['blonde', 'd6b370', 4],
    ['red', 'c93305', 3],
    ['silver', 'e8e1e1', 2],
    ['pink', 'f59797', 2],
  ],
  skin: [
    ['pale', 'ffdbb4', 4],
    ['light', 'edb98a', 5],
    ['olive', 'd08b5b', 4],
    ['brown', 'ae5d29', 3],
    ['dark', '614335', 3],
  ],
  glasses: [
    ['none', '', 10],
    ...same('prescription01', 'prescription02', 'round', 'sunglasses', 'wayfarers'),
  ],
  glassesColor: [
    ['black', '262e33', 4],
    ['navy', '25557c', 1],
    ['red', 'ff5c5c', 1],
  ],
  facialHair: [
    ['none', '', 6],
    ...same('beardLight', 'beardMajestic', 'beardMedium', 'moustacheFancy', 'moustacheMagnum'),
  ],
  mouth: [
    ['smile', 'smile', 3],
    ['default', 'default', 2],
    ...same('twinkle', 'serious', 'sad', 'screamOpen', 'tongue'),
  ],
  eyes: [
    ['default', 'default', 4],
    ['happy', 'happy', 2],
    ...same('side', 'squint', 'surprised', 'wink', 'closed'),
  ],
  eyebrows: same(
    'default',
    'defaultNatural',
    'flatNatural',
    'raisedExcitedNatural',
    'sadConcerned',
    'upDown',
  ),
  clothes: same(
    'blazerAndShirt',
    'collarAndSweater',
    'hoodie',
    'overall',
    'shirtCrewNeck',
    'shirtScoopNeck',
    'shirtVNeck',
  ),
  clothesColor: [
    ['black', '262e33', 1],
    ['blue', '5199e4', 1],
    ['navy', '25557c', 1],
    ['gray', '929598', 1],
    ['mint', 'a7ffc4', 1],
    ['rose', 'ff488e', 1],
    ['red', 'ff5c5c', 1],
    ['white', 'ffffff', 1],
    ['yellow', 'ffffb1', 1],
  ],
  background: [
    ['sky', 'b6e3f4', 1],
    ['lavender', 'd1d4f9', 1],
    ['mint', 'cdeedd', 1],
    ['rose', 'ffd5dc', 1],
    ['peach', 'ffdfbf', 1],
    ['cream', 'f6f2e4', 1],
  ],
} satisfies Record<string, readonly Choice[]>;

type AttributeName = keyof typeof CHOICES;
const NAMES = Object.keys(CHOICES) as AttributeName[];

/** Attribute names and, for each, the names of its values. */
export const FACE_ATTRIBUTES: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  NAMES.map((key) => [key, CHOICES[key].map(([name]) => name)]),
);

/** Colours of the palette, [red, green, blue] from 0 to 255, in the order of FACE_ATTRIBUTES. */
export function faceColours(attribute: 'hairColor' | 'skin' | 'background'): [number, number, number][] {
  return CHOICES[attribute].map(([, hex]) => {
    const rgb = Number.parseInt(hex, 16);
    return [rgb >> 16, (rgb >> 8) & 255, rgb & 255];
  });
}

function pick(random: Random, choices: readonly Choice[]): number {
  let left = random.uniform() * choices.reduce((sum, [, , weight]) => sum + weight, 0);
  let index = 0;
  while (index < choices.length - 1 && left >= choices[index][2]) left -= choices[index++][2];
  return index;
}

/** The properties of face number `index`, as indices into FACE_ATTRIBUTES; the same for every count and size. */
export function faceAttributes(seed: number, index: number): Record<AttributeName, number> {
  const random = new Random(seed, `face-${index}`);
  const drawn = Object.fromEntries(NAMES.map((key) => [key, pick(random, CHOICES[key])])) as Record<
    AttributeName,
    number
  >;
  if (drawn.hairStyle >= SHORT_HAIR.length) drawn.facialHair = 0;
  return drawn;
}

/** Draws one face as a square SVG: the head in the middle and large, down to the shoulders. */
export function faceSvg(drawn: Record<AttributeName, number>): string {
  const value = (key: AttributeName) => CHOICES[key][drawn[key]][1];
  const { glasses, facialHair } = { glasses: value('glasses'), facialHair: value('facialHair') };
  const options = {
    scale: 126, // the drawing leaves room for a body that small images have no use for
    translateY: 9,
    top: [value('hairStyle')],
    topProbability: 100,
    hairColor: [value('hairColor')],
    skinColor: [value('skin')],
    accessories: glasses ? [glasses] : [],
    accessoriesProbability: glasses ? 100 : 0,
    accessoriesColor: [value('glassesColor')],
    facialHair: facialHair ? [facialHair] : [],
    facialHairProbability: facialHair ? 100 : 0,
    facialHairColor: [value('hairColor')],
    mouth: [value('mouth')],
    eyes: [value('eyes')],
    eyebrows: [value('eyebrows')],
    clothing: [value('clothes')],
    clothesColor: [value('clothesColor')],
    backgroundColor: [value('background')],
  };
  return createAvatar(avataaars, options as Partial<avataaars.Options>).toString();
}

/** A source of `count` faces, labelled by `labelAttribute` (by default the hair's colour). */
export function facesSource(count: number, seed: number, labelAttribute = 'hairColor'): Source {
  if (!(labelAttribute in CHOICES)) {
    throw new OptionError(`--labels: got ${labelAttribute}, expected one of ${NAMES.join(', ')}`);
  }
  if (count > MAX_FACES) {
    throw new OptionError(`--max-images: got ${count} faces, expected at most ${MAX_FACES}`);
  }
  const images = Array.from({ length: count }, (_, index): SourceImage => {
    const drawn = faceAttributes(seed, index);
    return {
      name: `face ${index}`,
      label: drawn[labelAttribute as AttributeName],
      attributes: drawn,
      read: async () => new TextEncoder().encode(faceSvg(drawn)),
    };
  });
  const labelNames = FACE_ATTRIBUTES[labelAttribute];
  return { path: FACES, images, labelNames, attributeNames: FACE_ATTRIBUTES, close: async () => {} };
}
