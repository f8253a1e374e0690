// Minibatch standard deviation (ProGAN, section 3): one more channel that shows how much a group of images varies.

import { add, broadcast, concat, mean, reshape, sqrt, square, sub } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';

/**
 * x [N,C,H,W] → [N,C+1,H,W]. Images n, n + N/G, n + 2N/G, … form a group of G = min(groupSize, N); N must be a
 * multiple of G.
 */
export function minibatchStd(x: Node, groupSize: number): Node {
  const [n, c, h, w] = x.shape;
  const g = Math.min(groupSize, n);
  if (n % g !== 0) throw new RangeError(`minibatch stddev: got a batch of ${n}, expected a multiple of ${g}`);
  const groups = reshape(x, [g, n / g, c * h * w]);
  const variance = mean(square(sub(groups, mean(groups, [0]))), [0]);
  const deviation = mean(sqrt(add(variance, 1e-8)), [2]); // [1, N/G, 1]
  const channel = broadcast(reshape(deviation, [1, n / g, 1, 1]), [g, n / g, h, w]);
  return concat([x, reshape(channel, [n, 1, h, w])], 1);
}
