// An engine over any of ONNX Runtime's JavaScript packages, which share one interface.

import type { InferenceSession, InferenceSessionFactory, TensorConstructor } from 'onnxruntime-common';
import { type Shape, sizeOf } from '../core/tensor.ts';
import { type Graph, topologicalOrder } from '../graph/node.ts';
import { hashGraph } from '../graph/print.ts';
import { simplify } from '../graph/simplify.ts';
import { lower } from '../onnx/lower.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { Target } from '../onnx/target.ts';
import type { Engine, Feeds, Session } from './engine.ts';

/** The two things that are used of an ONNX Runtime package. */
export interface OrtPackage {
  readonly InferenceSession: InferenceSessionFactory;
  readonly Tensor: TensorConstructor;
}

type Shapes = Readonly<Record<string, Shape>>;

class OrtSession implements Session {
  readonly inputs: Shapes;
  readonly outputs: Shapes;
  private readonly ort: OrtPackage;
  private readonly session: InferenceSession;
  private isReleased = false;

  constructor(ort: OrtPackage, session: InferenceSession, inputs: Shapes, outputs: Shapes) {
    this.ort = ort;
    this.session = session;
    this.inputs = inputs;
    this.outputs = outputs;
  }

  async run(feeds: Feeds): Promise<Record<string, Float32Array>> {
    // The package throws where nobody can catch it.
    if (this.isReleased) throw new Error('the session was released');
    const tensors: Record<string, InstanceType<TensorConstructor>> = {};
    for (const [name, shape] of Object.entries(this.inputs)) {
      const data = feeds[name];
      if (data === undefined || data.length !== sizeOf(shape)) {
        throw new RangeError(`input ${name}: got ${data?.length ?? 'nothing'}, expected [${shape}]`);
      }
      tensors[name] = new this.ort.Tensor('float32', data, shape);
    }
    const results = await this.session.run(tensors);
    const outputs: Record<string, Float32Array> = {};
    for (const name of Object.keys(this.outputs))
      outputs[name] = (await results[name].getData()) as Float32Array;
    return outputs;
  }

  release(): Promise<void> {
    this.isReleased = true;
    return this.session.release();
  }
}

export interface OrtEngineOptions {
  readonly device: Engine['device'];
  readonly target: Target;
  readonly sessionOptions: InferenceSession.SessionOptions;
}

/** Creates a session from a lowered model; weights outside the protobuf are handed over with it. */
export function createOrtSession(
  ort: OrtPackage,
  model: OnnxModel,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  const externalData = model.externalData.map(({ path, data }) => ({ path, data }));
  return ort.InferenceSession.create(model.bytes, { ...options, externalData });
}

interface Compiled {
  readonly graph: Graph;
  readonly session: Promise<OrtSession>;
  /** Callers of `compile` that have not released it. */
  users: number;
}

/** An engine that compiles for one provider and caches sessions by the hash of their simplified graph. */
export class OrtEngine implements Engine {
  readonly device: Engine['device'];
  readonly target: Target;
  private readonly ort: OrtPackage;
  private readonly sessionOptions: InferenceSession.SessionOptions;
  /** By the hash of their structure; those of equal structure differ in constants. */
  private readonly sessions = new Map<string, readonly Compiled[]>();

  constructor(ort: OrtPackage, { device, target, sessionOptions }: OrtEngineOptions) {
    this.ort = ort;
    this.device = device;
    this.target = target;
    this.sessionOptions = sessionOptions;
  }

  compile(graph: Graph): Promise<Session> {
    const simple = simplify(graph);
    const key = hashGraph(simple);
    const alike = this.sessions.get(key) ?? [];
    const known = alike.find((compiled) => sameConstants(compiled.graph, simple));
    if (known !== undefined) {
      known.users++;
      return known.session;
    }
    const compiled: Compiled = { graph: simple, session: this.create(simple), users: 1 };
    this.sessions.set(key, [...alike, compiled]);
    // One graph that does not compile must not keep the others from being released.
    compiled.session.catch(() => this.forget(compiled));
    return compiled.session;
  }

  private forget(compiled: Compiled): void {
    for (const [key, alike] of this.sessions) {
      this.sessions.set(
        key,
        alike.filter((other) => other !== compiled),
      );
    }
  }

  private get all(): Compiled[] {
    return [...this.sessions.values()].flat();
  }

  private async create(graph: Graph): Promise<OrtSession> {
    const model = lower(graph, this.target);
    const inputs: Record<string, Shape> = {};
    for (const node of topologicalOrder(Object.values(graph.outputs))) {
      if (node.op.kind === 'input') inputs[node.op.name] = node.shape;
    }
    const outputs = Object.fromEntries(
      Object.entries(graph.outputs).map(([name, node]) => [name, node.shape]),
    );
    const session = await createOrtSession(this.ort, model, this.sessionOptions);
    return new OrtSession(this.ort, session, inputs, outputs);
  }

  async release(session: Session): Promise<void> {
    for (const compiled of this.all) {
      const known = await compiled.session;
      if (known !== session) continue;
      compiled.users--;
      if (compiled.users > 0) return;
      this.forget(compiled);
      await known.release();
    }
  }

  async close(): Promise<void> {
    const open = this.all;
    this.sessions.clear();
    for (const { session } of open) await (await session).release();
  }
}

/** Float arrays of a graph, in its order. */
function constantsOf(graph: Graph): Float32Array[] {
  return topologicalOrder(Object.values(graph.outputs)).flatMap(({ op }) =>
    op.kind === 'constant' ? [op.data] : op.kind === 'upfirdn' ? [op.taps] : [],
  );
}

/** Whether two graphs of equal structure hold equal numbers, bit by bit. The same arrays are not compared. */
function sameConstants(a: Graph, b: Graph): boolean {
  const [x, y] = [constantsOf(a), constantsOf(b)];
  return x.every((data, i) => data === y[i] || sameBits(data, y[i]));
}

function sameBits(a: Float32Array, b: Float32Array): boolean {
  const [x, y] = [a, b].map((data) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return x.length === y.length && x.every((byte, i) => byte === y[i]);
}
