// `stylegan info`: what a checkpoint holds, read from its header alone where it has one.

import { Command } from 'commander';
import type { ForeignFile } from '../checkpoints/foreign.ts';
import { isSafetensors, readForeign } from '../checkpoints/read-foreign.ts';
import { readSafetensorsHeader, safetensorsDataStart } from '../checkpoints/safetensors.ts';
import { UserError } from '../core/errors.ts';
import { readFileBounded, readFileStart } from '../core/files.node.ts';
import { type Shape, sizeOf } from '../core/tensor.ts';
import { networkFile } from './network-file.ts';

/** Tensors that training does not move by gradients, by the last part of their names here and in published files. */
const BUFFERS =
  /^(resample_filter|noise_const|w_avg|running_mean|running_var|weight_u|lod|dlatent_avg|noise_?\d+|kernel|magnitude_ema|up_filter|down_filter|freqs|phases|transform)$/;

/** Widest column of layer names; longer ones, which no published network has, stick out. */
const MAX_COLUMN = 60;

interface Layer {
  /** Upstream name without the network: `synthesis.b8.conv0`. */
  readonly name: string;
  parameters: number;
  readonly tensors: { readonly name: string; readonly dtype: string; readonly shape: Shape }[];
}

/** One of the networks in the file: G_ema, G, D. */
interface Part {
  readonly name: string;
  /** What a foreign file says of it. */
  readonly settings?: Readonly<Record<string, unknown>>;
  parameters: number;
  readonly layers: Layer[];
}

interface Info {
  readonly file: string;
  readonly bytes: number;
  /** What the file says of itself; values that hold JSON are parsed. */
  readonly metadata: Record<string, unknown>;
  readonly networks: readonly Part[];
}

export function infoCommand(): Command {
  return new Command('info')
    .description('show what a checkpoint holds: options, layers, parameters')
    .argument('<file>', 'checkpoint: a path, an address, or a name that "stylegan networks" lists')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  stylegan info network.safetensors
  stylegan info network.pkl
  stylegan info network.safetensors --json > network.json`,
    )
    .action(async (file: string, options: { json?: boolean }) => {
      const info = await readInfo(await networkFile(file));
      console.log(options.json ? JSON.stringify(info, null, 2) : formatInfo(info));
    });
}

async function readInfo(file: string): Promise<Info> {
  const start = await readFileStart(file, 9);
  return isSafetensors(start.bytes) ? readOwn(file) : readPublished(file);
}

/** Of safetensors, the header. */
async function readOwn(file: string): Promise<Info> {
  const prefix = await readFileStart(file, 8);
  const dataStart = safetensorsDataStart(prefix.bytes, prefix.fileBytes, file);
  const { bytes, fileBytes } = await readFileStart(file, dataStart);
  const { entries, metadata } = readSafetensorsHeader(bytes, fileBytes, file);
  const networks = new Map<string, Map<string, { dtype: string; shape: Shape }>>();
  for (const [path, { storedAs: dtype, shape }] of entries) {
    const dot = path.indexOf('.');
    const [name, tensor] = dot < 0 ? ['', path] : [path.slice(0, dot), path.slice(dot + 1)];
    const network = networks.get(name) ?? new Map();
    networks.set(name, network.set(tensor, { dtype, shape }));
  }
  return {
    file,
    bytes: fileBytes,
    metadata: Object.fromEntries(Object.entries(metadata).map(([key, text]) => [key, parsed(text)])),
    networks: [...networks]
      .sort(([a], [b]) => a.localeCompare(b, 'en'))
      .map(([name, all]) => partOf(name, all)),
  };
}

/** Of pickles and PyTorch's files all is read, but for the tensors' data. */
async function readPublished(file: string): Promise<Info> {
  const bytes = await readFileBounded(file);
  const foreign = readForeign(bytes, file);
  const { format, settings } = foreign;
  return {
    file,
    bytes: bytes.length,
    metadata: { format, ...settings, ...usability(foreign) },
    networks: foreign.networks.map(({ name, settings, tensors }) => {
      const stored = [...tensors].map(
        ([tensor, { storedAs, dtype, shape }]) => [tensor, { dtype: storedAs ?? dtype, shape }] as const,
      );
      return { ...partOf(name, new Map(stored)), settings };
    }),
  };
}

/** The configuration as a network of ours, or why there is none. */
function usability(foreign: ForeignFile): Record<string, unknown> {
  try {
    return { config: foreign.open().config };
  } catch (error) {
    if (error instanceof UserError) return { 'cannot be used': error.message };
    throw error;
  }
}

function partOf(name: string, tensors: ReadonlyMap<string, { dtype: string; shape: Shape }>): Part {
  const layers = new Map<string, Layer>();
  // Natural order: b8 before b16.
  const sorted = [...tensors].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  for (const [path, { dtype, shape }] of sorted) {
    const [layerName, tensor] = splitPath(path);
    const layer = layers.get(layerName) ?? { name: layerName, parameters: 0, tensors: [] };
    layers.set(layerName, layer);
    layer.tensors.push({ name: tensor, dtype, shape });
    if (!BUFFERS.test(tensor)) layer.parameters += sizeOf(shape);
  }
  const all = [...layers.values()];
  return { name, parameters: all.reduce((sum, layer) => sum + layer.parameters, 0), layers: all };
}

/** `synthesis.b4.conv1.bias`, or with slashes → layer `synthesis.b4.conv1`, tensor `bias`. */
function splitPath(path: string): [layer: string, tensor: string] {
  const end = Math.max(path.lastIndexOf('.'), path.lastIndexOf('/'));
  return [path.slice(0, Math.max(end, 0)), path.slice(end + 1)];
}

/** Metadata values are text, and some of it is JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function formatInfo(info: Info): string {
  const lines = [`${info.file}: ${(info.bytes / 2 ** 20).toFixed(1)} MiB`];
  for (const [key, value] of Object.entries(info.metadata)) lines.push(...formatValue(key, value, ''));
  for (const { name, settings, parameters, layers } of info.networks) {
    const width = Math.min(MAX_COLUMN, Math.max(...layers.map((layer) => layer.name.length)));
    lines.push('', `${name}: ${parameters.toLocaleString('en')} parameters`);
    for (const [key, value] of Object.entries(settings ?? {})) lines.push(...formatValue(key, value, '  '));
    for (const layer of layers) {
      const shapes = layer.tensors.map((tensor) => `${tensor.name} [${tensor.shape.join(', ')}]`).join(', ');
      lines.push(
        `  ${layer.name.padEnd(width)}  ${layer.parameters.toLocaleString('en').padStart(11)}  ${shapes}`,
      );
    }
  }
  // Names and values come from the file: no control character may reach the terminal.
  return lines.join('\n').replace(/[^\P{Cc}\n]/gu, '?');
}

function formatValue(key: string, value: unknown, indent: string): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [`${indent}${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}`];
  }
  const nested = Object.entries(value).flatMap(([name, inner]) => formatValue(name, inner, `${indent}  `));
  return [`${indent}${key}:`, ...nested];
}
