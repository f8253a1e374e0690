// `stylegan convert`: a checkpoint of any format as a file of another one.

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
import { networkFile } from './network-file.ts';
import { type Device, deviceOption } from './options.ts';

interface ConvertOptions {
  use?: 'G_ema' | 'G';
  device: Device;
}

/** How each format is written, by the ending of its files. Returns the files written. */
const WRITERS: Record<string, (network: NetworkFile, path: string) => Promise<string[]>> = {
  '.safetensors': async (network, path) => {
    await writeFileAtomic(path, encodeNetworkFile(network));
    return [path];
  },
};

export function convertCommand(): Command {
  return new Command('convert')
    .description('write a network in another format')
    .argument('<source>', 'network: a path, an address, or a name that "stylegan networks" lists')
    .argument('<dest>', `file to write (${Object.keys(WRITERS).join(', ')})`)
    .addOption(
      new Option('--use <generator>', 'keep only this generator (default: all networks)').choices([
        'G_ema',
        'G',
      ]),
    )
    .addOption(deviceOption())
    .addHelpText(
      'after',
      `
Reads networks of stylegan, the published pickles of StyleGAN2-ADA (PyTorch), ProGAN, StyleGAN, StyleGAN2 and
StyleGAN2-ADA (TensorFlow), and StyleGAN2 state dicts (.pt) as rosinality's code writes them. Nothing in them is run.

Examples:
  stylegan convert network.pkl network.safetensors
  stylegan convert stylegan2.pt generator.safetensors --use G_ema`,
    )
    .action(convert);
}

async function convert(source: string, dest: string, options: ConvertOptions): Promise<void> {
  const ending = /\.[^.\\/]+$/.exec(dest)?.[0].toLowerCase() ?? '';
  if (!Object.hasOwn(WRITERS, ending)) {
    throw new OptionError(`got ${dest}, expected a name that ends in ${Object.keys(WRITERS).join(' or ')}`);
  }
  const path = await networkFile(source);
  const opened = await openNetworkFile(path);
  const chosen = await chooseNetworks(opened, options.use, path);
  const network = opened.hasAverageW ? chosen : await measured(chosen, options.device);
  for (const file of await WRITERS[ending](network, dest)) console.log(`wrote ${file}: ${summary(network)}`);
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
