// The engine in browsers: ONNX Runtime's web package over WebAssembly or WebGPU.

import { DeviceError, OptionError } from '../core/errors.ts';
import { checkDevice } from './check-device.ts';
import { DEVICES, type Engine, type EngineOptions } from './engine.ts';
import { OrtEngine } from './ort-engine.ts';

export interface WebEngineOptions extends EngineOptions {
  /**
   * URL of the folder that serves `onnxruntime-web/dist` (its `.mjs` and `.wasm` files). Needed when a bundler
   * leaves them out; by default they are looked for beside the module that ONNX Runtime's code was loaded from.
   */
  readonly wasmUrl?: string;
}

/** Opens an engine. Throws {@link DeviceError} when the browser does not have the device. */
export async function openEngine(options: WebEngineOptions = {}): Promise<Engine> {
  const { device: asked = 'auto', threads, wasmUrl } = options;
  if (!DEVICES.includes(asked)) {
    throw new OptionError(`device: got ${asked}, expected one of ${DEVICES.join(', ')}`);
  }
  if (asked === 'cuda') throw new DeviceError('device cuda: not available in a browser; use webgpu or cpu');
  const device = asked === 'auto' ? ((await hasAdapter()) ? 'webgpu' : 'cpu') : asked;
  if (device === 'webgpu' && asked !== 'auto' && !(await hasAdapter())) {
    throw new DeviceError('device webgpu: this browser gives no WebGPU adapter; use cpu');
  }
  // Each variant brings its own WebAssembly: the one with WebGPU is twice as large.
  const ort =
    device === 'webgpu' ? await import('onnxruntime-web/webgpu') : await import('onnxruntime-web/wasm');
  ort.env.logLevel = 'fatal';
  if (wasmUrl !== undefined)
    ort.env.wasm.wasmPaths = new URL(`${wasmUrl}/`.replace(/\/+$/, '/'), location.href).href;
  ort.env.wasm.numThreads = globalThis.crossOriginIsolated ? (threads ?? navigator.hardwareConcurrency) : 1;
  const provider = device === 'webgpu' ? 'webgpu' : 'wasm';
  const engine = new OrtEngine(ort, {
    device,
    target: { provider, block: 0 },
    sessionOptions: { executionProviders: [provider], graphOptimizationLevel: 'all', logSeverityLevel: 3 },
  });
  await checkDevice(engine);
  return engine;
}

async function hasAdapter(): Promise<boolean> {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  return adapter !== null && adapter !== undefined;
}
