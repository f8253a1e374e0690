// Networks written as published PyTorch pickles: read again, and compared with a published one, object by object.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { decodeNetworkFile, type NetworkFile, wholeNetwork } from '../../src/checkpoints/network-file.ts';
import { OpenedPickle } from '../../src/checkpoints/pickle/open-pickle.ts';
import { readForeign } from '../../src/checkpoints/read-foreign.ts';
import { encodePyTorchPickle } from '../../src/checkpoints/write-pytorch-pickle.ts';
import { OptionError } from '../../src/core/errors.ts';
import { PickleObject, type PickleValue, textOf } from '../../src/core/pickle/values.ts';
import type { StyleGAN2Config } from '../../src/models/stylegan2-config.ts';
import { tinyGAN, tinyNetwork } from '../generate/tiny-network.ts';

const PUBLISHED = new Uint8Array(
  readFileSync(fileURLToPath(new URL('../fixtures/nvidia-stylegan2-32.pkl', import.meta.url))),
);

const encoded = (network: NetworkFile) => new Uint8Array(Buffer.concat(encodePyTorchPickle(network)));
const opened = (bytes: Uint8Array) => wholeNetwork(readForeign(bytes, 'a.pkl').open(), 'a.pkl');
const tiny = (changes: Parameters<typeof tinyNetwork>[0] = {}) =>
  decodeNetworkFile(tinyNetwork(changes), 'tiny');

const stylegan2 = () => tiny().config as StyleGAN2Config;

const asMap = (value: PickleValue | undefined) => value as Map<string, PickleValue>;
const isModule = (value: PickleValue): value is PickleObject =>
  value instanceof PickleObject && value.global.endsWith('_reconstruct_persistent_obj');

/** Class, keys and settings of a module and of those in it; not numbers of layers' precision, nor of gradients. */
function outline(value: PickleValue): unknown {
  if (!isModule(value)) return null;
  const meta = asMap(value.args[0]);
  const state = asMap(meta.get('state'));
  const ignored =
    /^(_init_args|_init_kwargs|weight_gain|act_gain|bias_gain|conv_clamp|use_fp16|num_fp16_res)$/;
  return {
    meta: [...meta.keys()],
    type: meta.get('type'),
    version: meta.get('version'),
    className: meta.get('class_name'),
    keys: [...state.keys()],
    parameters: [...asMap(state.get('_parameters')).keys()],
    buffers: [...asMap(state.get('_buffers')).keys()],
    settings: [...state].filter(([key, item]) => !ignored.test(key) && !(item instanceof Map)),
    modules: [...asMap(state.get('_modules'))].map(([name, child]) => [name, outline(child)]),
  };
}

/** Globals that a pickle names. */
function globalsOf(value: PickleValue | undefined, found = new Set<string>()): Set<string> {
  if (value instanceof PickleObject) {
    found.add(value.global);
    for (const item of [...value.args, value.state]) globalsOf(item, found);
  } else if (value instanceof Map) for (const item of value.values()) globalsOf(item, found);
  else if (Array.isArray(value)) for (const item of value) globalsOf(item, found);
  return found;
}

/** Numbers of an attribute, at a path of modules: a Python float, or NumPy's. */
function gains(value: PickleValue): number[] {
  if (!isModule(value)) return [];
  const state = asMap(asMap(value.args[0]).get('state'));
  const own = ['weight_gain', 'act_gain', 'bias_gain'].flatMap((key) => {
    const item = state.get(key);
    if (typeof item === 'number') return [item];
    if (!(item instanceof PickleObject)) return [];
    const bytes = item.args[1] as Uint8Array;
    return [new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, true)];
  });
  return [...own, ...[...asMap(state.get('_modules')).values()].flatMap(gains)];
}

describe('a published network written again', async () => {
  const network = await opened(PUBLISHED);
  const bytes = encoded(network);
  const [theirs, ours] = [PUBLISHED, bytes].map((data) => asMap(new OpenedPickle(data, 'a.pkl').value));

  it('has the same parts, classes, attributes and order', () => {
    expect([...ours.keys()]).toEqual([...theirs.keys()]);
    for (const part of ['G', 'D', 'G_ema']) {
      expect(outline(ours.get(part)!), part).toEqual(outline(theirs.get(part)!));
    }
  });

  it('has the same gains in each layer', () => {
    for (const part of ['G', 'D']) {
      const [a, b] = [ours, theirs].map((file) => gains(file.get(part)!));
      expect(b.length).toBeGreaterThan(20);
      expect(a.length).toBe(b.length);
      a.forEach((gain, i) => {
        expect(gain).toBeCloseTo(b[i], 12);
      });
    }
  });

  it('names no global that theirs does not name', () => {
    const known = globalsOf(new OpenedPickle(PUBLISHED, 'a.pkl').value);
    const named = globalsOf(new OpenedPickle(bytes, 'a.pkl').value);
    expect([...named].filter((name) => !known.has(name))).toEqual([]);
  });

  it('takes the arguments from which their tools build G and D anew', () => {
    for (const part of ['G', 'D']) {
      const kwargs = [theirs, ours].map((file) => {
        const meta = asMap((file.get(part) as PickleObject).args[0]);
        return [...asMap(asMap(meta.get('state')).get('_init_kwargs')).keys()];
      });
      expect(kwargs[1]).toEqual(expect.arrayContaining(kwargs[0]));
    }
  });

  it('holds the same tensors', async () => {
    const again = await opened(bytes);
    expect(again.config).toEqual(network.config);
    for (const part of ['G', 'D', 'G_ema'] as const) expect(again[part]).toEqual(network[part]);
  });

  it('embeds no source but two imports', () => {
    const source = textOf(asMap((ours.get('G') as PickleObject).args[0]).get('module_src'));
    expect(source?.trim().split('\n')).toHaveLength(4);
    expect(source?.match(/import \*/g)).toHaveLength(2);
  });
});

describe('every architecture', () => {
  const { discriminator } = stylegan2();
  it.each<[string, Partial<StyleGAN2Config>]>([
    ['labels', { cDim: 3 }],
    ['resnet, orig', { architecture: 'resnet', discriminator: { ...discriminator, architecture: 'orig' } }],
    ['orig, skip', { architecture: 'orig', discriminator: { ...discriminator, architecture: 'skip' } }],
    ['no deviation', { discriminator: { ...discriminator, mbstdGroup: 1 } }],
    ['gray', { imgChannels: 1 }],
  ])('comes back: %s', async (_name, changes) => {
    const network = tiny(changes);
    const again = await opened(encoded(network));
    // Reading infers channelBase from the tensors, and it may find another that means the same.
    const { architecture, discriminator: d, cDim, imgChannels } = again.config as StyleGAN2Config;
    const { architecture: theirs, mbstdGroup } = d;
    expect(network.config).toMatchObject({
      architecture,
      cDim,
      imgChannels,
      discriminator: { architecture: theirs, mbstdGroup },
    });
    expect(again.G_ema).toEqual(network.G_ema);
    expect(again.G, 'G_ema stands for a missing G').toEqual(network.G_ema);
    expect(again.D).toEqual(network.D);
  });
});

it('tells in one line what the published code does not have', () => {
  expect(() => encoded(decodeNetworkFile(tinyGAN(), 'gan'))).toThrow(OptionError);
  expect(() => encoded({ ...tiny(), D: null })).toThrow(OptionError);
});
