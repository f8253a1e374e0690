// Settings of published networks that no model of ours can express are refused, by name.

import { FileError } from '../core/errors.ts';

export type Settings = Readonly<Record<string, unknown>>;

/** Settings of a network and of its parts, looked up by `key` or `part.key`. */
export const nested = (settings: Settings, part: string): Settings => {
  const value = settings[part];
  return typeof value === 'object' && value !== null ? (value as Settings) : {};
};

/**
 * Demands that a setting be absent or `expected`: what our networks have without saying so. Throws {@link FileError}
 * naming `source` and the setting.
 */
export function demand(settings: Settings, key: string, expected: unknown, source: string): void {
  const value = settings[key];
  if (value === undefined || JSON.stringify(value) === JSON.stringify(expected)) return;
  throw new FileError(
    `${source}: got ${key} ${JSON.stringify(value).slice(0, 80)}, expected ${JSON.stringify(expected)}: this network cannot be expressed`,
  );
}

/** A setting that is a number from 1 or None; `otherwise` where it is absent. Throws {@link FileError}. */
export function countOf(
  settings: Settings,
  key: string,
  otherwise: number | null,
  source: string,
): number | null {
  const value = settings[key] === undefined ? otherwise : settings[key];
  if (value === null || (typeof value === 'number' && Number.isInteger(value) && value >= 1)) return value;
  throw new FileError(
    `${source}: got ${key} ${JSON.stringify(value).slice(0, 80)}, expected a number from 1`,
  );
}
