// A network in use: weights baked into compiled graphs, run in batches that fit the machine.

import type { NetworkSource, Tensors } from '../checkpoints/network-file.ts';
import { OptionError } from '../core/errors.ts';
import { Random } from '../core/random.ts';
import { type FloatTensor, floatTensor, type Shape, sameShape, sizeOf } from '../core/tensor.ts';
import { input } from '../graph/build.ts';
import type { Graph } from '../graph/node.ts';
import type { Lod, Model, NoiseLayer } from '../models/contract.ts';
import { parameterConstants } from '../models/network-graph.ts';
import { createModel } from '../models/registry.ts';
import { downsampleBox } from '../nn/resample.ts';
import type { Engine, Session } from '../runtime/engine.ts';
import {
  imagesPerRun,
  type MappingOptions,
  type Network,
  type NoiseMode,
  type SynthesisOptions,
} from './network.ts';
import { lodOf, mappingNode, synthesisNode } from './network-graphs.ts';

/** Opens a decoded network file on an engine, which `close` closes. */
export function openNetwork(file: NetworkSource, engine: Engine): Network {
  return new LoadedNetwork(file, engine);
}

class LoadedNetwork implements Network {
  readonly config: Network['config'];
  readonly kimg: number | null;
  readonly labelNames?: readonly string[];
  readonly noiseLayers: readonly NoiseLayer[];
  private readonly model: Model;
  private readonly lod: Lod;
  private readonly file: NetworkSource;
  private readonly engine: Engine;
  private readonly sessions = new Map<string, Promise<Session>>();

  constructor(file: NetworkSource, engine: Engine) {
    this.file = file;
    this.engine = engine;
    this.config = file.config;
    this.kimg = file.kimg;
    this.labelNames = file.labelNames;
    this.model = createModel(file.config);
    this.lod = lodOf(file.lod ?? 0);
    const grown = this.config.imgResolution / 2 ** this.lod.level;
    this.noiseLayers = this.model.noiseLayers.filter(({ resolution }) => resolution <= grown);
  }

  async mapping(z: Float32Array, c: Float32Array | null, options: MappingOptions = {}): Promise<FloatTensor> {
    const { zDim, wDim, numWs } = this.config;
    const count = this.checkLatents(z, c);
    const { psi = 1, cutoff = numWs } = options;
    if (this.model.wAvg === null) checkUntruncated(psi, this.config.model);
    const perLayer = Float32Array.from({ length: numWs }, (_, layer) => (layer < cutoff ? psi : 1));
    const ws = await this.inBatches(count, 'mapping', (n) => this.mappingGraph(n), {
      each: { z: [z, zDim], ...this.labelRows(c) },
      shared: { psi: perLayer },
    });
    return floatTensor(ws, [count, numWs, wDim]);
  }

  async synthesis(ws: FloatTensor, options: SynthesisOptions = {}): Promise<FloatTensor> {
    const { numWs, wDim, imgChannels, imgResolution: r } = this.config;
    const { noiseMode = 'const' } = options;
    if (options.noiseRange !== undefined && noiseMode !== 'random') {
      throw new OptionError(`got a noiseRange with noiseMode ${noiseMode}, expected noiseMode random`);
    }
    const count = checkRows('ws', ws, [numWs, wDim]);
    const noise = noiseMode === 'random' ? drawNoise(this.noiseLayers, count, options) : {};
    const each: Rows = { ws: [ws.data, numWs * wDim], ...noise };
    const graph = (n: number) => this.synthesisGraph(n, noiseMode);
    const images = await this.inBatches(count, `synthesis ${noiseMode}`, graph, { each, shared: {} });
    return floatTensor(images, [count, imgChannels, r, r]);
  }

  async generate(
    z: Float32Array,
    c: Float32Array | null,
    options: MappingOptions & SynthesisOptions = {},
  ): Promise<FloatTensor> {
    return this.synthesis(await this.mapping(z, c, options), options);
  }

  async discriminate(images: FloatTensor, c: Float32Array | null): Promise<FloatTensor> {
    const { imgChannels, imgResolution: r } = this.config;
    const count = checkRows('images', images, [imgChannels, r, r]);
    this.checkLabels(count, c);
    const group = Math.min(this.model.mbstdGroup, count);
    if (count % group !== 0) {
      throw new OptionError(
        `images: got ${count}, expected a multiple of the ${group} whose deviation the discriminator measures`,
      );
    }
    // The minibatch deviation looks at the whole batch, so the batch is run as one.
    const tensors = await this.discriminator();
    const session = await this.compiled(`discriminate ${count}`, () =>
      this.discriminatorGraph(count, tensors),
    );
    const { logits } = await session.run({ image: images.data, ...(c === null ? {} : { c }) });
    return floatTensor(logits, [count, 1]);
  }

  close(): Promise<void> {
    this.sessions.clear();
    return this.engine.close();
  }

  private labelRows(c: Float32Array | null): Rows {
    return c === null ? {} : { c: [c, this.config.cDim] };
  }

