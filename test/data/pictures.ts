// Real little picture files for the data tests, and reading prepared results back.
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterAll } from 'vitest';
import type { Dataset } from '../../src/data/dataset.ts';

export const FIXTURES = new URL('../fixtures/data/', import.meta.url).pathname;

/** A folder of its own for each test file, removed at the end. */
export function scratch(): (name: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'stylegan-data-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return (name) => join(folder, name);
}

export type Rgb = readonly [number, number, number];
export const RED: Rgb = [250, 20, 20];
export const BLUE: Rgb = [20, 20, 250];

/** Left half one colour, right half another. */
export function halves(width: number, height: number, left: Rgb = RED, right: Rgb = BLUE): Sharp {
  const pixels = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) pixels.set(i % width < width / 2 ? left : right, 3 * i);
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

/** Pixel (x, y) of image `index`, all channels. */
export async function pixel(dataset: Dataset, index: number, x: number, y: number): Promise<number[]> {
  const image = await dataset.readImage(index);
  const { resolution, channels } = dataset;
  return Array.from({ length: channels }, (_, c) => image[(c * resolution + y) * resolution + x]);
}
