// Kinds `progan` and `stylegan1`: images and logits at every level of detail, the mapping network and truncation, and
// gradients of the logistic losses. Tensors carry the published TensorFlow names and layouts.

import type { SafetensorsFile } from '../../src/checkpoints/safetensors.ts';
import { tensorflowConfig } from '../../src/checkpoints/tensorflow-config.ts';
import { fromTensorFlow, tensorFromTensorFlow } from '../../src/checkpoints/tensorflow-tensors.ts';
import { FileError } from '../../src/core/errors.ts';
import { sizeOf, type Tensor } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { add, concat, constant, fill, input, mean, mul, reshape } from '../../src/graph/build.ts';
import type { Node } from '../../src/graph/node.ts';
import {
  FULL_DETAIL,
  type Lod,
  type Model,
  type NoiseSource,
  type Scores,
} from '../../src/models/contract.ts';
import { broadcastW, parameterInputs, truncate } from '../../src/models/network-graph.ts';
import { createModel } from '../../src/models/registry.ts';
import type { Parameters } from '../../src/nn/parameters.ts';
import { downsampleBox, upsampleNearest } from '../../src/nn/resample.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';
import type { Engine } from '../../src/runtime/engine.ts';
import { LOSSES, r1Penalty } from '../../src/training/losses.ts';
import type { Deviation } from './check.ts';
import { compareGraph } from './compare-graph.ts';

const IMAGE = /^out\.(img|ws)(?:_(const|none))?(?:_psi(-?[\d.]+))?(?:_cutoff(\d+))?(?:_lod([\d.]+))?$/;
const SCORES = /^out\.(logits|classes|labels)(?:_(fake|real))?(?:_lod([\d.]+))?$/;
const GRADIENT = /^grad\.(Gmain|Dmain|Dr1_gamma([\d.]+))(?:_lod([\d.]+))?\.(.+)$/;

