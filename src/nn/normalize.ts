// Normalization of vectors to unit second moment (ProGAN's pixel norm, for latents and label embeddings).

import { add, mean, mul, rsqrt, square } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';

/** x / √(mean(x²) + 1e-8) along axis 1 of [N, features]. */
export function normalize2ndMoment(x: Node): Node {
  return mul(x, rsqrt(add(mean(square(x), [1]), 1e-8)));
}
