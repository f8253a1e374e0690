// Parameters of a network: what exists, of which shape and with which initial value, and how layers look them up.

import type { Random } from '../core/random.ts';
import { type Shape, sizeOf } from '../core/tensor.ts';
import type { Node } from '../graph/node.ts';

/** One tensor of a network, under its upstream name. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: Shape;
  /** N(mean, std²) with a mean of 0 by default, the constant `value`, or these very numbers. */
  readonly init:
    | { readonly std: number; readonly mean?: number }
    | { readonly value: number }
    | { readonly data: Float32Array };
  /** Buffers (noise, filters, w_avg) are stored and averaged by copying, but receive no gradient. */
  readonly trainable: boolean;
  /** For a buffer that follows what layers observe in training: share of its old value kept at each step. */
  readonly follow?: number;
}

/** Looks up a parameter's node by name. */
export interface Parameters {
  (name: string): Node;
  /**
   * In training, records what a buffer moves to (see {@link ParameterSpec.follow}). Absent in use: layers that behave
   * differently in training, such as batch normalization, know by it which of the two is asked for.
   */
  readonly observe?: (name: string, value: Node) => void;
}

/** The parameters below `prefix.`. */
export function scoped(parameters: Parameters, prefix: string): Parameters {
  const { observe } = parameters;
  const below = (name: string) => parameters(`${prefix}.${name}`);
  if (observe === undefined) return below;
  return Object.assign(below, {
    observe: (name: string, value: Node) => observe(`${prefix}.${name}`, value),
  });
}

/**
 * The same parameters in training, whose buffers stay as they are: for a network that takes part in a step of the other.
 * Its layers still behave as in training, so `observe` is there, but records nothing.
 */
export const unobserved = (parameters: Parameters): Parameters =>
  Object.assign((name: string) => parameters(name), { observe: () => {} });

export const normal = (name: string, shape: Shape, std = 1): ParameterSpec => ({
  name,
  shape,
  init: { std },
  trainable: true,
});

export const filled = (name: string, shape: Shape, value: number): ParameterSpec => ({
  name,
  shape,
  init: { value },
  trainable: true,
});

/** A tensor that receives no gradient. `follow`: see {@link ParameterSpec.follow}. */
export const buffer = (
  name: string,
  shape: Shape,
  init: ParameterSpec['init'],
  follow?: number,
): ParameterSpec => ({ name, shape, init, trainable: false, ...(follow !== undefined && { follow }) });

/** The same specs below `prefix.`. */
export const prefixed = (prefix: string, specs: readonly ParameterSpec[]): ParameterSpec[] =>
  specs.map((spec) => ({ ...spec, name: `${prefix}.${spec.name}` }));

/** Draws the initial value of one parameter. */
export function initialValue({ init, shape }: ParameterSpec, random: Random): Float32Array {
  if ('data' in init) return init.data.slice();
  const data = new Float32Array(sizeOf(shape));
  if ('value' in init) return data.fill(init.value);
  const { std, mean = 0 } = init;
  random.fillNormal(data);
  for (let i = 0; i < data.length; i++) data[i] = mean + std * data[i];
  return data;
}
