// Modulated convolution with demodulation (StyleGAN2, section 2.2, equations 1 to 3).

import { sizeOf } from '../core/tensor.ts';
import { add, matmul, mul, reshape, rsqrt, square, sum, transpose } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { convResample, type Resampling } from './conv.ts';

/** A style [N, C] beside an image [N, C, H, W]. */
const perChannel = (style: Node): Node => reshape(style, [...style.shape, 1, 1]);

/**
 * w'_ijk = s_i·w_ijk, then w''_ijk = w'_ijk / √(Σ_ik w'_ijk² + ε). x [N,I,H,W], w [O,I,k,k], styles [N,I] →
 * [N,O,H',W'], multiplied by `gain`.
 */
export function modulatedConv(x: Node, w: Node, styles: Node, resampling: Resampling, gain: number): Node {
  const scales = mul(demodulation(w, styles), gain);
  if (isCheaperInWeights(x, w)) {
    return convResample(x, mul(perInput(w, styles), transpose(perChannel(scales), [1, 0, 2, 3])), resampling);
  }
  // Applied to the activations instead of the weights, before and after: one kernel serves the whole batch.
  return mul(convResample(mul(x, perChannel(styles)), w, resampling), perChannel(scales));
}

/** Modulation alone, for ToRGB layers. */
export function modulatedConvOnly(x: Node, w: Node, styles: Node): Node {
  if (isCheaperInWeights(x, w)) return convResample(x, perInput(w, styles), 'none');
  return convResample(mul(x, perChannel(styles)), w, 'none');
}

/** For a single image there is one kernel either way, and it may be smaller than the image. */
function isCheaperInWeights(x: Node, w: Node): boolean {
  return x.shape[0] === 1 && sizeOf(w.shape) < sizeOf(x.shape);
}

/** w'_oik = s_i·w_oik for one style [1, I]. */
function perInput(w: Node, styles: Node): Node {
  return mul(w, perChannel(styles));
}

/** 1/√(Σ_i s_i²·Σ_k w_oik² + 1e-8) as [N, O]: the sum over taps does not depend on the style. */
function demodulation(w: Node, styles: Node): Node {
  const [o, i] = w.shape;
  const energy = reshape(sum(square(w), [2, 3]), [o, i]);
  return rsqrt(add(matmul(square(styles), transpose(energy, [1, 0])), 1e-8));
}
