// Opens WebGPU for tests that need it, or tells why they are skipped.

import { openEngine } from '../src/runtime/engine.node.ts';
import type { Engine } from '../src/runtime/engine.ts';

export interface Webgpu {
  readonly engine: Engine | null;
  /** Empty, or why there is no engine, to follow a test's name. */
  readonly reason: string;
}

export async function openWebgpu(): Promise<Webgpu> {
  try {
    return { engine: await openEngine({ device: 'webgpu' }), reason: '' };
  } catch (error) {
    const reason = `skipped: ${(error as Error).message}`;
    console.log(`WebGPU tests ${reason}`);
    return { engine: null, reason: ` (${reason})` };
  }
}
