// Dense row-major tensors: a typed array, its shape and its dtype.

export type DType = 'float32' | 'float64' | 'int32' | 'int64' | 'uint8';
export type Shape = readonly number[];
export type TypedArray = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

/** Row-major dense array; `data.length` equals the product of `shape`. A scalar has shape []. */
export interface Tensor<A extends TypedArray = TypedArray> {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: A;
}

/** A float32 tensor: what networks take and return. */
export type FloatTensor = Tensor<Float32Array>;

/** Number of elements of a shape; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const dim of shape) size *= dim;
  return size;
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

/** Wraps float32 data. Throws RangeError when the length does not fit the shape. */
export function floatTensor(data: Float32Array, shape: Shape): FloatTensor {
  if (data.length !== sizeOf(shape)) {
    throw new RangeError(`got ${data.length} elements, expected ${sizeOf(shape)} for shape [${shape}]`);
  }
  return { dtype: 'float32', shape, data };
}
