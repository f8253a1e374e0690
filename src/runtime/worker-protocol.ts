// What an engine and its worker thread say to each other: requests, answers, and graphs and errors as plain data.

import { DeviceError, DivergenceError, FileError, OptionError, UserError } from '../core/errors.ts';
import { type Graph, type Node, type Op, topologicalOrder } from '../graph/node.ts';
import type { Engine, EngineOptions, Feeds, Session } from './engine.ts';

export type Request =
  | { readonly kind: 'open'; readonly options: EngineOptions }
  | { readonly kind: 'compile'; readonly graph: FlatGraph }
  | { readonly kind: 'run'; readonly session: number; readonly feeds: Feeds }
  | { readonly kind: 'release'; readonly session: number }
  | { readonly kind: 'close' };

export type RequestKind = Request['kind'];

/** The answer to each kind of request. */
export interface Answers {
  open: Pick<Engine, 'device' | 'target'>;
  compile: { readonly id: number } & Pick<Session, 'inputs' | 'outputs'>;
  run: Record<string, Float32Array>;
  release: null;
  close: null;
}

/** Answers come in any order; `id` is that of the request. */
export type Answer = { readonly id: number } & (
  | { readonly value: Answers[RequestKind] }
  | { readonly error: WireError }
);

/** A graph as a list, inputs before their users. Nested, it would be too deep to post. */
export interface FlatGraph {
  readonly nodes: readonly FlatNode[];
  /** Output names and indices into `nodes`. */
  readonly outputs: Readonly<Record<string, number>>;
}

interface FlatNode {
  readonly op: Op;
  readonly inputs: readonly number[];
  readonly shape: Node['shape'];
}

export function flattenGraph({ outputs }: Graph): FlatGraph {
  const order = topologicalOrder(Object.values(outputs));
  const index = new Map(order.map((node, i) => [node, i]));
  const nodes = order.map(({ op, inputs, shape }) => ({
    op,
    shape,
    inputs: inputs.map((x) => index.get(x)!),
  }));
  return {
    nodes,
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, node]) => [name, index.get(node)!])),
  };
}

export function restoreGraph({ nodes, outputs }: FlatGraph): Graph {
  const restored: Node[] = [];
  for (const { op, inputs, shape } of nodes) {
    restored.push({ op, shape, inputs: inputs.map((i) => restored[i]) });
  }
  return {
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, i]) => [name, restored[i]])),
  };
}

/** An error as plain data: posting the error itself would lose its class. */
export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}

const CLASSES = [UserError, OptionError, FileError, DeviceError, DivergenceError, RangeError];

export function errorToWire(error: unknown): WireError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  return { name: error.name, message: error.message, stack: error.stack };
}

/** An error of the class that it had, if it is one that callers tell apart, with the stack of where it arose. */
export function errorFromWire({ name, message, stack }: WireError): Error {
  const Class = CLASSES.find((candidate) => candidate.name === name) ?? Error;
  const error = new Class(message);
  error.stack = stack;
  return error;
}
