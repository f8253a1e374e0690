// Kind `filters`: up-FIR-down through the engine, and the low-pass designs.

import type { SafetensorsFile } from '../../src/checkpoints/safetensors.ts';
import { FileError } from '../../src/core/errors.ts';
import type { FloatTensor, Tensor } from '../../src/core/tensor.ts';
import { input } from '../../src/graph/build.ts';
import type { Node, Padding } from '../../src/graph/node.ts';
import { designLowpass, designRadialLowpass } from '../../src/nn/lowpass.ts';
import { filterImage } from '../../src/nn/resample.ts';
import { openEngine } from '../../src/runtime/engine.node.ts';
import { compare, type Deviation } from './check.ts';

const CASE = /^out\.up(\d+)_down(\d+)_pad(0|\[[-\d,]+\])_flip(True|False)_gain([\d.]+)$/;
const DESIGN = /^lowpass\.taps(\d+)_cutoff([\d.]+)_width([\d.]+)_fs([\d.]+)_radial(True|False)$/;

export async function* checkFilters({ tensors }: SafetensorsFile): AsyncIterable<Deviation> {
  const x = floats(tensors, 'in.x');
  const taps = floats(tensors, 'f_asym');
  const outputs: Record<string, Node> = {};
  for (const [name, reference] of tensors) {
    if (name.startsWith('out.')) outputs[name] = filtered(name, x, taps);
    if (name.startsWith('lowpass.')) yield compare(name, designed(name), reference);
  }
  const engine = await openEngine({ device: 'cpu' });
  try {
    const session = await engine.compile({ outputs });
    const results = await session.run({ x: x.data });
    for (const name of Object.keys(outputs)) yield compare(name, results[name], tensors.get(name)!);
  } finally {
    await engine.close();
  }
}

/** The case that the name describes, with the asymmetric filter. */
function filtered(name: string, x: FloatTensor, taps: FloatTensor): Node {
  const match = CASE.exec(name);
  if (!match) throw new FileError(`got tensor ${name}, expected out.upN_downN_pad…_flip…_gain…`);
  const [up, down, gain] = [match[1], match[2], match[5]].map(Number);
  const filter = { taps: taps.data, size: [taps.shape[0], taps.shape[1]] as const };
  return filterImage(input('x', x.shape), filter, {
    up,
    down,
    pad: padding(match[3]),
    flip: match[4] === 'True',
    gain,
  });
}

/** The published order is [left, right, top, bottom], ours [top, left, bottom, right]. */
function padding(text: string): Padding {
  if (text === '0') return [0, 0, 0, 0];
  const [left, right, top, bottom] = JSON.parse(text);
  return [top, left, bottom, right];
}

function designed(name: string): Float64Array {
  const match = DESIGN.exec(name);
  if (!match) throw new FileError(`got tensor ${name}, expected lowpass.tapsN_cutoff…_width…_fs…_radial…`);
  const [taps, cutoff, width, sampleRate] = match.slice(1, 5).map(Number);
  const design = { taps, cutoff, width, sampleRate };
  return match[5] === 'True' ? designRadialLowpass(design) : designLowpass(design);
}

function floats(tensors: ReadonlyMap<string, Tensor>, name: string): FloatTensor {
  const tensor = tensors.get(name);
  if (!(tensor?.data instanceof Float32Array)) throw new FileError(`got no float32 tensor ${name}`);
  return tensor as FloatTensor;
}
