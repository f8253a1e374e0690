// What names and shapes of tensors tell of a network's configuration.

import { FileError } from '../core/errors.ts';
import type { Shape } from '../core/tensor.ts';
import { channelsAt } from '../models/common-config.ts';

export type NamedShapes = ReadonlyMap<string, { readonly shape: Shape }>;

/** Shapes of one network by name; what is missing or of another rank is the file's fault. */
export class Shapes {
  private readonly tensors: NamedShapes;
  private readonly source: string;

  constructor(tensors: NamedShapes, source: string) {
    this.tensors = tensors;
    this.source = source;
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  some(ending: string): boolean {
    return [...this.tensors.keys()].some((name) => name.endsWith(ending));
  }

  /** How many of `name(0)`, `name(1)`, … there are. */
  count(name: (index: number) => string): number {
    let count = 0;
    while (this.has(name(count))) count++;
    return count;
  }

  of(name: string, rank: number): Shape {
    const shape = this.tensors.get(name)?.shape;
    if (shape?.length !== rank) {
      const got = shape === undefined ? `no tensor ${name}` : `${name} [${shape}]`;
      throw new FileError(
        `${this.source}: got ${got}, expected one of ${rank} dimension${rank > 1 ? 's' : ''}`,
      );
    }
    return shape;
  }

  /** Length of a bias; `separator` stands between a layer and its tensors. */
  width(name: string, separator = '/'): number {
    return this.of(`${name}${separator}bias`, 1)[0];
  }
}

/** The two numbers that give every resolution its feature maps, from those numbers of feature maps. */
export function widthsOf(
  channels: ReadonlyMap<number, number>,
  source: string,
): { channelBase: number; channelMax: number } {
  const channelMax = Math.max(...channels.values());
  // The smallest base that reaches them all: floor(base / R) ≥ channels at R.
  const channelBase = Math.max(...[...channels].map(([r, count]) => r * count));
  for (const [r, got] of channels) {
    const expected = channelsAt({ channelBase, channelMax }, r);
    if (got !== expected) {
      throw new FileError(
        `${source}: got ${got} feature maps at ${r}x${r}, expected ${expected}: twice as many at half the size, up to ${channelMax}`,
      );
    }
  }
  return { channelBase, channelMax };
}
