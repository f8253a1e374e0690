// Kind `stylegan2`: mapping, synthesis, discriminator, the four training losses and their gradients.

import { fromPublishedArguments } from '../../src/checkpoints/published-config.ts';
import type { SafetensorsFile } from '../../src/checkpoints/safetensors.ts';
import { FileError } from '../../src/core/errors.ts';
import { type FloatTensor, sizeOf } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { add, concat, input, mean, mul, reshape, sliceAxis } from '../../src/graph/build.ts';
import type { Node } from '../../src/graph/node.ts';
import type { Model, NoiseSource } from '../../src/models/contract.ts';
import { broadcastW, parameterInputs, truncate } from '../../src/models/network-graph.ts';
import { createModel } from '../../src/models/registry.ts';
import type { ParameterSpec, Parameters } from '../../src/nn/parameters.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { LOSSES, pathLength, r1Penalty } from '../../src/training/losses.ts';
import type { Deviation } from './check.ts';
import { compareGraph } from './compare-graph.ts';

const R1_GAMMA = 10;
const PL_WEIGHT = 2;
const PL_DECAY = 0.01;

type Outputs = Record<string, Node>;

/** The networks of one file as graph, and the reference's settings: constant noise, no mixing, no lazy gain. */
class Reference {
  readonly model: Model;
  readonly g: Parameters;
  readonly d: Parameters;
  readonly z: Node;
  readonly c: Node | null;
  readonly constantNoise: NoiseSource;
  private readonly file: SafetensorsFile;

  constructor(file: SafetensorsFile, source: string) {
    this.file = file;
    const { generator, discriminator } = file.metadata;
    const read = (json: string | undefined, key: string): unknown => {
      if (json === undefined)
        throw new FileError(`${source}: got no metadata key ${key}, expected a JSON object`);
      return JSON.parse(json);
    };
    const config = fromPublishedArguments(
      read(generator, 'generator'),
      read(discriminator, 'discriminator'),
      source,
    );
    this.model = createModel(config);
    this.g = parameterInputs(this.model.generator, 'G.');
    this.d = parameterInputs(this.model.discriminator, 'D.');
    this.z = this.input('in.z');
    this.c = config.cDim > 0 ? this.input('in.c') : null;
    this.constantNoise = ({ name, resolution }) =>
      reshape(this.g(`${name}.noise_const`), [1, 1, resolution, resolution]);
  }

  has(name: string): boolean {
    return this.file.tensors.has(name);
  }

  input(name: string): Node {
    return input(name, this.tensor(name).shape);
  }

  tensor(name: string): FloatTensor {
    const tensor = this.file.tensors.get(name);
    if (tensor === undefined) throw new FileError(`got no tensor ${name}, expected one in this kind of file`);
    return tensor as FloatTensor;
  }

  ws(z = this.z, c = this.c): Node {
    return broadcastW(this.model.mapping(this.g, z, c), this.model.config.numWs);
  }

  image(ws: Node, noise: NoiseSource = this.constantNoise): Node {
    return this.model.synthesis(this.g, ws, noise);
  }

  logits(image: Node, c = this.c): Node {
    return this.model.discriminate(this.d, image, c).logits;
  }

  feeds(): Record<string, Float32Array> {
    const feeds: Record<string, Float32Array> = {};
    for (const [name, { data }] of this.file.tensors) feeds[name] = Float32Array.from(data as Float32Array);
    return feeds;
  }
}

/** Gradients that the file pins down, as outputs called grad.<loss>.<parameter>. */
function gradientOutputs(
  ref: Reference,
  loss: string,
  value: Node,
  specs: readonly ParameterSpec[],
  p: Parameters,
): Outputs {
  const pinned = specs.filter((spec) => ref.has(`grad.${loss}.${spec.name}`));
  const nodes = gradients(
    value,
    pinned.map((spec) => p(spec.name)),
  );
  return Object.fromEntries(pinned.map((spec, i) => [`grad.${loss}.${spec.name}`, nodes[i]]));
}

/** Truncated and mixed latents, under the names that the file gives them. */
function latentOutputs(ref: Reference, names: Iterable<string>): Outputs {
  const outputs: Outputs = {};
  const { numWs } = ref.model.config;
  for (const name of names) {
    const truncated = /^out\.ws_psi([\d.]+?)(?:_cutoff(\d+))?$/.exec(name);
    if (truncated !== null) {
      const cutoff = truncated[2] === undefined ? numWs : Number(truncated[2]);
      const psi = Array.from({ length: numWs }, (_, layer) => (layer < cutoff ? Number(truncated[1]) : 1));
      const perLayer = concat(
        psi.map((value) => mul(input('one', [1]), value)),
        0,
      );
      outputs[name] = truncate(
        ref.model.mapping(ref.g, ref.z, ref.c),
        ref.g('mapping.w_avg'),
        perLayer,
        numWs,
      );
    }
    const mixed = /^out\.img_mix(\d+)$/.exec(name);
    if (mixed !== null) outputs[name] = ref.image(mixFrom(ref.ws(), Number(mixed[1])));
  }
  return outputs;
}