  private checkLatents(z: Float32Array, c: Float32Array | null): number {
    const { zDim } = this.config;
    const count = z.length / zDim;
    if (!Number.isInteger(count) || count === 0) {
      throw new OptionError(`z: got ${z.length} numbers, expected a multiple of ${zDim}`);
    }
    this.checkLabels(count, c);
    return count;
  }

  private checkLabels(count: number, c: Float32Array | null): void {
    const { cDim } = this.config;
    if ((c?.length ?? 0) !== count * cDim) {
      throw new OptionError(
        `c: got ${c?.length ?? 'none'}, expected ${cDim === 0 ? 'none' : `[${count}, ${cDim}]`}`,
      );
    }
  }

  private mappingGraph(n: number): Graph {
    return { outputs: { out: mappingNode(this.file, n, () => input('psi', [this.config.numWs])) } };
  }

  private synthesisGraph(n: number, mode: NoiseMode): Graph {
    const { numWs, wDim } = this.config;
    return { outputs: { out: synthesisNode(this.file, input('ws', [n, numWs, wDim]), mode) } };
  }

  private async discriminator(): Promise<Tensors> {
    const { D } = this.file;
    const tensors = typeof D === 'function' ? await D() : D;
    if (tensors === null) {
      throw new OptionError('got a network file without a discriminator, expected one with D');
    }
    return tensors;
  }

  private discriminatorGraph(n: number, tensors: Tensors): Graph {
    const { cDim, imgChannels, imgResolution: r } = this.config;
    const image = input('image', [n, imgChannels, r, r]);
    const c = cDim > 0 ? input('c', [n, cDim]) : null;
    const p = parameterConstants(tensors);
    const { logits } = this.model.discriminate(p, downsampleBox(image, 2 ** this.lod.level), c, this.lod);
    return { outputs: { logits } };
  }

  private compiled(key: string, graph: () => Graph): Promise<Session> {
    let session = this.sessions.get(key);
    if (session === undefined) {
      session = this.engine.compile(graph());
      this.sessions.set(key, session);
    }
    return session;
  }

  /** Runs `count` rows in batches of one size; the last one is filled up with copies of its last row. */
  private async inBatches(
    count: number,
    key: string,
    graph: (n: number) => Graph,
    feeds: { each: Rows; shared: Record<string, Float32Array> },
  ): Promise<Float32Array> {
    const size = Math.min(count, imagesPerRun(this.config.imgResolution));
    const session = await this.compiled(`${key} ${size}`, () => graph(size));
    let all: Float32Array | null = null;
    for (let start = 0; start < count; start += size) {
      const batch: Record<string, Float32Array> = { ...feeds.shared };
      for (const [name, [data, width]] of Object.entries(feeds.each))
        batch[name] = rows(data, width, start, size);
      const { out } = await session.run(batch);
      if (count === size) return out;
      const width = out.length / size;
      all ??= new Float32Array(count * width);
      all.set(out.subarray(0, Math.min(size, count - start) * width), start * width);
    }
    return all!;
  }
}

/** Noise [count, R, R] of each layer; zeros are none, so that one session serves every range. */
function drawNoise(
  layers: readonly NoiseLayer[],
  count: number,
  { noiseSeed = 0, noiseRange: [lowest, highest] = [0, Number.POSITIVE_INFINITY] }: SynthesisOptions,
): Rows {
  const noise: Rows = {};
  for (const { name, resolution } of layers) {
    const size = resolution ** 2;
    const data = new Float32Array(count * size);
    for (let n = 0; n < count && resolution >= lowest && resolution <= highest; n++) {
      new Random(noiseSeed + n, name).fillNormal(data.subarray(n * size, (n + 1) * size));
    }
    noise[name] = [data, size];
  }
  return noise;
}

function checkUntruncated(psi: number, model: string): void {
  if (psi === 1) return;
  throw new OptionError(`got psi ${psi}, expected 1: a ${model} has no intermediate latent w to truncate`);
}

/** The number of rows N of a tensor [N, ...row]. Throws {@link OptionError} for other shapes, and for none. */
function checkRows(name: string, { data, shape }: FloatTensor, row: Shape): number {
  const [count = 0] = shape;
  const isRight = count > 0 && sameShape(shape, [count, ...row]) && data.length === sizeOf(shape);
  if (!isRight) {
    throw new OptionError(
      `${name}: got ${data.length} numbers as [${shape}], expected [N, ${row.join(', ')}]`,
    );
  }
  return count;
}

/** Arrays with one row for each image, and the row's width. */
type Rows = Record<string, readonly [data: Float32Array, width: number]>;

function rows(data: Float32Array, width: number, start: number, size: number): Float32Array {
  const available = data.subarray(start * width, (start + size) * width);
  if (available.length === size * width) return available;
  const filled = new Float32Array(size * width);
  filled.set(available);
  const last = available.subarray(available.length - width);
  for (let row = available.length / width; row < size; row++) filled.set(last, row * width);
  return filled;
}
