// The data sets of the experiments: few pictures to learn from, and many others of the same kind to compare with.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createAvatar } from '@dicebear/core';
import * as personas from '@dicebear/personas';
import { interruption } from '../../src/cli/interrupt.ts';
import { convertImage } from '../../src/data/convert.node.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { writeDataset } from '../../src/data/dataset-writer.node.ts';
import { openDataset } from '../../src/data/open-dataset.node.ts';
import { prepareDataset } from '../../src/data/prepare.node.ts';

const RESOLUTION = 32;
const FEW = 200;
const MANY = 2000;

/** The built-in faces, and a style by other hands: Personas by Draftbit (CC BY 4.0). */
export type Style = 'faces' | 'personas';

/** By file name. Sets of one style but another seed share no drawing but by chance. */
export const SETS = {
  faces: { style: 'faces', count: FEW, seed: 0 },
  'faces-held-out': { style: 'faces', count: MANY, seed: 1 },
  'faces-others': { style: 'faces', count: MANY, seed: 2 },
  'faces-many': { style: 'faces', count: 8000, seed: 0 },
  personas: { style: 'personas', count: FEW, seed: 0 },
  'personas-held-out': { style: 'personas', count: MANY, seed: 1 },
  'personas-others': { style: 'personas', count: MANY, seed: 2 },
} as const satisfies Record<string, { style: Style; count: number; seed: number }>;
export type SetName = keyof typeof SETS;

const BACKGROUNDS = ['f6dfb8', 'bfe0d0', 'c9d3f0', 'f2c9c4'];

/** Drawing number `index` of Personas as SVG, the head about as large as those of the built-in faces. */
export function personaSvg(seed: number, index: number): string {
  const options = {
    seed: `persona ${seed} ${index}`,
    scale: 125,
    translateY: 8,
    backgroundColor: BACKGROUNDS,
  };
  return createAvatar(personas, options).toString();
}

/** Opens a set in `folder`, drawing it first when it is not there. */
export async function openSet(folder: string, name: SetName): Promise<Dataset> {
  return openDataset(await prepareSet(folder, name), {});
}

/** Draws a set unless it is there. Returns its path. */
export async function prepareSet(folder: string, name: SetName): Promise<string> {
  const path = join(folder, `${name}.zip`);
  if (existsSync(path)) return path;
  const { style, count, seed } = SETS[name];
  console.log(`drawing ${path}: ${count} pictures`);
  if (style === 'faces') {
    await prepareDataset('faces', path, {
      resolution: RESOLUTION,
      maxImages: count,
      seed,
      signal: interruption,
    });
    return path;
  }
  const target = { width: RESOLUTION, height: RESOLUTION, transform: 'center-crop', channels: 3 } as const;
  await writeDataset(path, async (add) => {
    for (let index = 0; index < count; index++) {
      interruption.throwIfAborted();
      await add(await convertImage(new TextEncoder().encode(personaSvg(seed, index)), target));
    }
    return { labels: null };
  });
  return path;
}
