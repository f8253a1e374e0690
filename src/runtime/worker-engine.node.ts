// An engine in a worker thread: ONNX Runtime blocks the thread that calls it, and this keeps the caller's free.

import { Worker } from 'node:worker_threads';
import type { Graph } from '../graph/node.ts';
import type { Engine, EngineOptions, Feeds, Session } from './engine.ts';
import {
  type Answer,
  type Answers,
  errorFromWire,
  flattenGraph,
  type Request,
  type RequestKind,
} from './worker-protocol.ts';

interface Pending {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

/** One worker thread and the questions that it has not answered yet. */
class EngineThread {
  private readonly worker = startWorker();
  private readonly pending = new Map<number, Pending>();
  private counter = 0;
  private failure: Error | null = null;

  constructor() {
    this.worker.on('message', (answer: Answer) => this.settle(answer));
    this.worker.on('messageerror', (error) => this.fail(error));
    this.worker.on('error', (error) => this.fail(error));
    this.worker.on('exit', (code) =>
      this.fail(new Error(`the engine's thread ended with exit code ${code}`)),
    );
    // An engine that nobody waits for does not keep the process alive.
    this.worker.unref();
  }

  ask<K extends RequestKind>(
    request: Extract<Request, { kind: K }>,
    transfer: ArrayBuffer[] = [],
  ): Promise<Answers[K]> {
    if (this.failure !== null) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      const id = this.counter++;
      this.worker.postMessage({ ...request, id }, transfer);
      this.pending.set(id, { resolve, reject });
      this.worker.ref();
    });
  }

  private settle(answer: Answer): void {
    const { resolve, reject } = this.pending.get(answer.id)!;
    this.pending.delete(answer.id);
    if (this.pending.size === 0) this.worker.unref();
    if ('error' in answer) reject(errorFromWire(answer.error));
    else resolve(answer.value as never);
  }

  private fail(error: Error): void {
    this.failure ??= error;
    for (const { reject } of this.pending.values()) reject(this.failure);
    this.pending.clear();
  }

  get isRunning(): boolean {
    return this.failure === null;
  }

  /** Ends the thread: what is pending, and all that is asked afterwards, is rejected. */
  async terminate(): Promise<void> {
    this.fail(new Error('the engine is closed'));
    await this.worker.terminate();
  }
}

/**
 * The worker's file beside this one: built, or a source, which needs a loader of its own in the new thread. Flags of
 * the process, which may be about its own input, are not passed on.
 */
function startWorker(): Worker {
  const execArgv: string[] = [];
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./engine-worker.node.js', import.meta.url), { execArgv });
  }
  const loader = import.meta.resolve('tsx/esm/api');
  const entry = new URL('./engine-worker.node.ts', import.meta.url).href;
  const start = `import(${JSON.stringify(loader)}).then(({ register }) => {
    register();
    return import(${JSON.stringify(entry)});
  });`;
  return new Worker(start, { eval: true, execArgv });
}

class WorkerSession implements Session {
  readonly id: number;
  readonly inputs: Session['inputs'];
  readonly outputs: Session['outputs'];
  private readonly thread: EngineThread;

  constructor(thread: EngineThread, { id, inputs, outputs }: Answers['compile']) {
    this.thread = thread;
    this.id = id;
    this.inputs = inputs;
    this.outputs = outputs;
  }

  run(feeds: Feeds): Promise<Record<string, Float32Array>> {
    const copies: Record<string, Float32Array<ArrayBuffer>> = {};
    for (const name of Object.keys(this.inputs)) {
      // A copy of just this array: posting a view would take all of its buffer along.
      if (feeds[name] !== undefined) copies[name] = new Float32Array(feeds[name]);
    }
    const transfer = Object.values(copies).map((copy) => copy.buffer);
    return this.thread.ask({ kind: 'run', session: this.id, feeds: copies }, transfer);
  }
}

class WorkerEngine implements Engine {
  readonly device: Engine['device'];
  readonly target: Engine['target'];
  private readonly thread: EngineThread;
  private readonly sessions = new Map<number, WorkerSession>();

  constructor(thread: EngineThread, { device, target }: Answers['open']) {
    this.thread = thread;
    this.device = device;
    this.target = target;
  }

  async compile(graph: Graph): Promise<Session> {
    const compiled = await this.thread.ask({ kind: 'compile', graph: flattenGraph(graph) });
    const session = this.sessions.get(compiled.id) ?? new WorkerSession(this.thread, compiled);
    this.sessions.set(session.id, session);
    return session;
  }

  async release(session: Session): Promise<void> {
    if (!(session instanceof WorkerSession) || !this.sessions.delete(session.id)) return;
    await this.thread.ask({ kind: 'release', session: session.id });
  }

  async close(): Promise<void> {
    // ONNX Runtime brings the process down when its thread ends in the middle of a run: the answer is waited for.
    if (this.thread.isRunning)
      await this.thread.ask({ kind: 'close' }).finally(() => this.thread.terminate());
  }
}

/**
 * Like `openEngine`, with all the work in a thread of its own. Feeds are copied and stay the caller's. Throws
 * {@link DeviceError} when the device is not available; when the thread crashes, what is pending rejects.
 */
export async function openWorkerEngine(options: EngineOptions = {}): Promise<Engine> {
  const thread = new EngineThread();
  try {
    return new WorkerEngine(thread, await thread.ask({ kind: 'open', options }));
  } catch (error) {
    await thread.terminate();
    throw error;
  }
}
