// Losses and regularizers of GAN training as graph: functions of logits, images and latents.

import { gradients } from '../graph/autodiff.ts';
import {
  add,
  concat,
  leakyRelu,
  mean,
  mul,
  neg,
  reshape,
  sliceAxis,
  softplus,
  sqrt,
  square,
  sub,
  sum,
} from '../graph/build.ts';
import type { Node } from '../graph/node.ts';

/** One form of the adversarial game. Each function maps logits [N, 1] to a loss for each image [N, 1], to be minimised. */
export interface Loss {
  /** G's loss from the logits of generated images. */
  generator(fake: Node): Node;
  /** D's loss from the logits of generated images. */
  fake(fake: Node): Node;
  /** D's loss from the logits of real images. */
  real(real: Node): Node;
}

export type LossName = 'saturating' | 'logistic' | 'lsgan' | 'hinge' | 'wgan';

const relu = (x: Node): Node => leakyRelu(x, 0);

/** D's half of the logistic game (Goodfellow et al. 2014, equation 1): -log(1 - σ(fake)) - log σ(real). */
const logisticD = { fake: softplus, real: (real: Node) => softplus(neg(real)) };

/** Losses by name. D's loss for a pair of images is `fake(D(G(z))) + real(D(x))`. */
export const LOSSES: Readonly<Record<LossName, Loss>> = {
  // Goodfellow et al. 2014, equation 1: G minimises log(1 - σ(fake)) = -softplus(fake), flat where D is sure.
  saturating: { ...logisticD, generator: (fake) => neg(softplus(fake)) },
  // Goodfellow et al. 2014, section 3, non-saturating: G minimises -log σ(fake).
  logistic: { ...logisticD, generator: (fake) => softplus(neg(fake)) },
  // Mao et al. 2017, with labels 0 and 1: ½(real - 1)² + ½fake², G ½(fake - 1)².
  lsgan: {
    generator: (fake) => mul(square(sub(fake, 1)), 0.5),
    fake: (fake) => mul(square(fake), 0.5),
    real: (real) => mul(square(sub(real, 1)), 0.5),
  },
  // Lim & Ye 2017, Miyato et al. 2018: max(0, 1 + fake) + max(0, 1 - real), G -fake.
  hinge: { generator: neg, fake: (fake) => relu(add(fake, 1)), real: (real) => relu(sub(1, real)) },
  // Arjovsky et al. 2017: fake - real, G -fake. D must be kept near 1-Lipschitz by a regularizer.
  wgan: { generator: neg, fake: (fake) => fake, real: neg },
};

/** The logit at which D takes images for real rather than generated. `wgan` sees differences only, and has none. */
export const BOUNDARIES: Readonly<Record<LossName, number | null>> = {
  saturating: 0,
  logistic: 0,
  lsgan: 0.5,
  hinge: 0,
  wgan: null,
};

/** Gradients of the logits in the images they were computed from, and ‖∇‖² for each image [N]. */
function imageGradient(logits: Node, images: Node): { gradient: Node; squaredNorm: Node } {
  const [gradient] = gradients(sum(logits), [images]);
  return { gradient, squaredNorm: reshape(sum(square(gradient), [1, 2, 3]), [images.shape[0]]) };
}

/**
 * ‖∇‖² of the logits at the given images, for each image [N] (Mescheder et al. 2018, equation 9): R1 at real images,
 * R2 at generated ones. The published loss is γ/2 times its mean.
 */
export function r1Penalty(logits: Node, images: Node): { gradient: Node; penalty: Node } {
  const { gradient, squaredNorm } = imageGradient(logits, images);
  return { gradient, penalty: squaredNorm };
}

/**
 * Added to ‖∇‖² before the root, whose slope at zero is infinite: 0·∞ is NaN, 0·1e15 is 0. It moves the norm by at most
 * 1e-15, far below float32's rounding of norm - target.
 */
const NORM_GUARD = 1e-30;

/** (‖∇‖ - target)²/target² for each image [N], with the gradient [N, C, R, R] and its norm [N]. */
export interface GradientPenalty {
  readonly gradient: Node;
  readonly norm: Node;
  readonly penalty: Node;
}

/**
 * Gradient penalty at `images`, meant for {@link interpolate}d ones (Gulrajani et al. 2017, equation 3, weight λ = 10).
 * `target` is the norm asked for, in logits per unit of the images' range: 1 as published; ProGAN allows others.
 */
export function gradientPenalty(logits: Node, images: Node, target: number): GradientPenalty {
  const { gradient, squaredNorm } = imageGradient(logits, images);
  const norm = sqrt(add(squaredNorm, NORM_GUARD));
  return { gradient, norm, penalty: square(mul(sub(norm, target), 1 / target)) };
}

/** real + t·(fake - real) for images [N, C, R, R] and t [N, 1, 1, 1], uniform in [0, 1]. */
export const interpolate = (real: Node, fake: Node, t: Node): Node => add(real, mul(sub(fake, real), t));

/** Keeps a critic's logits from drifting away from zero: logits² [N, 1] (ProGAN, appendix A.1, weight 0.001). */
export const driftPenalty = (realLogits: Node): Node => square(realLogits);

/**
 * Loss of an auxiliary classifier (AC-GAN, Odena et al. 2017): -log softmax(classLogits) at the label.
 * classLogits [N, L], oneHot [N, L] → [N, 1].
 */
export function crossEntropy(classLogits: Node, oneHot: Node): Node {
  return sub(logSumExp(classLogits), sum(mul(classLogits, oneHot), [1]));
}

/**
 * log Σ exp(x) along axis 1 of [N, L] → [N, 1], by pairs: log(eᵃ + eᵇ) = b + softplus(a - b), which overflows for no a, b
 * and needs no maximum.
 */
function logSumExp(x: Node): Node {
  const width = x.shape[1];
  if (width === 1) return x;
  const half = Math.floor(width / 2);
  const [a, b] = [sliceAxis(x, 1, 0, half), sliceAxis(x, 1, half, half)];
  const pairs = add(b, softplus(sub(a, b)));
  return logSumExp(width % 2 === 0 ? pairs : concat([pairs, sliceAxis(x, 1, width - 1, 1)], 1));
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
