// `stylegan convert`: a checkpoint of any format as a file of another one.

import { existsSync, realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { Command, Option } from 'commander';
import {
  encodeNetworkFile,
  type NetworkFile,
  networkSource,
  type OpenedNetwork,
  type Tensors,
  wholeNetwork,
} from '../checkpoints/network-file.ts';
import { openNetworkFile } from '../checkpoints/open-file.node.ts';
import { OptionError } from '../core/errors.ts';
import { writeFileAtomic } from '../core/files.node.ts';
import type { WriteOnnxOptions } from '../generate/export-onnx.node.ts';
import { networkFile } from './network-file.ts';
import { type Device, deviceOption, wholeNumber } from './options.ts';

interface ConvertOptions extends WriteOnnxOptions {
  use?: 'G_ema' | 'G';
  device: Device;
}

/** How each format is written, by the ending of its files. Returns the files written. */
const WRITERS: Record<
  string,
  (network: NetworkFile, path: string, options: WriteOnnxOptions) => Promise<string[]>
> = {
  '.safetensors': async (network, path) => {
    await writeFileAtomic(path, encodeNetworkFile(network));
    return [path];
  },
  '.onnx': async (network, path, options) => {
    const { writeOnnx } = await import('../generate/export-onnx.node.ts');
    return writeOnnx(network, path, options);
  },
  '.pkl': async (network, path) => {
    const { encodePyTorchPickle } = await import('../checkpoints/write-pytorch-pickle.ts');
    await writeFileAtomic(path, encodePyTorchPickle(network));
    return [path];
  },
};

/** Options that only ONNX has. */
const ONNX_OPTIONS = [
  new Option('--split', 'ONNX: two files, NAME-mapping.onnx and NAME-synthesis.onnx, with ws in between'),
  new Option('--batch <n>', 'ONNX: images at once, fixed in the file (default: 1)').argParser(wholeNumber(1)),
  new Option('--fp16', 'ONNX: weights, images and convolutions in float16; inputs and outputs stay float32'),
  new Option('--uint8 [layout]', 'ONNX: images of bytes, as in PNG files, instead of float32 in [-1, 1]')
    .choices(['NHWC', 'NCHW'])
    .preset('NHWC'),
  new Option('--noise-mode <mode>', 'ONNX: noise of each layer (default: const)').choices(['const', 'none']),
  new Option('--external-data', 'ONNX: weights beside the model, in NAME.onnx.data'),
];

export function convertCommand(): Command {
  const command = new Command('convert')
    .description('write a network in another format')
    .argument('<source>', 'network: a path, an address, or a name that "stylegan networks" lists')
    .argument('<dest>', `file to write (${Object.keys(WRITERS).join(', ')}); its ending is the format`)
    .addOption(
      new Option(
        '--use <generator>',
        'keep only this generator (default: all networks; for ONNX, G_ema)',
      ).choices(['G_ema', 'G']),
    )
    .addOption(deviceOption())
    .addHelpText(
      'after',
      `
Reads networks of stylegan, the published pickles of StyleGAN2-ADA (PyTorch), ProGAN, StyleGAN, StyleGAN2 and
StyleGAN2-ADA (TensorFlow), and StyleGAN2 state dicts (.pt) as rosinality's code writes them. Nothing in them is run.

Writes .safetensors (all networks), .onnx (the generator, for any ONNX runtime: z, c, psi -> image) and .pkl (a
StyleGAN2 for the published PyTorch tools). docs/formats-export.md describes them.

Examples:
  stylegan convert network.pkl network.safetensors
  stylegan convert stylegan2.pt generator.safetensors --use G_ema
  stylegan convert network.pkl network.onnx --fp16 --uint8
  stylegan convert network.safetensors network.pkl`,
    )
    .action(convert);
  for (const option of ONNX_OPTIONS) command.addOption(option);
  return command;
}

async function convert(source: string, dest: string, options: ConvertOptions): Promise<void> {
  const ending = /\.[^.\\/]+$/.exec(dest)?.[0].toLowerCase() ?? '';
  if (!Object.hasOwn(WRITERS, ending)) {
    throw new OptionError(`got ${dest}, expected a name that ends in ${Object.keys(WRITERS).join(' or ')}`);
  }
  const foreign = ONNX_OPTIONS.find((option) => Object.hasOwn(options, option.attributeName()));
  if (foreign !== undefined && ending !== '.onnx') {
    throw new OptionError(`got ${foreign.long} for ${dest}, expected a name that ends in .onnx`);
  }
  const path = await networkFile(source);
  if (isSameFile(path, dest)) throw new OptionError(`got ${dest} as source and dest, expected another dest`);
  const opened = await openNetworkFile(path);
  // Other runtimes draw with the averaged generator; the other networks stay unread.
  const use = options.use ?? (ending === '.onnx' ? 'G_ema' : undefined);
  const chosen = await chooseNetworks(opened, use, path);
  const network = opened.hasAverageW ? chosen : await measured(chosen, options.device);
  const files = await WRITERS[ending](network, dest, { ...options, source: basename(path) });
  for (const file of files) console.log(`wrote ${file}: ${summary(network)}`);
}

/** Whether both are names of one file, which is there. */
function isSameFile(a: string, b: string): boolean {
  return existsSync(b) && realpathSync(a) === realpathSync(b);
}

async function chooseNetworks(
  opened: OpenedNetwork,
  use: 'G_ema' | 'G' | undefined,
  path: string,
): Promise<NetworkFile> {
  if (use === undefined) return wholeNetwork(opened, path);
  return { ...(await networkSource(opened, use, path)), G: null, D: null };
}

/** With the average w, which the file does not hold. */
async function measured(network: NetworkFile, device: Device): Promise<NetworkFile> {
  const [{ openEngine }, { withAverageW }] = await Promise.all([
    import('../runtime/engine.node.ts'),
    import('../generate/average-w.ts'),
  ]);
  const engine = await openEngine({ device });
  try {
    const measure = (generator: Tensors) => withAverageW(generator, network.config, engine);
    const G = network.G && (await measure(network.G));
    return { ...network, G_ema: await measure(network.G_ema), G };
  } finally {
    await engine.close();
  }
}

function summary({ config, G, D }: NetworkFile): string {
  const { model, imgResolution: r, imgChannels } = config;
  const networks = ['G_ema', ...(G ? ['G'] : []), ...(D ? ['D'] : [])].join(', ');
  return `${model} ${r}x${r}, ${imgChannels} channels, ${networks}`;
}
