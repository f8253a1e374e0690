// What is in a checkpoint that other tools wrote, and how it becomes a network of ours.

import { FileError } from '../core/errors.ts';
import { type FloatTensor, floatTensor, sameShape, sizeOf, type Tensor } from '../core/tensor.ts';
import type { ParameterSpec } from '../nn/parameters.ts';
import type { OpenedNetwork, Tensors } from './network-file.ts';

/** A tensor of a foreign file; `data` may be decoded anew each time it is asked for. */
export interface ForeignTensor extends Tensor {
  /** How the file stores its elements, where that is not `dtype`. */
  readonly storedAs?: string;
}

/** Tensors under the names of the file. */
export type ForeignTensors = ReadonlyMap<string, ForeignTensor>;

/** One network of a foreign file, as it is there. */
export interface ForeignNetwork {
  /** `G_ema`, `G` or `D`; another name where it is none of ours. */
  readonly name: string;
  /** Its configuration, as the file has it. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly tensors: ForeignTensors;
}

export interface ForeignFile {
  /** In words, for `stylegan info`: `StyleGAN2 (PyTorch pickle)`. */
  readonly format: string;
  /** What else the file says, as JSON would have it. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly networks: readonly ForeignNetwork[];
  /** The same network for us. Throws {@link FileError} where a model of ours cannot be it. */
  open(): OpenedNetwork;
}

/** float32 data of any tensor of numbers. */
function floats({ data }: Tensor): Float32Array {
  return data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<number | bigint>, Number);
}

/**
 * Every tensor of one network, converted to float32 and checked against its specification; a scalar may be [1]. Filters
 * and noise that the file leaves out are those of the specification and zero: noise without a strength has no effect.
 * Throws {@link FileError} naming `source` and the tensor that is missing, of another shape, or not of this network.
 */
export function fitTensors(
  tensors: ForeignTensors,
  specs: readonly ParameterSpec[],
  source: string,
): Tensors {
  const left = new Set(tensors.keys());
  const fitted = new Map<string, FloatTensor>();
  for (const spec of specs) {
    left.delete(spec.name);
    fitted.set(spec.name, fitOne(tensors, spec, source));
  }
  for (const name of left) {
    throw new FileError(`${source}: got tensor ${name}, expected none of that name in such a network`);
  }
  return fitted;
}

const ABSENT = /\.(noise_const|noise_strength|w_avg)$/;

function fitOne(tensors: ForeignTensors, { name, shape, init }: ParameterSpec, source: string): FloatTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) {
    if ('data' in init) return floatTensor(init.data.slice(), shape);
    if (ABSENT.test(name)) return floatTensor(new Float32Array(sizeOf(shape)), shape);
    throw new FileError(`${source}: got no tensor ${name}, expected [${shape}]`);
  }
  const scalar = tensor.shape.length === 0 && sizeOf(shape) === 1;
  if (!scalar && !sameShape(tensor.shape, shape))
    throw new FileError(`${source}: ${name}: got [${tensor.shape}], expected [${shape}]`);
  const data = floats(tensor);
  if (name.endsWith('.resample_filter') && 'data' in init) checkFilter(data, init.data, `${source}: ${name}`);
  return floatTensor(data, shape);
}

/** Our networks have one filter, which their tensors only tell of. */
function checkFilter(got: Float32Array, expected: Float32Array, source: string): void {
  if (got.some((tap, i) => Math.abs(tap - expected[i]) > 1e-4)) {
    throw new FileError(`${source}: got another filter, expected [1, 3, 3, 1] by itself`);
  }
}

/** Thousands of images that the name of a published snapshot tells, `network-snapshot-004000.pkl`; else null. */
export function kimgOfName(name: string): number | null {
  const match = /network-snapshot-(?:\d+-)?(\d{6})\.[a-z]+$/.exec(name);
  return match === null ? null : Number(match[1]);
}
