// `stylegan networks`: published networks by name.

import { stat } from 'node:fs/promises';
import { Command } from 'commander';
import { cacheFolder, cachePath } from '../checkpoints/fetch-network.node.ts';
import {
  PERMITTED_USE,
  PUBLISHED_NETWORKS,
  type PublishedNetwork,
} from '../checkpoints/published-networks.ts';

interface Listed extends PublishedNetwork {
  /** Path in the cache; null where it has not been downloaded. */
  readonly file: string | null;
}

export function networksCommand(): Command {
  return new Command('networks')
    .description('list published networks, which --network takes by name')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Wherever a command takes --network, it takes a path, an address (https://…, or https://…#sha256=HEX to have the file
checked), or one of these names. What is downloaded is kept, and used again without asking the server; deleting the
file has it downloaded anew. Sizes that are not known for certain are told as unknown.

Examples:
  stylegan networks --json
  stylegan generate --network afhqcat --seeds 0-7 --trunc 0.7`,
    )
    .action(async (options: { json?: boolean }) => {
      const networks = await Promise.all(PUBLISHED_NETWORKS.map(withFile));
      console.log(options.json ? JSON.stringify(networks, null, 2) : format(networks));
    });
}

async function withFile(network: PublishedNetwork): Promise<Listed> {
  const path = cachePath(network.address);
  const isHere = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
  return { ...network, file: isHere ? path : null };
}

/** A block for each licence, in which each network has a line for itself and one for its address. */
function format(networks: readonly Listed[]): string {
  const width = Math.max(...networks.map(({ name }) => name.length));
  const lines: string[] = [];
  for (const licence of new Set(networks.map((network) => network.licence))) {
    lines.push(`${licence.name}, ${PERMITTED_USE}: ${licence.address}`);
    for (const network of networks.filter((candidate) => candidate.licence === licence)) {
      const { name, resolution, megabytes, shows, family, address, file } = network;
      const side = `${resolution}x${resolution}`.padEnd(9);
      const size = (megabytes === null ? 'size unknown' : `${megabytes} MB`).padEnd(12);
      const here = file === null ? '' : ', downloaded';
      lines.push(`  ${name.padEnd(width)}  ${side}  ${size}  ${shows}, ${family}${here}`, `    ${address}`);
    }
    lines.push('');
  }
  lines.push(`Downloads are kept in ${cacheFolder()} (STYLEGAN_CACHE_DIR changes that).`);
  return lines.join('\n');
}
