// Losses and regularizers of GAN training as graph: functions of logits, images and latents.

import { gradients } from '../graph/autodiff.ts';
import { add, mean, mul, neg, reshape, softplus, sqrt, square, sub, sum } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';

/** Non-saturating logistic loss of G for each image: -log σ(D(G(z))) = softplus(-logits). */
export const generatorLoss = (fakeLogits: Node): Node => softplus(neg(fakeLogits));

/** Logistic loss of D for each generated image: -log(1 - σ(logits)). */
export const discriminatorFakeLoss = (fakeLogits: Node): Node => softplus(fakeLogits);

/** Logistic loss of D for each real image: -log σ(logits). */
export const discriminatorRealLoss = (realLogits: Node): Node => softplus(neg(realLogits));

/** R1 (Mescheder et al. 2018, equation 9): gradients of the logits in the images, and ‖∇‖² for each image [N]. */
export function r1Penalty(realLogits: Node, images: Node): { gradient: Node; penalty: Node } {
  const [gradient] = gradients(sum(realLogits), [images]);
  return { gradient, penalty: reshape(sum(square(gradient), [1, 2, 3]), [images.shape[0]]) };
}

export interface PathLength {
  /** ‖J_wᵀ y‖ for each image [N]. */
  readonly lengths: Node;
  /** The running mean after this batch, []. */
  readonly mean: Node;
  /** (length - mean)² for each image [N]. */
  readonly penalty: Node;
}

/**
 * Path-length regularization (StyleGAN2, section 3.2, equation 4). `noise` is N(0, 1) of the images' shape, `oldMean`
 * the running mean []. Gradients flow through the mean as well, as in the published code.
 */
export function pathLength(images: Node, ws: Node, noise: Node, oldMean: Node, decay: number): PathLength {
  const [n, , h, w] = images.shape;
  const projection = mul(sum(mul(images, noise)), 1 / Math.sqrt(h * w));
  const [gradient] = gradients(projection, [ws]); // [N, numWs, wDim]
  const lengths = reshape(sqrt(mean(sum(square(gradient), [2]), [1])), [n]);
  const batchMean = reshape(mean(lengths), []);
  const newMean = add(oldMean, mul(sub(batchMean, oldMean), decay));
  return { lengths, mean: newMean, penalty: square(sub(lengths, newMean)) };
}
