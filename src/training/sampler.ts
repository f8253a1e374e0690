// Images of the averaged generator during training, at the resolution it has reached.

import { viewsOf } from '../checkpoints/network-file.ts';
import type { Random } from '../core/random.ts';
import { type FloatTensor, floatTensor } from '../core/tensor.ts';
import { input, reshape } from '../graph/build.ts';
import type { Graph } from '../graph/node.ts';
import type { NoiseSource } from '../models/contract.ts';
import { broadcastW, parameterInputs } from '../models/network-graph.ts';
import { upsampleNearest } from '../nn/resample.ts';
import type { Engine, Session } from '../runtime/engine.ts';
import { noiseInput } from './phases.ts';
import type { TrainingState } from './state.ts';

/** Latents and labels of images to draw. */
export interface Latents {
  /** [N, zDim]. */
  readonly z: Float32Array;
  /** [N, cDim], null without labels. */
  readonly c: Float32Array | null;
}

/** Draws with ψ = 1 and the constant noise, or noise from `random` where that is given. */
export class Sampler {
  private readonly engine: Engine;
  private readonly state: TrainingState;
  private readonly random: Random | null;
  private readonly batch: number;
  private compiled: { readonly level: number; readonly session: Session } | null = null;

  constructor(engine: Engine, state: TrainingState, random: Random | null = null) {
    this.random = random;
    this.engine = engine;
    this.state = state;
    this.batch = state.model.config.imgResolution <= 128 ? 16 : 1;
  }

  /** Images [N, C, R, R], enlarged by repetition while the networks grow. */
  async draw({ z, c }: Latents): Promise<FloatTensor> {
    const { G, average, model, lod } = this.state;
    const { zDim, cDim, imgChannels, imgResolution: r } = model.config;
    const session = await this.session(Math.floor(lod));
    const views = [...viewsOf(G.trained, average), ...viewsOf(G.buffers, G.bufferData)];
    const parameters = Object.fromEntries(views.map(([name, { data }]) => [`G.${name}`, data]));
    const count = z.length / zDim;
    const size = imgChannels * r * r;
    const all = new Float32Array(count * size);
    for (let start = 0; start < count; start += this.batch) {
      const { image } = await session.run({
        ...parameters,
        fade: Float32Array.of(lod - Math.floor(lod)),
        z: this.rows(z, zDim, start),
        ...(c && { c: this.rows(c, cDim, start) }),
        ...this.noise(),
      });
      all.set(image.subarray(0, Math.min(image.length, all.length - start * size)), start * size);
    }
    return floatTensor(all, [count, imgChannels, r, r]);
  }

  private noise(): Record<string, Float32Array> {
    const { random, batch, state } = this;
    if (random === null) return {};
    const layers = state.model.noiseLayers.map(({ name, resolution }) => [
      noiseInput(name),
      random.fillNormal(new Float32Array(batch * resolution * resolution)),
    ]);
    return Object.fromEntries(layers);
  }

  /** One batch from row `start` on, filled up with zeros at the end. */
  private rows(data: Float32Array, width: number, start: number): Float32Array {
    const part = data.subarray(start * width, (start + this.batch) * width);
    if (part.length === this.batch * width) return part;
    const filled = new Float32Array(this.batch * width);
    filled.set(part);
    return filled;
  }

  /** Frees the session; the next drawing makes it again. */
  async release(): Promise<void> {
    if (this.compiled !== null) await this.engine.release(this.compiled.session);
    this.compiled = null;
  }

  private async session(level: number): Promise<Session> {
    if (this.compiled?.level === level) return this.compiled.session;
    await this.release();
    const session = await this.engine.compile(this.graph(level));
    this.compiled = { level, session };
    return session;
  }

  private graph(level: number): Graph {
    const { model } = this.state;
    const { zDim, cDim, numWs } = model.config;
    const p = parameterInputs(model.generator, 'G.');
    const w = model.mapping(
      p,
      input('z', [this.batch, zDim]),
      cDim > 0 ? input('c', [this.batch, cDim]) : null,
    );
    const fade = level < model.maxLod ? input('fade', []) : null;
    const noise: NoiseSource = ({ name, resolution: r }) =>
      this.random === null
        ? reshape(p(`${name}.noise_const`), [1, 1, r, r])
        : input(noiseInput(name), [this.batch, 1, r, r]);
    const image = model.synthesis(p, broadcastW(w, numWs), noise, { level, fade });
    return { outputs: { image: upsampleNearest(image, 2 ** level) } };
  }
}
