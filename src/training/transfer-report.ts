// What became of a transfer's tensors, in words: a few lines for the terminal, all of them for the run folder.

import { createModel } from '../models/registry.ts';
import { frozenParameters } from './freeze.ts';
import { flagsOf, form } from './network-form.ts';
import { layerKey, type PartTransfer, type Transfer } from './transfer.ts';

/** Names in one line of the summary. */
const MOST = 6;

/**
 * Counts, and what is not taken, at most `most` names a network, folded to the largest parts that are not taken as a
 * whole.
 */
export function summaryOf(transfer: Transfer, freezed: number, most = MOST): string[] {
  const { config, own, parts } = transfer;
  const flags = flagsOf(config, own);
  return [
    `starting from ${sourceOf(transfer)}`,
    ...(config.model === own.model ? [] : [`  it is a ${config.model}, this run a ${own.model}`]),
    ...countsOf(parts, (names, all) => folded(names, all, most)).map((line) => `  ${line}`),
    ...(flags === '' ? [] : [`  more can be taken with the source's ${flags}`]),
    ...frozenUntrained(transfer, freezed).map((warning) => `  ${warning}`),
  ];
}

/** A warning where frozen layers did not come from the source, or a growing source has not come to train them. */
function frozenUntrained({ own, config, lod, parts }: Transfer, freezed: number): string[] {
  const { initialised } = parts.find(({ part }) => part === 'D')!;
  const fresh = new Set(initialised.map(({ name }) => name));
  const grown = config.imgResolution / 2 ** Math.floor(lod);
  // Keys of the layers that grow begin with their resolution: 16x16.Conv0.weight, FromRGB_16.weight.
  const resolutionOf = (name: string) =>
    Number(/^(?:FromRGB_)?(\d+)/.exec(layerKey(name, 'D', own))?.[1] ?? 0);
  const frozen = frozenParameters(createModel(own).discriminator, freezed);
  const names = [...frozen].filter((name) => fresh.has(name) || (lod > 0 && resolutionOf(name) > grown));
  if (names.length === 0) return [];
  return [`warning: --freezed ${freezed} keeps layers that are not trained: ${names.join(', ')}`];
}

/** Every tensor and what became of it. */
export function reportOf(transfer: Transfer): string {
  const lines = [`source: ${sourceOf(transfer)}`, `this run: ${form(transfer.own)}`];
  for (const part of transfer.parts) {
    lines.push('', ...countsOf([part]));
    for (const [name, { shape }] of part.taken) lines.push(`  taken    ${name} [${shape}]`);
    for (const { name, shape } of part.initialised) lines.push(`  new      ${name} [${shape}]`);
    for (const { name, shape, expected } of part.skipped) {
      const reason = expected === null ? 'not in this run' : `[${expected}] in this run`;
      lines.push(`  skipped  ${name} [${shape}]: ${reason}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function sourceOf({ source, config, kimg, lod }: Transfer): string {
  const r = config.imgResolution / 2 ** Math.floor(lod);
  return [
    `${source}: ${form(config)}`,
    ...(kimg === null ? [] : [`${kimg} kimg`]),
    ...(lod > 0 ? [`grown to ${r}x${r}`] : []),
  ].join(', ');
}

/** `names` out of `all`, in parentheses. */
type List = (names: readonly string[], all: readonly string[]) => string;

/** "D: 40 tensors taken, 4 new (b64), 2 skipped (b32.fromrgb)", with networks that fare alike in one line. */
function countsOf(parts: readonly PartTransfer[], list: List = () => ''): string[] {
  const lines = new Map<string, string[]>();
  for (const { part, from, taken, skipped, initialised } of parts) {
    const fresh = initialised.map(({ name }) => name);
    const left = skipped.map(({ name }) => name);
    const origin = from === null ? ' (none in the source)' : from === part ? '' : ` (from ${from})`;
    const text = [
      `${origin}: ${taken.size} tensors taken`,
      `${fresh.length} new${list(fresh, [...taken.keys(), ...fresh])}`,
      `${left.length} skipped${list(left, [...taken.keys(), ...left])}`,
    ].join(', ');
    lines.set(text, [...(lines.get(text) ?? []), part]);
  }
  return [...lines].map(([text, names]) => `${names.join(', ')}${text}`);
}

/** Names by their shortest dotted prefixes under which `all` has no other: synthesis.b64 for all that lies in it. */
function folded(names: readonly string[], all: readonly string[], most: number): string {
  if (names.length === 0 || names.length === all.length) return '';
  const chosen = new Set(names);
  const others = all.filter((name) => !chosen.has(name));
  const shortest = (name: string): string => {
    const words = name.split('.');
    const prefixes = words.map((_, i) => words.slice(0, i + 1).join('.'));
    return prefixes.find((prefix) => !others.some((other) => other.startsWith(`${prefix}.`))) ?? name;
  };
  const parts = [...new Set(names.map(shortest))];
  const rest = parts.length > most ? [`${parts.length - most} more`] : [];
  return ` (${[...parts.slice(0, most), ...rest].join(', ')})`;
}