/** Tensors of the file below a prefix, without it. */
function below({ tensors }: SafetensorsFile, prefix: string): Map<string, Tensor> {
  return new Map(
    [...tensors].flatMap(([name, tensor]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [],
    ),
  );
}

function readModel(file: SafetensorsFile): Model {
  const { kind, fused_scale: fused, mbstd_group_size: group } = file.metadata;
  const scales = { auto: 'auto', True: true, False: false } as const;
  if (fused !== undefined && !Object.hasOwn(scales, fused)) {
    throw new FileError(`metadata: fused_scale: got ${fused}, expected auto, True or False`);
  }
  const args = {
    model: kind === 'progan' ? 'progan' : 'stylegan',
    fusedScale: scales[(fused ?? 'auto') as keyof typeof scales],
    mbstdGroup: Number(group ?? 4), // the published default
  } as const;
  return createModel(tensorflowConfig(below(file, 'G.'), below(file, 'D.'), args, 'reference'));
}

/** An image at its level of detail → at full size, as the published generators give it. */
const enlarged = (image: Node, { level }: Lod): Node => upsampleNearest(image, 2 ** level);

/** The networks of one file as graph, and what its tensors' names ask for. */
class Reference {
  readonly model: Model;
  private readonly file: SafetensorsFile;
  private readonly g: Parameters;
  private readonly d: Parameters;
  private readonly growingD: boolean;

  /** Without `growingD`, the discriminator sees every image at full resolution. */
  constructor(file: SafetensorsFile, growingD: boolean) {
    this.file = file;
    this.growingD = growingD;
    this.model = readModel(file);
    this.g = parameterInputs(this.model.generator, 'G.');
    this.d = parameterInputs(this.model.discriminator, 'D.');
  }

  feeds(): Record<string, Float32Array> {
    const feeds: Record<string, Float32Array> = {};
    for (const [prefix, part] of [['G.', 'generator'] as const, ['D.', 'discriminator'] as const]) {
      const tensors = fromTensorFlow(below(this.file, prefix), this.model, part, part);
      for (const [name, { data }] of tensors) feeds[prefix + name] = data;
    }
    for (const [name, { data }] of below(this.file, 'in.'))
      feeds[name] = Float32Array.from(data as Float32Array);
    return feeds;
  }

  /** The node that the reference tensor pins down, and that tensor in our layout. Throws {@link FileError}. */
  output(name: string): { node: Node; tensor: Tensor } {
    const tensor = this.file.tensors.get(name)!;
    const gradient = GRADIENT.exec(name);
    if (gradient !== null) return this.gradient(name, gradient, tensor);
    const node = name === 'out.w' ? this.w() : (this.image(name) ?? this.score(name, tensor));
    if (node === null) throw new FileError(`got tensor ${name}, expected one that this kind defines`);
    if (sizeOf(node.shape) !== tensor.data.length)
      throw new FileError(`${name}: got [${tensor.shape}], expected [${node.shape}]`);
    return { node, tensor };
  }

  private input(name: string): Node {
    const tensor = this.file.tensors.get(`in.${name}`);
    if (tensor === undefined) throw new FileError(`got no tensor in.${name}, expected one`);
    return input(name, tensor.shape);
  }

  private labels(): Node | null {
    if (this.model.config.cDim === 0) return null;
    return this.input(this.file.tensors.has('in.labels') ? 'labels' : 'c');
  }

  private w(): Node {
    return this.model.mapping(this.g, this.input('z'), this.labels());
  }

  /** Of the image that G makes, at its full size. */
  private image(name: string): Node | null {
    const match = IMAGE.exec(name);
    if (match === null) return null;
    const [, what, noise, psi, cutoff, lod] = match;
    const { numWs } = this.model.config;
    const { wAvg } = this.model;
    let ws = broadcastW(this.w(), numWs);
    if (psi !== undefined && wAvg !== null) {
      const last = Number(cutoff ?? numWs);
      const perLayer = Float32Array.from({ length: numWs }, (_, layer) => (layer < last ? Number(psi) : 1));
      ws = truncate(this.w(), this.g(wAvg), constant(perLayer, [numWs]), numWs);
    }
    if (what === 'ws') return ws;
    const detail = this.detail(lod);
    return enlarged(this.synthesis(ws, detail, noise === 'none'), detail);
  }

  private synthesis(ws: Node, lod: Lod, withoutNoise = false): Node {
    const noise: NoiseSource = ({ name, resolution: r }) =>
      withoutNoise ? null : reshape(this.g(`${name}.noise_const`), [1, 1, r, r]);
    return this.model.synthesis(this.g, ws, noise, lod);
  }

  private fakeScores(lod: Lod): Scores {
    const image = this.synthesis(broadcastW(this.w(), this.model.config.numWs), lod);
    return this.growingD
      ? this.discriminate(image, lod)
      : this.discriminate(enlarged(image, lod), FULL_DETAIL);
  }

  private realScores(lod: Lod): { scores: Scores; image: Node } {
    const image = this.input('real');
    const seen = this.growingD ? lod : FULL_DETAIL;
    return { scores: this.discriminate(downsampleBox(image, 2 ** seen.level), seen), image };
  }

  private discriminate(image: Node, lod: Lod): Scores {
    return this.model.discriminate(this.d, image, this.labels(), lod);
  }

  private score(name: string, tensor: Tensor): Node | null {
    const match = SCORES.exec(name);
    if (match === null) return null;
    const detail = this.detail(match[3]);
    const { logits, classes } =
      match[2] === 'real' ? this.realScores(detail).scores : this.fakeScores(detail);
    if (match[1] !== 'logits') return classes;
    // ProGAN's discriminator gives both in one tensor.
    const both = classes !== null && tensor.data.length > sizeOf(logits.shape);
    return both ? concat([logits, classes], 1) : logits;
  }

  private gradient(name: string, match: RegExpExecArray, tensor: Tensor): { node: Node; tensor: Tensor } {
    const [, loss, gamma, lod, theirs] = match;
    const detail = this.detail(lod);
    const network = loss === 'Gmain' ? 'generator' : 'discriminator';
    const source = new Map([[theirs, tensor]]);
    for (const spec of this.model[network]) {
      const ours = tensorFromTensorFlow(source, spec, this.model, 'reference').tensor;
      if (ours === null) continue;
      const parameter = (network === 'generator' ? this.g : this.d)(spec.name);
      return { node: gradients(this.loss(loss, gamma, detail), [parameter])[0], tensor: ours };
    }
    throw new FileError(`got tensor ${name}, expected the gradient of a parameter of this ${network}`);
  }

  private loss(name: string, gamma: string | undefined, lod: Lod): Node {
    const { generator, fake, real } = LOSSES.logistic;
    if (name === 'Gmain') return mean(generator(this.fakeScores(lod).logits));
    const { scores, image } = this.realScores(lod);
    if (name === 'Dmain') return mean(add(fake(this.fakeScores(lod).logits), real(scores.logits)));
    return mul(mean(r1Penalty(scores.logits, image).penalty), Number(gamma) / 2);
  }

  private detail(text = '0'): Lod {
    const lod = Number(text);
    const { maxLod } = this.model;
    if (!(lod >= 0 && lod <= maxLod))
      throw new FileError(`got lod ${text}, expected a number from 0 to ${maxLod}`);
    const level = Math.floor(lod);
    return { level, fade: lod > level ? fill(lod - level) : null };
  }
}

async function deviations(file: SafetensorsFile, growingD: boolean, engine: Engine): Promise<Deviation[]> {
  const reference = new Reference(file, growingD);
  const pinned = new Map(
    [...file.tensors.keys()]
      .filter((name) => !/^(G|D|in)\./.test(name))
      .map((name) => [name, reference.output(name)]),
  );
  const outputs = Object.fromEntries([...pinned].map(([name, { node }]) => [name, node]));
  return compareGraph({ outputs }, reference.feeds(), (name) => pinned.get(name)!.tensor, engine);
}

/** `open` opens the engine that computes; it is closed at the end. */
export async function* checkGrowing(
  file: SafetensorsFile,
  open: () => Promise<Engine> = openEngine,
): AsyncIterable<Deviation> {
  const fails = (found: readonly Deviation[]) => found.some(({ error, limit }) => !(error <= limit));
  const direct = await deviations(file, true, await open());
  if (fails(direct)) {
    // References differ in whether D's own `lod` was set beside G's; within a file it is one or the other.
    const full = await deviations(file, false, await open());
    if (!fails(full)) {
      console.log("  note: the reference's discriminator was at lod 0 throughout");
      yield* full;
      return;
    }
  }
  yield* direct;
}
