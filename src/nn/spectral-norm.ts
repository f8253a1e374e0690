// Spectral normalization (Miyato et al. 2018): weights divided by an estimate of their largest singular value.

import { sizeOf } from '../core/tensor.ts';
import { matmul, mul, reshape, rsqrt, square, sum } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import type { ParameterSpec, Parameters } from './parameters.ts';

const isNormalized = ({ name, shape, trainable }: ParameterSpec): boolean =>
  trainable && shape.length >= 2 && name.endsWith('weight');

const vectorOf = (weight: string): string => `${weight}_u`;

/** The buffers that normalization adds: for each weight [O, …] its left singular vector `<name>_u` [O]. */
export function spectralSpecs(specs: readonly ParameterSpec[]): ParameterSpec[] {
  return specs.filter(isNormalized).map(({ name, shape }) => ({
    name: vectorOf(name),
    shape: [shape[0]],
    init: { std: 1 }, // any start will do that is not orthogonal to the singular vector
    trainable: false,
    follow: 0,
  }));
}

/** Row vector [1, n] of length 1. */
const unit = (row: Node): Node => mul(row, inverseLength(row));

/** 1/‖row‖ as [1, 1]. */
const inverseLength = (row: Node): Node => rsqrt(sum(square(row)));

/**
 * For W [O, …] ≠ 0, as a matrix [O, K], and u [O] ≠ 0 of any length: W/σ with σ = ‖Wᵀu‖/‖u‖ ≤ the norm of W, and the u
 * that one power iteration moves to.
 *
 * The paper keeps u and v = Wᵀu/‖Wᵀu‖ and lets no gradient flow through either of σ = uᵀWv. With v computed from u,
 * σ is ‖Wᵀu‖, whose full derivative in W is that same u vᵀ: nothing needs to be stopped, and σ is never negative.
 */
export function spectralNorm(w: Node, u: Node): { weight: Node; nextU: Node } {
  const [o] = w.shape;
  const matrix = reshape(w, [o, sizeOf(w.shape) / o]);
  const right = matmul(unit(reshape(u, [1, o])), matrix); // σ·vᵀ [1, K]
  const weight = mul(w, reshape(inverseLength(right), []));
  return { weight, nextU: reshape(unit(matmul(right, matrix, { transB: true })), [o]) };
}

/**
 * Looks up parameters of which every weight is divided by its spectral norm, and lets the buffers of
 * {@link spectralSpecs} follow by one power iteration for each observation. Nothing needs to settle first: a normal W
 * [O, K] comes out with a norm of about 1 + √(O/K) at random u, and near 1 from the first observation on.
 *
 * `equalized`: the layers divide their weights by √fan_in times their initial deviation, as those of equalized learning
 * rate do; what they get is multiplied by as much, so that the weight they use has norm 1. Gains of activations remain.
 */
export function spectrallyNormalized(
  p: Parameters,
  specs: readonly ParameterSpec[],
  { equalized }: { readonly equalized: boolean },
): Parameters {
  const weights = new Map(specs.filter(isNormalized).map((spec) => [spec.name, spec]));
  const known = new Map<string, Node>();
  const normalize = (spec: ParameterSpec): Node => {
    const { weight, nextU } = spectralNorm(p(spec.name), p(vectorOf(spec.name)));
    p.observe?.(vectorOf(spec.name), nextU);
    return equalized ? mul(weight, equalization(spec)) : weight;
  };
  const lookUp = (name: string): Node => {
    const spec = weights.get(name);
    if (spec === undefined) return p(name);
    const node = known.get(name) ?? normalize(spec);
    known.set(name, node);
    return node;
  };
  return p.observe === undefined ? lookUp : Object.assign(lookUp, { observe: p.observe });
}

/** What a layer of equalized learning rate divides its weight by: √fan_in·std, with std = 1/lrMultiplier. */
function equalization({ shape, init }: ParameterSpec): number {
  const fanIn = sizeOf(shape) / shape[0];
  return Math.sqrt(fanIn) * ('std' in init ? init.std : 1);
}
