// Images of the averaged generator during training, at the resolution it has reached.

import { viewsOf } from '../checkpoints/network-file.ts';
import { type FloatTensor, floatTensor } from '../core/tensor.ts';
import { input, reshape } from '../graph/build.ts';
import type { Graph } from '../graph/node.ts';
import { broadcastW, parameterInputs } from '../models/network-graph.ts';
import { upsampleNearest } from '../nn/resample.ts';
import type { Engine, Session } from '../runtime/engine.ts';
import type { TrainingState } from './state.ts';

/** Latents and labels of images to draw. */
export interface Latents {
  /** [N, zDim]. */
  readonly z: Float32Array;
  /** [N, cDim], null without labels. */
  readonly c: Float32Array | null;
}

/** Draws with ψ = 1 and constant noise. */
export class Sampler {
  private readonly engine: Engine;
  private readonly state: TrainingState;
  private readonly batch: number;
  private compiled: { readonly level: number; readonly session: Session } | null = null;

  constructor(engine: Engine, state: TrainingState) {
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
      });
      all.set(image.subarray(0, Math.min(image.length, all.length - start * size)), start * size);
    }
    return floatTensor(all, [count, imgChannels, r, r]);
  }

  /** One batch from row `start` on, filled up with zeros at the end. */
  private rows(data: Float32Array, width: number, start: number): Float32Array {
    const part = data.subarray(start * width, (start + this.batch) * width);
    if (part.length === this.batch * width) return part;
    const filled = new Float32Array(this.batch * width);
    filled.set(part);
    return filled;
  }

  private async session(level: number): Promise<Session> {
    if (this.compiled?.level === level) return this.compiled.session;
    if (this.compiled !== null) await this.engine.release(this.compiled.session);
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
    const image = model.synthesis(
      p,
      broadcastW(w, numWs),
      ({ name, resolution }) => reshape(p(`${name}.noise_const`), [1, 1, resolution, resolution]),
      { level, fade },
    );
    return { outputs: { image: upsampleNearest(image, 2 ** level) } };
  }
}
