// Layers with equalized learning rate as ProGAN and StyleGAN have them: the gain is in the weight, the bias has none.

import { sizeOf } from '../core/tensor.ts';
import { constant, conv, convInputGrad, matmul, mul, reshape, transpose } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { biasAct, LEAKY_GAIN } from './activation.ts';
import type { Parameters } from './parameters.ts';

/** gain/√fan_in of a weight [O, …]: what multiplies N(0, 1) at run time (ProGAN, section 4.1). */
const runtimeScale = ({ shape }: Node, gain: number): number => gain / Math.sqrt(sizeOf(shape) / shape[0]);

/** x [N, in] → x·(W·gain/√in)ᵀ [N, out]. */
export function equalizedMatmul(p: Parameters, x: Node, gain = LEAKY_GAIN): Node {
  const weight = p('weight');
  return matmul(x, mul(weight, runtimeScale(weight, gain)), { transB: true });
}

/** x [N, in] → lrelu(x·(W·√2/√in)ᵀ·lr + b·lr) [N, out]. */
export function equalizedDense(p: Parameters, x: Node, lrMultiplier = 1): Node {
  return biasAct(equalizedMatmul(p, x, LEAKY_GAIN * lrMultiplier), p('bias'), 'lrelu', lrMultiplier);
}

/** x [N,I,H,W] → x * W·√2/√(I·k²) [N,O,H,W], "same" padding, without bias. */
export function equalizedConv(p: Parameters, x: Node): Node {
  const weight = p('weight');
  const same = (weight.shape[2] - 1) / 2;
  return conv(x, mul(weight, runtimeScale(weight, LEAKY_GAIN)), { pad: [same, same, same, same] });
}

/** Both 4×4 windows below see one pixel around their centre 2×2 on each side. */
const HALVING = { stride: 2, pad: [1, 1, 1, 1] } as const;

/**
 * Twice the size by repeated pixels, then a 3×3 convolution as in {@link equalizedConv}; `fused` for the published
 * transposed convolution, which is the same with the kernel flipped. Computed as the transposed convolution either
 * way: of the 3×3 taps that a new pixel sees, those on the same old pixel add up, which leaves 2×2 of a 4×4 kernel.
 */
export function equalizedConvUp(p: Parameters, x: Node, fused: boolean): Node {
  const weight = p('weight');
  const [, , h, w] = x.shape;
  const kernel = doubledKernel(
    transpose(weight, [1, 0, 2, 3]), // [I, O, 3, 3]
    runtimeScale(weight, LEAKY_GAIN),
    !fused,
  );
  return convInputGrad(x, kernel, HALVING, [2 * h, 2 * w]);
}

/** A 3×3 convolution as in {@link equalizedConv}, then half the size by averaging squares of pixels. H, W even. */
export function equalizedConvDown(p: Parameters, x: Node): Node {
  const weight = p('weight');
  return conv(x, doubledKernel(weight, runtimeScale(weight, LEAKY_GAIN) / 4, false), HALVING);
}

/** Kernels [A,B,3,3] → `scale` times the sum of four copies shifted by (0|1, 0|1) [A,B,4,4]. */
function doubledKernel(weight: Node, scale: number, flip: boolean): Node {
  const [a, b] = weight.shape;
  // One product with a constant matrix, whose backward pass is one as well.
  const taps = matmul(reshape(weight, [a * b, 9]), constant(shifts(scale, flip), [9, 16]));
  return reshape(taps, [a, b, 4, 4]);
}

/** Matrix [3·3, 4·4]: where the four shifted copies of each tap go, with the taps in reverse order if `flip`. */
function shifts(scale: number, flip: boolean): Float32Array {
  const matrix = new Float32Array(9 * 16);
  for (let tap = 0; tap < 9; tap++) {
    const place = flip ? 8 - tap : tap;
    const [y, x] = [Math.floor(place / 3), place % 3];
    for (const dy of [0, 1]) for (const dx of [0, 1]) matrix[tap * 16 + (y + dy) * 4 + x + dx] = scale;
  }
  return matrix;
}
