// Modulated convolution with demodulation (StyleGAN2, section 2.2, equations 1 to 3).

import { add, matmul, mul, reshape, rsqrt, square, sum, transpose } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { convResample, type Resampling } from './conv.ts';

/** A style [N, C] beside an image [N, C, H, W]. */
const perChannel = (style: Node): Node => reshape(style, [...style.shape, 1, 1]);

/**
 * w'_ijk = s_i·w_ijk, then w''_ijk = w'_ijk / √(Σ_ik w'_ijk² + ε), applied to the activations instead of the
 * weights: scale by s before the convolution and by the demodulation after it, so that one kernel serves the batch.
 * x [N,I,H,W], w [O,I,k,k], styles [N,I] → [N,O,H',W'], multiplied by `gain`.
 */
export function modulatedConv(x: Node, w: Node, styles: Node, resampling: Resampling, gain: number): Node {
  const y = convResample(mul(x, perChannel(styles)), w, resampling);
  return mul(y, perChannel(mul(demodulation(w, styles), gain)));
}

/** Modulation alone, for ToRGB layers. */
export function modulatedConvOnly(x: Node, w: Node, styles: Node): Node {
  return convResample(mul(x, perChannel(styles)), w, 'none');
}

/** 1/√(Σ_i s_i²·Σ_k w_oik² + 1e-8) as [N, O]: the sum over taps does not depend on the style. */
function demodulation(w: Node, styles: Node): Node {
  const [o, i] = w.shape;
  const energy = reshape(sum(square(w), [2, 3]), [o, i]);
  return rsqrt(add(matmul(square(styles), transpose(energy, [1, 0])), 1e-8));
}
