// Small ProGANs and StyleGANs of every configuration in StyleGAN's table 1.

import { Random } from '../../src/core/random.ts';
import { type Shape, sizeOf } from '../../src/core/tensor.ts';
import { fill, input } from '../../src/graph/build.ts';
import { type Node, topologicalOrder } from '../../src/graph/node.ts';
import type { Lod, Model, Scores } from '../../src/models/contract.ts';
import { broadcastW, parameterInputs } from '../../src/models/network-graph.ts';
import type { ProGANConfig } from '../../src/models/progan-config.ts';
import { type StyleGANConfig, styleganNumWs } from '../../src/models/stylegan-config.ts';
import type { Parameters } from '../../src/nn/parameters.ts';

/** Configurations of table 1 by letter; F differs from E in training only. */
export const ABLATION = ['A', 'B', 'C', 'D', 'E'] as const;
export type Letter = (typeof ABLATION)[number];

export interface Size {
  readonly resolution: number;
  readonly labels?: number;
  readonly channels?: 1 | 3 | 4;
  readonly latent?: number;
  readonly base?: number;
  readonly max?: number;
  readonly depth?: number;
  readonly fused?: boolean;
  readonly group?: number;
}

export function growingConfig(letter: Letter, size: Size): ProGANConfig | StyleGANConfig {
  const { resolution, labels = 0, channels = 3, latent = 6, fused = false } = size;
  const widths = { channelBase: size.base ?? 64, channelMax: size.max ?? 8 };
  const common = {
    zDim: latent,
    cDim: labels,
    imgResolution: resolution,
    imgChannels: channels,
    ...widths,
    discriminator: { mbstdGroup: size.group ?? 4, ...widths },
  };
  if (letter === 'A') {
    return { model: 'progan', ...common, wDim: latent + labels, numWs: 1, fusedScale: fused };
  }
  const styles = letter >= 'C';
  return {
    model: 'stylegan',
    ...common,
    wDim: styles ? latent + 1 : latent + labels,
    numWs: styleganNumWs({ styles, imgResolution: resolution }),
    fusedScale: fused || 'auto',
    bilinear: true,
    styles,
    constInput: letter >= 'D',
    noise: letter >= 'E',
    mappingLayers: size.depth ?? 2,
  };
}

/** Where a growing network stands, as a number; its fraction is the fade. */
export const lodAt = (lod: number): Lod => ({
  level: Math.floor(lod),
  fade: lod > Math.floor(lod) ? fill(lod - Math.floor(lod)) : null,
});

export interface Networks {
  readonly g: Parameters;
  readonly d: Parameters;
  readonly image: Node;
  readonly scores: Scores;
}

/** Image and scores at a level of detail, for inputs z, c, every noise, `G.…` and `D.…`. */
export function networks(model: Model, batch: number, lod: Lod): Networks {
  const { zDim, cDim, numWs } = model.config;
  const [g, d] = [parameterInputs(model.generator, 'G.'), parameterInputs(model.discriminator, 'D.')];
  const c = cDim > 0 ? input('c', [batch, cDim]) : null;
  const ws = broadcastW(model.mapping(g, input('z', [batch, zDim]), c), numWs);
  const noise = ({ name, resolution: r }: { name: string; resolution: number }) =>
    input(`noise.${name}`, [batch, 1, r, r]);
  const image = model.synthesis(g, ws, noise, lod);
  return { g, d, image, scores: model.discriminate(d, image, c, lod) };
}

/** Names and shapes of the inputs that the nodes are computed from. */
export function inputsOf(nodes: readonly Node[]): Map<string, Shape> {
  const found = new Map<string, Shape>();
  for (const { op } of topologicalOrder(nodes)) if (op.kind === 'input') found.set(op.name, op.shape);
  return found;
}

/** Values of a size at which every parameter shows: no whole channel on one side of its activation. */
function deviationOf(name: string): number {
  if (name.endsWith('.bias')) return 0.2;
  return /mapping\.Dense\d+\.weight$/.test(name) ? 100 : 1;
}

/** Normal values for every input, but labels, which are one-hot. */
export function drawFeeds(inputs: ReadonlyMap<string, Shape>): Record<string, Float64Array> {
  const feeds: Record<string, Float64Array> = {};
  for (const [name, shape] of inputs) {
    const random = new Random(5, name);
    const deviation = deviationOf(name);
    feeds[name] = Float64Array.from({ length: sizeOf(shape) }, () => deviation * random.normal());
  }
  const labels = inputs.get('c');
  if (labels !== undefined) {
    const [n, classes] = labels;
    feeds.c = Float64Array.from({ length: n * classes }, (_, i) =>
      Math.floor(i / classes) % classes === i % classes ? 1 : 0,
    );
  }
  return feeds;
}