/** Layers from `start` on take the styles of the image before (the first: of the last). */
function mixFrom(ws: Node, start: number): Node {
  const [n, numWs] = ws.shape;
  const previous = concat(
    Array.from({ length: n }, (_, i) => sliceAxis(ws, 0, (i + n - 1) % n, 1)),
    0,
  );
  return concat([sliceAxis(ws, 1, 0, start), sliceAxis(previous, 1, start, numWs - start)], 1);
}

function generatorOutputs(ref: Reference): Outputs {
  const image = ref.image(ref.ws());
  const logits = ref.logits(image);
  const loss = LOSSES.logistic.generator(logits);
  return {
    'out.ws': ref.ws(),
    'out.img_const': image,
    'out.img_none': ref.image(ref.ws(), () => null),
    'out.logits_fake': logits,
    'out.loss_Gmain': loss,
    ...gradientOutputs(ref, 'Gmain', mean(loss), ref.model.generator, ref.g),
  };
}

/** Path length on the first images of the batch, as many as there is noise for. */
function pathLengthOutputs(ref: Reference): Outputs {
  const noise = ref.input('in.pl_noise');
  const count = noise.shape[0];
  const ws = ref.ws(sliceAxis(ref.z, 0, 0, count), ref.c && sliceAxis(ref.c, 0, 0, count));
  const path = pathLength(ref.image(ws), ws, noise, mul(reshape(input('one', [1]), []), 0), PL_DECAY);
  const loss = mul(mean(path.penalty), PL_WEIGHT);
  return {
    'out.pl_lengths': path.lengths,
    'out.pl_mean': path.mean,
    'out.pl_penalty': path.penalty,
    ...gradientOutputs(ref, 'Gpl', loss, ref.model.generator, ref.g),
  };
}

function discriminatorOutputs(ref: Reference): Outputs {
  const real = ref.input('in.real');
  const fakeLogits = ref.logits(ref.image(ref.ws()));
  const realLogits = ref.logits(real);
  const [fakeLoss, realLoss] = [LOSSES.logistic.fake(fakeLogits), LOSSES.logistic.real(realLogits)];
  const { gradient, penalty } = r1Penalty(realLogits, real);
  const { discriminator } = ref.model;
  return {
    'out.logits_real': realLogits,
    'out.loss_Dgen': fakeLoss,
    'out.loss_Dreal': realLoss,
    'out.r1_grads': gradient,
    'out.r1_penalty': penalty,
    ...gradientOutputs(ref, 'Dmain', mean(add(fakeLoss, realLoss)), discriminator, ref.d),
    ...gradientOutputs(ref, `Dr1_gamma${R1_GAMMA}`, mul(mean(penalty), R1_GAMMA / 2), discriminator, ref.d),
  };
}

/** `open` opens the engine that computes; it is closed at the end. */
export async function* checkStylegan2(
  file: SafetensorsFile,
  open: () => Promise<Engine> = openEngine,
): AsyncIterable<Deviation> {
  const ref = new Reference(file, 'metadata');
  const outputs = {
    ...latentOutputs(ref, file.tensors.keys()),
    ...generatorOutputs(ref),
    ...pathLengthOutputs(ref),
    ...discriminatorOutputs(ref),
  };
  const pinned = Object.entries(outputs).filter(([name]) => ref.has(name));
  const unknown = [...file.tensors.keys()].filter((name) => /^(out|grad)\./.test(name) && !(name in outputs));
  if (unknown.length > 0)
    throw new FileError(`got tensor ${unknown[0]}, expected one that this kind defines`);
  for (const [name, node] of pinned) {
    if (sizeOf(node.shape) !== ref.tensor(name).data.length) {
      throw new FileError(`${name}: got [${ref.tensor(name).shape}], expected [${node.shape}]`);
    }
  }
  const feeds = { ...ref.feeds(), one: Float32Array.of(1) };
  const graph = { outputs: Object.fromEntries(pinned) };
  yield* await compareGraph(graph, feeds, (name) => ref.tensor(name), await open());
}
