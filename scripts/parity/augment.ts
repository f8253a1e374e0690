// Kind `augment`: every transform and pipeline at strength 1, with one percentile in the place of every draw.

import { augment } from '../../src/augment/augment.ts';
import { drawAugmentation } from '../../src/augment/draw.ts';
import type { Draws } from '../../src/augment/draws.ts';
import { PIPELINES, TRANSFORMS, type Transform } from '../../src/augment/pipeline.ts';
import type { SafetensorsFile } from '../../src/checkpoints/safetensors.ts';
import { FileError } from '../../src/core/errors.ts';
import { type FloatTensor, sameShape, type Tensor } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { input, mul, sum } from '../../src/graph/build.ts';
import type { Node } from '../../src/graph/node.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';
import type { Deviation } from './check.ts';
import { compareGraph } from './compare-graph.ts';

/** `out.bgc@0.7`, or `out.gray_bgc@0.7` for the input in.gray. */
const CASE = /^(out|grad)\.(?:([a-z]+)_)?([a-z0-9]+)@([\d.]+)$/;

export async function* checkAugment({ tensors }: SafetensorsFile): AsyncIterable<Deviation> {
  for (const name of tensors.keys()) {
    if (!/^(out|grad)\./.test(name)) continue;
    const engine = await openEngine({ device: 'cpu' });
    const { output, feeds } = augmented(name, tensors);
    yield* await compareGraph({ outputs: { [name]: output } }, feeds, () => tensors.get(name)!, engine);
  }
}

interface Case {
  readonly output: Node;
  readonly feeds: Record<string, Float32Array>;
}

function augmented(name: string, tensors: ReadonlyMap<string, Tensor>): Case {
  const [, role, prefix = 'img', what, percentile] = CASE.exec(name) ?? [];
  if (role === undefined) throw new FileError(`got tensor ${name}, expected out.TRANSFORM@PERCENTILE`);
  const image = floats(tensors, `in.${prefix}`);
  const transforms = transformsOf(what, name);
  const drawn = drawAugmentation(percentileDraws(Number(percentile)), transforms, 1, image.shape);
  const feeds = { image: image.data, ...drawn };
  const x = input('image', image.shape);
  const y = augment(x, transforms, input);
  if (role === 'out') return { output: y, feeds };
  const projection = floats(tensors, prefix === 'img' ? 'in.proj' : `in.${prefix}_proj`);
  if (!sameShape(projection.shape, image.shape)) {
    throw new FileError(`got a projection of [${projection.shape}] for ${name}, expected [${image.shape}]`);
  }
  const [output] = gradients(sum(mul(y, input('projection', image.shape))), [x]);
  return { output, feeds: { ...feeds, projection: projection.data } };
}

function transformsOf(what: string, name: string): readonly Transform[] {
  const transforms: readonly Transform[] | undefined = Object.hasOwn(PIPELINES, what)
    ? PIPELINES[what as keyof typeof PIPELINES]
    : TRANSFORMS.filter((transform) => transform === what);
  if (transforms.length === 0) {
    throw new FileError(
      `got tensor ${name}, expected one of ${[...TRANSFORMS, ...Object.keys(PIPELINES)].join(', ')}`,
    );
  }
  if (transforms.includes('noise')) {
    throw new FileError(`got tensor ${name}: noise has random pixels, which no percentile stands for`);
  }
  return transforms;
}

/**
 * The published test mode. Its normal draws are erfinv(2q - 1), without the factor √2 of the percentile proper, and it
 * leaves out the rotation after the stretch.
 */
export function percentileDraws(q: number): Draws {
  return {
    chance: () => true,
    uniform: () => q,
    normal: () => inverseErf(2 * q - 1),
    halfNormal: () => inverseErf(q),
    turn: (when) => (when === 'before' ? q : 0.5),
    fillNormal: (out) => out.fill(inverseErf(2 * q - 1)),
  };
}

/** erf by its power series, which float64 carries to |x| = 4. */
function erf(x: number): number {
  let [term, total] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-18; n++) {
    term *= -(x * x) / n;
    total += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * total;
}

/** Bisection in [-4, 4], where erf is within 2e-8 of ±1. */
function inverseErf(y: number): number {
  let [low, high] = [-4, 4];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (erf(middle) < y) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function floats(tensors: ReadonlyMap<string, Tensor>, name: string): FloatTensor {
  const tensor = tensors.get(name);
  if (!(tensor?.data instanceof Float32Array) || tensor.shape.length !== 4) {
    throw new FileError(`got no float32 images ${name} [N, C, H, W]`);
  }
  return tensor as FloatTensor;
}
