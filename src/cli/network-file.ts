// The network that a command is given, by path, address or name, as a file on this machine.

import { interruption } from './interrupt.ts';
import { type Progress, startProgress } from './progress.ts';

/** Downloads it, with progress, where it is not here. Throws FileError and OptionError. */
export async function networkFile(source: string): Promise<string> {
  const { fetchNetwork } = await import('../checkpoints/fetch-network.node.ts');
  const { PERMITTED_USE } = await import('../checkpoints/published-networks.ts');
  let progress: Progress | undefined;
  try {
    return await fetchNetwork(source, {
      signal: interruption,
      onDownload({ address, done, total, network }) {
        if (progress === undefined) {
          console.error(`downloading ${address}`);
          if (network !== null) {
            const { name, address: text } = network.licence;
            console.error(`${network.name}: ${name}, ${PERMITTED_USE}: ${text}`);
          }
          progress = startProgress('download', total && megabytes(total), 'MB', megabytes(done));
        }
        progress.update(megabytes(done));
      },
    });
  } finally {
    progress?.finish();
  }
}

const megabytes = (bytes: number): number => Math.round(bytes / 1e6);
