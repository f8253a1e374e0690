// Tensors that are others rearranged: their shape is known at once, their data is made when it is asked for.

import type { Shape, Tensor, TypedArray } from '../core/tensor.ts';
import { sizeOf, stridesOf } from '../core/tensor.ts';

/** A float32 tensor whose data is computed each time it is read. */
class DerivedTensor implements Tensor<Float32Array> {
  readonly dtype = 'float32';
  readonly shape: Shape;
  private readonly compute: () => Float32Array;

  constructor(shape: Shape, compute: () => Float32Array) {
    this.shape = shape;
    this.compute = compute;
  }

  get data(): Float32Array {
    return this.compute();
  }
}

const floats = (data: TypedArray): Float32Array =>
  data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<number | bigint>, Number);

/** The same elements in the same order, as another shape of as many elements. */
export const reshaped = (tensor: Tensor, shape: Shape): Tensor =>
  new DerivedTensor(shape, () => floats(tensor.data));

/** Each element changed. */
export const mapped = (tensor: Tensor, change: (value: number) => number): Tensor =>
  new DerivedTensor(tensor.shape, () => floats(tensor.data).map(change));

/** Axis k of the result is axis perm[k]. */
export const transposed = (tensor: Tensor, perm: readonly number[]): Tensor =>
  new DerivedTensor(
    perm.map((axis) => tensor.shape[axis]),
    () => transposeData(tensor.data, tensor.shape, perm),
  );

/** Kernels [O, I, kh, kw] turned about in both directions. */
export const flipped = (tensor: Tensor): Tensor =>
  new DerivedTensor(tensor.shape, () => {
    const data = floats(tensor.data).slice();
    const taps = sizeOf(tensor.shape.slice(-2));
    for (let i = 0; i < data.length; i += taps) data.subarray(i, i + taps).reverse();
    return data;
  });

/** result[i₀, i₁, …] = data[…] with i_k on axis perm[k] of `shape`. */
export function transposeData(
  data: ArrayLike<number | bigint>,
  shape: Shape,
  perm: readonly number[],
): Float32Array {
  const strides = stridesOf(shape);
  const outShape = perm.map((axis) => shape[axis]);
  const out = new Float32Array(data.length);
  const index = new Array<number>(shape.length).fill(0);
  let source = 0;
  for (let i = 0; i < out.length; i++) {
    out[i] = Number(data[source]);
    for (let axis = outShape.length - 1; axis >= 0; axis--) {
      source += strides[perm[axis]];
      if (++index[axis] < outShape[axis]) break;
      source -= strides[perm[axis]] * outShape[axis];
      index[axis] = 0;
    }
  }
  return out;
}
