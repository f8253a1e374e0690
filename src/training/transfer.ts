// Transfer: what a run takes over from another network, of its own size and form or of others.

import type { NetworkPart, OpenedNetwork, Tensors } from '../checkpoints/network-file.ts';
import { FileError } from '../core/errors.ts';
import { type FloatTensor, type Shape, sameShape } from '../core/tensor.ts';
import type { Model } from '../models/contract.ts';
import { isFused } from '../models/growing-config.ts';
import { createModel, type NetworkConfig } from '../models/registry.ts';
import type { ParameterSpec } from '../nn/parameters.ts';
import { flagsOf, form } from './network-form.ts';
import type { TrainingState } from './state.ts';

/** A tensor of the source that is not taken. */
export interface Skipped {
  /** Its name in the source, and its shape. */
  readonly name: string;
  readonly shape: Shape;
  /** The shape that the tensor has in the run; null where the run has no such tensor. */
  readonly expected: Shape | null;
}

/** One network of the run. Together, `taken` and `initialised` name all its tensors, but for constant filters. */
export interface PartTransfer {
  readonly part: NetworkPart;
  /** The network of the source that it begins as; null where the source holds none for it. */
  readonly from: NetworkPart | null;
  /** By their names in the run. */
  readonly taken: Tensors;
  readonly skipped: readonly Skipped[];
  /** Tensors that begin as in any other run. */
  readonly initialised: readonly ParameterSpec[];
}

/** What a run takes over, before it does. */
export interface Transfer {
  /** Path, address or name of the source. */
  readonly source: string;
  readonly kimg: number | null;
  /** Level of detail of a growing source: its layers above it are not trained. */
  readonly lod: number;
  readonly config: NetworkConfig;
  /** Configuration of the run's networks. */
  readonly own: NetworkConfig;
  readonly parts: readonly PartTransfer[];
}

/** The parts of a run, each with those of a file that it may begin as, the best first. G's buffers are the run's. */
const ORIGINS = [
  ['G_ema', ['G_ema', 'G']],
  ['G', ['G', 'G_ema']],
  ['D', ['D']],
] as const satisfies readonly (readonly [NetworkPart, readonly NetworkPart[]])[];

/**
 * Compares a network file with the networks of a run: tensors of the same layer and shape are taken (by name, as in the
 * published `copy_params_and_buffers`). Throws {@link FileError} where that is no weight at all, or not finite.
 */
export async function planTransfer(
  model: Model<NetworkConfig>,
  opened: OpenedNetwork,
  source: string,
): Promise<Transfer> {
  const theirs = createModel(opened.config);
  const parts: PartTransfer[] = [];
  for (const [part, origins] of ORIGINS) {
    const held = await firstHeld(opened, origins);
    parts.push(matchPart(part, held, { ours: model, theirs }));
  }
  const { config, kimg, lod = 0 } = opened;
  const transfer = { source, kimg, lod, config, own: model.config, parts };
  if (!parts.some((part) => takesWeights(part, model))) {
    const flags = flagsOf(config, model.config);
    throw new FileError(
      `--resume ${source}: got a ${form(config)}, expected a network that has a weight in common with this ` +
        `${form(model.config)}${flags === '' ? '' : `; the source has ${flags}`}`,
    );
  }
  for (const { part, taken } of parts) {
    for (const [name, { data }] of taken) {
      if (!data.every(Number.isFinite))
        throw new FileError(`--resume ${source}: ${part}.${name}: got NaN or Inf, expected numbers`);
    }
  }
  return transfer;
}

/** A network of the source; its w_avg is missing where the file has none. */
interface Held {
  readonly from: NetworkPart;
  readonly tensors: Tensors;
}

async function firstHeld(opened: OpenedNetwork, origins: readonly NetworkPart[]): Promise<Held | null> {
  for (const from of origins) {
    const tensors = await opened.part(from);
    if (tensors === null) continue;
    const { wAvg } = createModel(opened.config);
    return { from, tensors: new Map([...tensors].filter(([name]) => opened.hasAverageW || name !== wAvg)) };
  }
  return null;
}

/** Biases, and strengths of noise, fit almost every network of the generation: they alone are nothing to start from. */
function takesWeights({ part, taken }: PartTransfer, model: Model): boolean {
  return tensorsOf(model, part).some(
    ({ name, shape, trainable }) => trainable && shape.length > 1 && taken.has(name),
  );
}

/** All tensors of a network but its filters, which are constant. */
function tensorsOf(model: Model, part: NetworkPart): readonly ParameterSpec[] {
  return (part === 'D' ? model.discriminator : model.generator).filter(({ init }) => !('data' in init));
}

function matchPart(
  part: NetworkPart,
  held: Held | null,
  { ours, theirs }: Record<'ours' | 'theirs', Model<NetworkConfig>>,
): PartTransfer {
  const wanted = new Map(tensorsOf(ours, part).map((spec) => [layerKey(spec.name, part, ours.config), spec]));
  const taken = new Map<string, FloatTensor>();
  const skipped: Skipped[] = [];
  for (const { name, shape } of tensorsOf(theirs, part)) {
    const tensor = held?.tensors.get(name);
    if (tensor === undefined) continue;
    const spec = wanted.get(layerKey(name, part, theirs.config));
    if (spec !== undefined && sameShape(spec.shape, shape)) taken.set(spec.name, tensor);
    else skipped.push({ name, shape, expected: spec?.shape ?? null });
  }
  const initialised = [...wanted.values()].filter(({ name }) => !taken.has(name));
  return { part, from: held?.from ?? null, taken, skipped, initialised };
}

/**
 * The same text for the same layer of networks of any resolution. Names mostly say the resolution already; those that
 * count from the image are brought to it, and kernels that ProGAN and StyleGAN apply the other way round at some
 * resolutions get ProGAN's two names everywhere.
 */
export function layerKey(name: string, part: NetworkPart, config: NetworkConfig): string {
  const { imgResolution } = config;
  if (config.model === 'progan' || config.model === 'stylegan') {
    return name
      .replace(/RGB_lod(\d+)/, (_, level) => `RGB_${imgResolution / 2 ** Number(level)}`)
      .replace(/(\d+)x\d+\.Conv0_up/, (up, r) =>
        isFused(config, Number(r)) ? up : up.slice(0, -'_up'.length),
      );
  }
  if (config.model === 'dcgan' && part === 'D') {
    // main.0 takes the image; then come a convolution main.(3i - 1) and its batch norm main.3i for each halving.
    return name.replace(/^main\.(\d+)/, (_, index) => {
      const kind = index !== '0' && Number(index) % 3 === 0 ? 'norm' : 'conv';
      return `${kind}.${imgResolution / 2 ** Math.ceil(Number(index) / 3)}`;
    });
  }
  return name;
}

/** Puts what is taken into a state that has not trained yet. */
export function takeOver(state: TrainingState, { parts }: Transfer): void {
  const views = state.networkFile();
  // G comes after G_ema, whose buffers are G's in a run.
  for (const { part, taken } of parts)
    for (const [name, { data }] of taken) views[part]!.get(name)!.data.set(data);
}
