// What the rest of the project sees of an execution engine: graphs go in, sessions with named tensors come out.

import type { Shape } from '../core/tensor.ts';
import type { Graph } from '../graph/node.ts';
import type { Target } from '../onnx/target.ts';

/**
 * Where to run; in a browser, `cpu` is WebAssembly. `auto` is the fastest that is known to work: the CPU in Node, and
 * in a browser WebGPU where there is an adapter, else WebAssembly.
 */
export type Device = 'auto' | 'cpu' | 'webgpu' | 'cuda';
export const DEVICES: readonly Device[] = ['auto', 'cpu', 'webgpu', 'cuda'];

/** Named float32 arrays, row-major, of the shapes that the graph declares. */
export type Feeds = Readonly<Record<string, Float32Array>>;

/** A compiled graph. */
export interface Session {
  /** Names and shapes of the inputs that the compiled graph still reads. */
  readonly inputs: Readonly<Record<string, Shape>>;
  readonly outputs: Readonly<Record<string, Shape>>;
  /** Feeds may hold more than the session reads. Throws when one is missing or of the wrong length. */
  run(feeds: Feeds): Promise<Record<string, Float32Array>>;
}

/** Compiles graphs for one device. Equal graphs (by hash) share one session. */
export interface Engine {
  readonly device: Exclude<Device, 'auto'>;
  readonly target: Target;
  /** Simplifies, lowers and compiles. The session lives until {@link Engine.close} or {@link Engine.release}. */
  compile(graph: Graph): Promise<Session>;
  /** Ends one use of a session; it is freed with the last of those that `compile` gave it to. */
  release(session: Session): Promise<void>;
  /** Frees all sessions. */
  close(): Promise<void>;
}

export interface EngineOptions {
  readonly device?: Device;
  /** CPU threads; by default one for each core. Browsers allow more than one to cross-origin isolated pages only. */
  readonly threads?: number;
}
