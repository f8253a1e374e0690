// The engine in Node: ONNX Runtime's native package with the CPU, WebGPU or CUDA provider.

import os from 'node:os';
import * as ort from 'onnxruntime-node';
import { OptionError } from '../core/errors.ts';
import { ModelBuilder, NCHWC } from '../onnx/model.ts';
import type { Target } from '../onnx/target.ts';
import { checkDevice } from './check-device.ts';
import { DEVICES, type Engine, type EngineOptions } from './engine.ts';
import { createOrtSession, OrtEngine } from './ort-engine.ts';

// What goes wrong is thrown and told once, in our words; the native log would tell it before, in its own.
ort.env.logLevel = 'fatal';
const QUIET = { logSeverityLevel: 3 } as const;

/**
 * Channels per block of this machine's blocked layout, found by reordering an image of four channels: the result
 * has a whole block of them. 0 where the CPU has no such kernels.
 */
async function probeBlock(): Promise<number> {
  if (process.arch !== 'x64') return 0;
  const model = new ModelBuilder();
  const x = model.input('x', [1, 4, 1, 1]);
  model.output('y', model.node('ReorderInput', [x], {}, NCHWC), [1, 16, 1, 1]);
  try {
    const session = await createOrtSession(ort, model.build(), { ...QUIET, logSeverityLevel: 4 });
    const { y } = await session.run({ x: new ort.Tensor('float32', new Float32Array(4), [1, 4, 1, 1]) });
    await session.release();
    return y.dims[1] >= 8 ? y.dims[1] : 0;
  } catch {
    return 0;
  }
}

/**
 * Where tensors live between operators. Each session's own arena keeps its peak for good, and four phases have four;
 * plain malloc shares, but by default gives large blocks back to the system each time, and faulting them in again
 * costs a quarter of a training step. Told at start to keep them (the first line of bin/stylegan.js), it is as fast as
 * the arenas in less than half the memory: train-64 takes 0.6 GB instead of 1.5. Memory patterns double the arenas.
 */
function memoryOptions(): { enableCpuMemArena: boolean; enableMemPattern: boolean } {
  const mallocKeepsMemory = Number(process.env.MALLOC_MMAP_THRESHOLD_) >= 2 ** 32;
  return { enableCpuMemArena: !mallocKeepsMemory, enableMemPattern: false };
}

function sessionConfig(device: Engine['device']): Record<string, string> {
  // What a provider cannot do is an error, not a slow detour through the CPU that nobody notices.
  if (device === 'webgpu') return { disable_cpu_ep_fallback: '1' };
  // Each session has threads of its own, which by default wait for more work at full speed for some 50 ms after a
  // run, on the cores that the next phase needs: stopping them makes training steps a third faster.
  return { force_spinning_stop: '1' };
}

/** Opens an engine. Throws DeviceError when the device is not available here. */
export async function openEngine({ device = 'auto', threads }: EngineOptions = {}): Promise<Engine> {
  if (!DEVICES.includes(device)) {
    throw new OptionError(`--device: got ${device}, expected one of ${DEVICES.join(', ')}`);
  }
  const chosen = device === 'auto' ? 'cpu' : device;
  const target: Target = { provider: chosen, block: chosen === 'cpu' ? await probeBlock() : 0 };
  const engine = new OrtEngine(ort, {
    device: chosen,
    target,
    sessionOptions: {
      ...QUIET,
      executionProviders: [chosen],
      // The lowering has done the layout; the engine's own layout passes only help where there are no blocked kernels.
      graphOptimizationLevel: target.block > 0 ? 'basic' : 'all',
      intraOpNumThreads: threads ?? os.availableParallelism(),
      interOpNumThreads: 1,
      ...memoryOptions(),
      extra: { session: sessionConfig(chosen) },
    },
  });
  if (chosen !== 'cpu') await checkDevice(engine);
  return engine;
}
