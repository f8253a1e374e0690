// `stylegan info`: what a checkpoint holds, read from its header alone.

import { Command } from 'commander';
import { readSafetensorsHeader, safetensorsDataStart } from '../checkpoints/safetensors.ts';
import { readFileStart } from '../core/files.node.ts';
import { sizeOf } from '../core/tensor.ts';

interface Layer {
  readonly name: string;
  readonly parameters: number;
  readonly tensors: { readonly name: string; readonly dtype: string; readonly shape: readonly number[] }[];
}

interface Info {
  readonly file: string;
  readonly bytes: number;
  readonly metadata: Record<string, unknown>;
  readonly parameters: number;
  readonly layers: readonly Layer[];
}

export function infoCommand(): Command {
  return new Command('info')
    .description('show what a checkpoint holds: options, layers, parameters')
    .argument('<file>', 'checkpoint (.safetensors)')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  stylegan info network.safetensors
  stylegan info network.safetensors --json > network.json`,
    )
    .action(async (file: string, options: { json?: boolean }) => {
      const info = await readInfo(file);
      console.log(options.json ? JSON.stringify(info, null, 2) : formatInfo(info));
    });
}

async function readInfo(file: string): Promise<Info> {
  const prefix = await readFileStart(file, 8);
  const dataStart = safetensorsDataStart(prefix.bytes, prefix.fileBytes, file);
  const { bytes, fileBytes } = await readFileStart(file, dataStart);
  const { entries, metadata } = readSafetensorsHeader(bytes, fileBytes, file);
  const layers = new Map<string, { name: string; parameters: number; tensors: Layer['tensors'] }>();
  for (const [name, { storedAs, shape }] of [...entries].sort(byName)) {
    const layerName = name.slice(0, Math.max(0, name.lastIndexOf('.')));
    const layer = layers.get(layerName) ?? { name: layerName, parameters: 0, tensors: [] };
    layers.set(layerName, layer);
    layer.parameters += sizeOf(shape);
    layer.tensors.push({ name: name.slice(layerName.length).replace(/^\./, ''), dtype: storedAs, shape });
  }
  return {
    file,
    bytes: fileBytes,
    metadata: Object.fromEntries(Object.entries(metadata).map(([key, text]) => [key, parsed(text)])),
    parameters: [...layers.values()].reduce((sum, layer) => sum + layer.parameters, 0),
    layers: [...layers.values()],
  };
}

/** Layers in the order of their resolution: b8 before b16. */
function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

/** Metadata values are text; those that hold JSON are shown as what they hold. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function formatInfo(info: Info): string {
  const lines = [`${info.file}: ${(info.bytes / 2 ** 20).toFixed(1)} MiB`];
  for (const [key, value] of Object.entries(info.metadata)) {
    lines.push(`${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  }
  const width = Math.max(...info.layers.map(({ name }) => name.length), 'total'.length);
  lines.push('', `${'layer'.padEnd(width)}  ${'parameters'.padStart(12)}  tensors`);
  for (const { name, parameters, tensors } of info.layers) {
    const shapes = tensors.map((tensor) => `${tensor.name} [${tensor.shape.join(', ')}]`).join(', ');
    lines.push(`${name.padEnd(width)}  ${grouped(parameters)}  ${shapes}`);
  }
  lines.push(`${'total'.padEnd(width)}  ${grouped(info.parameters)}`);
  // File names and keys come from the file: no control character may reach the terminal.
  return lines.join('\n').replace(/[^\P{Cc}\n]/gu, '?');
}

function grouped(count: number): string {
  return count.toLocaleString('en').padStart(12);
}
