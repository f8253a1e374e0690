// Parameters of a network: what exists, of which shape and with which initial value, and how layers look them up.

import type { Random } from '../core/random.ts';
import { type Shape, sizeOf } from '../core/tensor.ts';
import type { Node } from '../graph/node.ts';

/** One tensor of a network, under its upstream name. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: Shape;
  /** N(0, std²) when `std` is positive, else the constant `value`. */
  readonly init: { readonly std: number } | { readonly value: number } | { readonly data: Float32Array };
  /** Buffers (noise, filters, w_avg) are stored and averaged by copying, but receive no gradient. */
  readonly trainable: boolean;
}

/** Looks up a parameter's node by name. */
export type Parameters = (name: string) => Node;

/** The parameters below `prefix.`. */
export const scoped =
  (parameters: Parameters, prefix: string): Parameters =>
  (name) =>
    parameters(`${prefix}.${name}`);

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

/** The same specs below `prefix.`. */
export const prefixed = (prefix: string, specs: readonly ParameterSpec[]): ParameterSpec[] =>
  specs.map((spec) => ({ ...spec, name: `${prefix}.${spec.name}` }));

/** Draws the initial value of one parameter. */
export function initialValue({ init, shape }: ParameterSpec, random: Random): Float32Array {
  if ('data' in init) return init.data.slice();
  const data = new Float32Array(sizeOf(shape));
  if ('value' in init) return data.fill(init.value);
  random.fillNormal(data);
  for (let i = 0; i < data.length; i++) data[i] *= init.std;
  return data;
}
