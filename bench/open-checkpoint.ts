// `npx tsx bench/open-checkpoint.ts`: seconds and memory that a checkpoint of 370 MB takes to open, and its generator.

import { execFileSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { readForeign } from '../src/checkpoints/read-foreign.ts';
import { readFileBounded } from '../src/core/files.node.ts';
import { embedded, parameter, tensor } from '../test/checkpoints/pickle/torch-files.ts';
import { call, named, push, raw } from '../test/core/pickle/assemble.ts';

const PARTS = ['G', 'D', 'G_ema'];
/** Kernels of 512 × 512 × 3 × 3 in each network: 31 M parameters, as at 1024². */
const KERNELS = 13;
const SHAPE = [512, 512, 3, 3];
const ELEMENTS = 512 * 512 * 9;

/** Writes networks as the published PyTorch tools do: each tensor's storage is a file within the pickle. */
async function writeCheckpoint(path: string): Promise<void> {
  const stream = createWriteStream(path);
  const write = (bytes: Uint8Array | string) =>
    new Promise<void>((done, fail) => {
      stream.write(typeof bytes === 'string' ? raw(bytes) : bytes, (error) => (error ? fail(error) : done()));
    });
  const data = new Uint8Array(4 * ELEMENTS).fill(0x3c);
  const kernel = push(
    parameter(
      tensor(embedded({ type: 'FloatStorage', elements: ELEMENTS, data }), 0, SHAPE, [4608, 9, 3, 1]),
    ),
  );
  await write('\x80\x02}(');
  for (const part of PARTS) {
    await write(push(part));
    await write(push(named('torch_utils.persistence._reconstruct_persistent_obj')));
    await write('}(');
    const head = {
      type: 'class',
      version: 6,
      module_src: '',
      class_name: part === 'D' ? 'Discriminator' : 'Generator',
    };
    for (const item of Object.entries(head).flat()) await write(push(item));
    await write(push('state'));
    await write('}(');
    for (const dict of ['_init_args', '_init_kwargs', '_buffers', '_modules']) {
      await write(push(dict));
      await write(push(new Map()));
    }
    await write(push('_parameters'));
    await write(push(call('collections.OrderedDict')));
    await write('(');
    for (let i = 0; i < KERNELS; i++) {
      await write(push(`kernel${i}`));
      await write(kernel);
    }
    await write('uuu\x85R');
  }
  await write('u.');
  stream.end();
  await finished(stream);
}

const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;

async function measure(path: string): Promise<void> {
  const peak = () => process.resourceUsage().maxRSS * 1024;
  const base = peak();
  const start = performance.now();
  const seconds = () => ((performance.now() - start) / 1000).toFixed(2);
  const bytes = await readFileBounded(path);
  const file = readForeign(bytes, path);
  console.log(`${megabytes(bytes.length)} opened in ${seconds()} s, ${megabytes(peak() - base)}`);
  const generator = file.networks.find(({ name }) => name === 'G_ema');
  const floats = [...(generator?.tensors.values() ?? [])].map((tensor) => tensor.data);
  const size = floats.reduce((sum, { length }) => sum + 4 * length, 0);
  console.log(
    `with its G_ema (${megabytes(size)}) as float32 in ${seconds()} s, ${megabytes(peak() - base)}`,
  );
}

if (process.argv[2] !== undefined) await measure(process.argv[2]);
else {
  const folder = await mkdtemp(joinPath(tmpdir(), 'stylegan-bench-'));
  try {
    const path = joinPath(folder, 'network.pkl');
    await writeCheckpoint(path);
    const script = fileURLToPath(import.meta.url);
    execFileSync(process.execPath, [...process.execArgv, script, path], { stdio: 'inherit' });
  } finally {
    await rm(folder, { recursive: true });
  }
}
