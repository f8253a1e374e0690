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
      graphOptimizationLevel: 'all',
      intraOpNumThreads: threads ?? os.availableParallelism(),
      interOpNumThreads: 1,
      // What a provider cannot do is an error, not a slow detour through the CPU that nobody notices.
      ...(chosen === 'webgpu' ? { extra: { session: { disable_cpu_ep_fallback: '1' } } } : {}),
    },
  });
  if (chosen !== 'cpu') await checkDevice(engine);
  return engine;
}
