// The worker thread of an engine: opens it, and does what the thread that started it asks for.

import { parentPort } from 'node:worker_threads';
import { openEngine } from './engine.node.ts';
import type { Engine, Session } from './engine.ts';
import { type Answer, type Answers, errorToWire, type Request, restoreGraph } from './worker-protocol.ts';

const port = parentPort!;
const sessions = new Map<number, Session>();
let sessionCounter = 0;
let engine: Engine;

/** The session's number: equal graphs share a session, and so its number. */
function numberOf(session: Session): number {
  for (const [id, known] of sessions) if (known === session) return id;
  const id = sessionCounter++;
  sessions.set(id, session);
  return id;
}

function sessionOf(id: number): Session {
  const session = sessions.get(id);
  if (session === undefined) throw new Error('the session was released');
  return session;
}

async function answer(request: Request): Promise<Answers[Request['kind']]> {
  switch (request.kind) {
    case 'open': {
      engine = await openEngine(request.options);
      return { device: engine.device, target: engine.target };
    }
    case 'compile': {
      const session = await engine.compile(restoreGraph(request.graph));
      return { id: numberOf(session), inputs: session.inputs, outputs: session.outputs };
    }
    case 'run':
      return sessionOf(request.session).run(request.feeds);
    case 'release':
      await engine.release(sessionOf(request.session));
      sessions.delete(request.session);
      return null;
    case 'close':
      await engine.close();
      return null;
  }
}

async function handle({ id, ...request }: Request & { id: number }): Promise<void> {
  try {
    const value = await answer(request as Request);
    const results = request.kind === 'run' ? Object.values(value as Answers['run']) : [];
    const buffers = new Set(results.map((data) => data.buffer as ArrayBuffer));
    port.postMessage({ id, value } satisfies Answer, [...buffers]);
  } catch (error) {
    port.postMessage({ id, error: errorToWire(error) } satisfies Answer);
  }
}

// One after the other, in the order asked: a session must not be released while it runs.
let previous = Promise.resolve();
port.on('message', (request: Request & { id: number }) => {
  previous = previous.then(() => handle(request));
});
