// From a configuration, as found in a file or built from options, to its model.

import { FileError } from '../core/errors.ts';
import type { Model, NetworkConfig } from './contract.ts';
import { stylegan2 } from './stylegan2.ts';
import { stylegan2Config } from './stylegan2-config.ts';

export function createModel(config: NetworkConfig): Model {
  return stylegan2(config);
}

/** Checks a configuration that came from outside. Throws {@link FileError} naming `source`. */
export function parseConfig(value: unknown, source: string): NetworkConfig {
  const result = stylegan2Config.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new FileError(
    `${source}: network configuration: ${issue.path.join('.') || 'config'}: ${issue.message}`,
  );
}
