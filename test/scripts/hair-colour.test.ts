// The measure of the labels' evidence: it must know the hair of faces whose hair is known.

import { expect, it } from 'vitest';
import { drawnFace } from '../../scripts/hair-colour/drawn-face.node.ts';
import { findHairColour } from '../../scripts/hair-colour/find-hair-colour.ts';
import { FACE_ATTRIBUTES } from '../../src/data/sources/faces.ts';

it.each([
  [32, 200],
  [64, 40],
])('finds the hair colour of drawn faces of %i pixels', async (side, count) => {
  const right = FACE_ATTRIBUTES.hairColor.map(() => 0);
  const all = right.slice();
  for (let i = 0; i < count; i++) {
    const { hair, picture } = await drawnFace(i, side);
    all[hair]++;
    if (findHairColour(picture) === hair) right[hair]++;
  }
  expect(right.reduce((sum, n) => sum + n) / count).toBeGreaterThan(0.95);
  right.forEach((n, hair) => {
    expect(n / all[hair], FACE_ATTRIBUTES.hairColor[hair]).toBeGreaterThan(0.85);
  });
});
