// Finds out whether a device works before anything depends on it.

import { DeviceError } from '../core/errors.ts';
import { input, mul } from '../graph/build.ts';
import type { Engine } from './engine.ts';

/**
 * A device counts as available once it has run a graph. Throws {@link DeviceError}. The session stays open, since a
 * GPU device lives, with all the shaders compiled for it, only as long as a session does.
 */
export async function checkDevice(engine: Engine): Promise<void> {
  try {
    const x = input('x', [2]);
    const session = await engine.compile({ outputs: { y: mul(x, x) } });
    const { y } = await session.run({ x: Float32Array.of(2, 3) });
    if (y[0] !== 4 || y[1] !== 9) throw new Error(`wrong result ${y}`);
  } catch (error) {
    const [line] = String(error instanceof Error ? error.message : error).split('\n');
    // A failed assertion of the native code names its file and condition first.
    const reason = line.replace(/^.* was false\. /, '');
    throw new DeviceError(`--device ${engine.device}: not available here (${reason}); use --device cpu`);
  }
}
