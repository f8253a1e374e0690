// Kind `seeds`: the numbers that numpy.random.RandomState gives.

import type { SafetensorsFile } from '../../src/checkpoints/safetensors.ts';
import { FileError } from '../../src/core/errors.ts';
import { RandomState } from '../../src/core/numpy-random.ts';
import { compare, type Deviation } from './check.ts';

export function* checkSeeds({ tensors }: SafetensorsFile): Iterable<Deviation> {
  for (const [name, reference] of tensors) {
    const match = /^seed(\d+)\.(randn|rand|permutation)/.exec(name);
    if (!match)
      throw new FileError(`got tensor ${name}, expected seedN.randn, seedN.rand or seedN.permutation`);
    const random = new RandomState(Number(match[1]));
    const count = reference.data.length;
    const methods = {
      randn: () => random.randn(count),
      rand: () => random.rand(count),
      permutation: () => random.permutation(count),
    };
    yield compare(name, methods[match[2] as keyof typeof methods](), reference);
  }
}
