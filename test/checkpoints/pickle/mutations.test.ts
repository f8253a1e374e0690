// A hundred thousand damaged checkpoints: each opens, or is refused in one line; none crashes, hangs or grows.

import { readFileSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';
import { expect, test } from 'vitest';
import { MAX_GROWTH, OpenedPickle } from '../../../src/checkpoints/pickle/open-pickle.ts';
import { FileError } from '../../../src/core/errors.ts';
import { BASE_BUDGET } from '../../../src/core/pickle/machine.ts';
import { toPlain } from '../../../src/core/pickle/plain.ts';
import { PickleObject, type PickleValue } from '../../../src/core/pickle/values.ts';
import { Random } from '../../../src/core/random.ts';
import {
  call,
  dict,
  encoded,
  f32,
  instance,
  list,
  ndarray,
  orderedDict,
  pickle,
  raw,
} from '../../core/pickle/assemble.ts';
import { embedded, legacyFile, parameter, type Storage, storage, tensor, zipFile } from './torch-files.ts';

const MUTATIONS = 100_000;
/** Of each published file, which take longer. */
const MUTATIONS_OF_LARGE = 250;
/** Parts of a value that are asked for as tensors. */
const MAX_PARTS = 300;

const half: Storage = { type: 'HalfStorage', elements: 6, data: raw('abcdefghijkl') };
const floats: Storage = { type: 'FloatStorage', elements: 4, data: f32(1, 2, 3, 4) };

/** One file of each kind, as small as can be: nearly every byte of them means something. */
async function smallFiles(): Promise<Uint8Array[]> {
  const state = orderedDict({
    weight: parameter(tensor(storage(floats, '0'), 0, [2, 2], [2, 1])),
    bias: tensor(storage(half, '1'), 1, [2], [2]),
  });
  const storages = { 0: floats, 1: half };
  const args = instance('argparse.Namespace', dict({ size: 32, mixing: 0.9 }));
  const parts = dict({
    const: parameter(tensor(embedded(floats), 0, [4], [1])),
    noise: ndarray('>f8', [], raw('12345678')),
  });
  const meta = dict({
    type: 'class',
    version: 6,
    class_name: 'Generator',
    state: dict({ _parameters: parts }),
  });
  const network = dict({
    static_kwargs: dict({ resolution: 32, label_size: 0 }),
    variables: list(
      ['lod', ndarray('<f4', [], encoded(f32(1)))],
      ['w', ndarray('<f4', [2, 2], floats.data, true)],
    ),
  });
  return [
    await zipFile(dict({ g_ema: state, args }), storages, { byteorder: 'little' }),
    legacyFile(dict({ GAN: state }), storages),
    pickle(
      dict({ G_ema: call('torch_utils.persistence._reconstruct_persistent_obj', meta), augment_pipe: null }),
    ),
    pickle([instance('dnnlib.tflib.network.Network', network), null]),
    raw("(dp0\nS'a'\np1\n(lp2\nI1\naL2L\naF1.5\naVx\\u0041\nasg1\n(g2\ntsg0\n."),
    raw(
      '\x80\x04\x95\x20\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94\x8f\x94(K\x01K\x02\x90\x8c\x01b\x8c\x0bcollections\x8c\x0bOrderedDict\x93)R\x94N\x86C\x03xyz\x94\x8a\x02\xff\x7f\x87u.',
    ),
  ];
}

/** Bytes that mean much: opcodes, extremes of numbers. */
const TELLING = raw('().012NRabcdehjlopqrstuQX}]\x00\x01\x7f\x80\x81\x85\x8a\x8b\x8e\x93\x94\xff');

/** Changes one to three places of a file: bits, bytes, lengths; takes out, repeats and moves parts; cuts the end off. */
function mutate(file: Uint8Array, scratch: Uint8Array, random: Random): Uint8Array {
  scratch.set(file);
  let length = file.length;
  for (let left = 1 + random.integer(3); left > 0 && length > 0; left--) {
    const at = random.integer(length);
    const span = 1 + random.integer(Math.min(64, length - at));
    switch (random.integer(7)) {
      case 0:
        scratch[at] ^= 1 << random.integer(8);
        break;
      case 1:
        scratch[at] = TELLING[random.integer(TELLING.length)];
        break;
      case 2:
        scratch.fill(random.integer(2) * 255, at, Math.min(length, at + 1 + random.integer(8)));
        break;
      case 3: // take out
        scratch.copyWithin(at, at + span, length);
        length -= span;
        break;
      case 4: // repeat
        scratch.copyWithin(at + span, at, length);
        length += span;
        break;
      case 5: // overwrite by another part
        scratch.copyWithin(random.integer(length - span + 1), at, at + span);
        break;
      default:
        if (random.integer(4) === 0) length = at;
        else scratch[at] = random.integer(256);
    }
  }
  return scratch.slice(0, length);
}

/** Opens a file and asks for everything in it. Returns whether it opened. */
function openAll(bytes: Uint8Array): boolean {
  const attempt = (action: () => unknown): boolean => {
    try {
      action();
      return true;
    } catch (error) {
      if (!(error instanceof FileError) || error.message.includes('\n') || error.message.length > 500)
        throw error;
      return false;
    }
  };
  return attempt(() => {
    const opened = new OpenedPickle(bytes, 'f.pkl');
    attempt(() => toPlain(opened.value, 'f.pkl'));
    const parts = new Set<PickleValue | undefined>([opened.value]);
    for (const part of parts) {
      if (parts.size > MAX_PARTS) break;
      attempt(() => opened.float32(part, 'x'));
      if (part instanceof Map || Array.isArray(part)) for (const item of part.values()) parts.add(item);
      if (part instanceof PickleObject) for (const item of [...part.args, part.state]) parts.add(item);
    }
  });
}

test(`${MUTATIONS} damaged files are opened or refused in one line, quickly and within their memory`, async () => {
  const names = ['nvidia-stylegan2-32', 'nvidia-stylegan3-t-32', 'tf-stylegan1-32', 'tf-stylegan2-32'];
  const large = names.map((name) => readFileSync(new URL(`../../fixtures/${name}.pkl`, import.meta.url)));
  const small = await smallFiles();
  for (const file of [...large, ...small]) expect(openAll(file)).toBe(true);
  const longest = Math.max(...large.map((file) => file.length));
  const scratch = new Uint8Array(longest + 1000);
  const random = new Random(1);
  const memory = () => getHeapStatistics().used_heap_size + getHeapStatistics().external_memory;
  const before = memory();
  let opened = 0;
  let slowest = 0;
  let most = 0;
  for (let i = 0; i < MUTATIONS; i++) {
    const file = i < MUTATIONS_OF_LARGE * large.length ? large[i % large.length] : small[i % small.length];
    const damaged = mutate(file, scratch, random);
    const { user } = process.cpuUsage();
    if (openAll(damaged)) opened++;
    slowest = Math.max(slowest, process.cpuUsage().user - user);
    if (i % 100 === 0) most = Math.max(most, memory() - before);
  }
  // Most are refused, but enough open for what follows to be tried as well.
  expect(opened).toBeGreaterThan(MUTATIONS / 20);
  expect(opened).toBeLessThan(MUTATIONS * 0.9);
  expect(slowest).toBeLessThan(1e6); // microseconds
  // Garbage of several files may lie about before it is collected.
  expect(most).toBeLessThan(4 * (BASE_BUDGET + (1 + MAX_GROWTH) * longest));
}, 600_000);
