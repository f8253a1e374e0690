// `stylegan info`: what a checkpoint holds, read from its header alone.

import { Command } from 'commander';
import { readSafetensorsHeader, safetensorsDataStart } from '../checkpoints/safetensors.ts';
import { readFileStart } from '../core/files.node.ts';
import { type Shape, sizeOf } from '../core/tensor.ts';
import { networkFile } from './network-file.ts';

/** Tensors that training does not move by gradients, by the last part of their upstream names. */
const BUFFERS = /^(resample_filter|noise_const|w_avg|running_mean|running_var|weight_u)$/;

interface Layer {
  /** Upstream name without the network: `synthesis.b8.conv0`. */
  readonly name: string;
  parameters: number;
  readonly tensors: { readonly name: string; readonly dtype: string; readonly shape: Shape }[];
}

/** One of the networks in the file: G_ema, G, D. */
interface Part {
  readonly name: string;
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
  stylegan info network.safetensors --json > network.json`,
    )
    .action(async (file: string, options: { json?: boolean }) => {
      const info = await readInfo(await networkFile(file));
      console.log(options.json ? JSON.stringify(info, null, 2) : formatInfo(info));
    });
}

async function readInfo(file: string): Promise<Info> {
  const prefix = await readFileStart(file, 8);
  const dataStart = safetensorsDataStart(prefix.bytes, prefix.fileBytes, file);
  const { bytes, fileBytes } = await readFileStart(file, dataStart);
  const { entries, metadata } = readSafetensorsHeader(bytes, fileBytes, file);
  const parts = new Map<string, Part>();
  // Natural order: b8 before b16.
  const sorted = [...entries].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  for (const [path, { storedAs, shape }] of sorted) {
    const [partName, layerName, name] = splitPath(path);
    const part = parts.get(partName) ?? { name: partName, parameters: 0, layers: [] };
    parts.set(partName, part);
    let layer = part.layers.find((candidate) => candidate.name === layerName);
    if (!layer) {
      layer = { name: layerName, parameters: 0, tensors: [] };
      part.layers.push(layer);
    }
    layer.tensors.push({ name, dtype: storedAs, shape });
    if (BUFFERS.test(name)) continue;
    layer.parameters += sizeOf(shape);
    part.parameters += sizeOf(shape);
  }
  return {
    file,
    bytes: fileBytes,
    metadata: Object.fromEntries(Object.entries(metadata).map(([key, text]) => [key, parsed(text)])),
    networks: [...parts.values()],
  };
}

/** `G.synthesis.b4.conv1.bias` → network `G`, layer `synthesis.b4.conv1`, tensor `bias`. */
function splitPath(path: string): [part: string, layer: string, tensor: string] {
  const names = path.split('.');
  const tensor = names.pop() ?? '';
  const part = names.shift() ?? '';
  return [part, names.join('.'), tensor];
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
  for (const { name, parameters, layers } of info.networks) {
    const width = Math.max(...layers.map((layer) => layer.name.length));
    lines.push('', `${name}: ${parameters.toLocaleString('en')} parameters`);
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
