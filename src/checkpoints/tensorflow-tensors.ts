// Tensors of the published TensorFlow networks (HWIO kernels, [in, out] matrices) under our names, in our layouts.

import { FileError } from '../core/errors.ts';
import { type FloatTensor, floatTensor, type Shape, sameShape, type Tensor } from '../core/tensor.ts';
import type { Model } from '../models/contract.ts';
import type { ParameterSpec } from '../nn/parameters.ts';
import { transposeData } from './derived.ts';

/** Where the published file keeps one of our tensors. */
interface Place {
  readonly name: string;
  /** The shape there. */
  readonly shape: Shape;
  /** Axis there of each axis of ours; null where the elements lie in the same order. */
  readonly perm: readonly number[] | null;
}

/** State of the published training schedule, which says nothing of the network. */
const IGNORED = new Set(['lod']);

const permuted = (shape: Shape, perm: readonly number[]): Shape => {
  const there = new Array<number>(shape.length);
  perm.forEach((axis, i) => {
    there[axis] = shape[i];
  });
  return there;
};

function placeOf({ name, shape }: ParameterSpec, model: Model): Place {
  const at = (there: string, perm: readonly number[]): Place => ({
    name: there,
    shape: permuted(shape, perm),
    perm,
  });
  if (name === model.wAvg) return { name: 'dlatent_avg', shape, perm: null };
  if (name.endsWith('.noise_const')) {
    const index = model.noiseLayers.findIndex((layer) => `${layer.name}.noise_const` === name);
    return { name: `noise${index}`, shape: [1, 1, ...shape], perm: null };
  }
  const there = name.replace(/^(synthesis|mapping)\./, '').replaceAll('.', '/');
  if (!name.endsWith('.weight') || shape.length < 2) return { name: there, shape, perm: null };
  if (shape.length === 2) return at(there, [1, 0]);
  // ProGAN's transposed convolutions are stored as TensorFlow's operator takes them, [kh, kw, O, I].
  const transposed = model.config.model === 'progan' && there.endsWith('/Conv0_up/weight');
  return at(there, transposed ? [2, 3, 0, 1] : [3, 2, 0, 1]);
}

/** One tensor of ours from the published one; null when there is none. Throws {@link FileError} on another shape. */
export function tensorFromTensorFlow(
  tensors: ReadonlyMap<string, Tensor>,
  spec: ParameterSpec,
  model: Model,
  source: string,
): { readonly name: string; readonly tensor: FloatTensor | null } {
  const { name, shape, perm } = placeOf(spec, model);
  const tensor = tensors.get(name);
  if (tensor === undefined) return { name, tensor: null };
  if (tensor.dtype !== 'float32' || !sameShape(tensor.shape, shape)) {
    throw new FileError(
      `${source}: ${name}: got ${tensor.dtype} [${tensor.shape}], expected float32 [${shape}]`,
    );
  }
  const data = (tensor as FloatTensor).data;
  const ours = perm === null ? data.slice() : transposeData(data, shape, perm);
  return { name, tensor: floatTensor(ours, spec.shape) };
}

/**
 * All tensors of a published generator or discriminator of this model, under our names. Throws {@link FileError} naming
 * `source` and the tensor that is missing, of another shape, or not of this model.
 */
export function fromTensorFlow(
  tensors: ReadonlyMap<string, Tensor>,
  model: Model,
  network: 'generator' | 'discriminator',
  source: string,
): Map<string, FloatTensor> {
  const left = new Set(tensors.keys());
  const converted = new Map<string, FloatTensor>();
  for (const spec of model[network]) {
    const { name, tensor } = tensorFromTensorFlow(tensors, spec, model, source);
    if (tensor === null)
      throw new FileError(`${source}: got no tensor ${name}, expected one for ${spec.name}`);
    converted.set(spec.name, tensor);
    left.delete(name);
  }
  for (const name of left) {
    if (!IGNORED.has(name)) {
      throw new FileError(`${source}: got tensor ${name}, expected none of that name in this ${network}`);
    }
  }
  return converted;
}
