// The fixed grid of samples by which a run is watched: the same latents and noise at every snapshot.

import { viewsOf } from '../checkpoints/network-file.ts';
import { Random } from '../core/random.ts';
import { type FloatTensor, floatTensor } from '../core/tensor.ts';
import { input, reshape } from '../graph/build.ts';
import { broadcastW, parameterInputs } from '../models/network-graph.ts';
import type { Engine, Session } from '../runtime/engine.ts';
import type { TrainingState } from './state.ts';

/** Columns and rows that fill a picture of about 960×540. */
export function gridSize(resolution: number): [columns: number, rows: number] {
  const count = (length: number, low: number, high: number) =>
    Math.max(low, Math.min(high, Math.floor(length / resolution)));
  return [count(960, 4, 16), count(540, 3, 9)];
}

/** Draws the averaged generator's images for fixed latents (ψ = 1, constant noise). */
export class SampleGrid {
  readonly columns: number;
  private readonly state: TrainingState;
  private readonly session: Session;
  private readonly batch: number;
  private readonly z: Float32Array;
  private readonly c: Float32Array | null;

  private constructor(state: TrainingState, session: Session, batch: number, latents: Latents) {
    this.state = state;
    this.session = session;
    this.batch = batch;
    this.z = latents.z;
    this.c = latents.c;
    this.columns = gridSize(state.model.config.imgResolution)[0];
  }

  /** `labels` gives the label of each grid cell, for conditional networks. */
  static async open(
    engine: Engine,
    state: TrainingState,
    seed: number,
    labels: (cell: number) => Float32Array,
  ): Promise<SampleGrid> {
    const { model } = state;
    const { zDim, cDim, imgResolution } = model.config;
    const [columns, rows] = gridSize(imgResolution);
    const count = columns * rows;
    const z = new Random(seed, 'sample-grid').fillNormal(new Float32Array(count * zDim));
    let c: Float32Array | null = null;
    if (cDim > 0) {
      c = new Float32Array(count * cDim);
      for (let i = 0; i < count; i++) c.set(labels(i), i * cDim);
    }
    // A divisor of the count, so that every run is full.
    const batch = imgResolution <= 128 ? columns : 1;
    const p = parameterInputs(model.generator, 'G.');
    const w = model.mapping(p, input('z', [batch, zDim]), cDim > 0 ? input('c', [batch, cDim]) : null);
    const image = model.synthesis(p, broadcastW(w, model.config.numWs), ({ name, resolution }) =>
      reshape(p(`${name}.noise_const`), [1, 1, resolution, resolution]),
    );
    return new SampleGrid(state, await engine.compile({ outputs: { image } }), batch, { z, c });
  }

  /** [cells, C, R, R]. */
  async draw(): Promise<FloatTensor> {
    const { G, average, model } = this.state;
    const { zDim, cDim, imgChannels, imgResolution: r } = model.config;
    const views = [...viewsOf(G.trained, average), ...viewsOf(G.buffers, G.bufferData)];
    const parameters = Object.fromEntries(views.map(([name, { data }]) => [`G.${name}`, data]));
    const count = this.z.length / zDim;
    const all = new Float32Array(count * imgChannels * r * r);
    for (let start = 0; start < count; start += this.batch) {
      const rows = (data: Float32Array, width: number) =>
        data.subarray(start * width, (start + this.batch) * width);
      const feeds = { ...parameters, z: rows(this.z, zDim), ...(this.c && { c: rows(this.c, cDim) }) };
      const { image } = await this.session.run(feeds);
      all.set(image, start * imgChannels * r * r);
    }
    return floatTensor(all, [count, imgChannels, r, r]);
  }
}

interface Latents {
  readonly z: Float32Array;
  readonly c: Float32Array | null;
}
