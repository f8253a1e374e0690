// Ctrl-C: the first asks the running command to stop cleanly, the second stops at once.

const controller = new AbortController();
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 };
/** Programs that run this one, such as npm, pass on the Ctrl-C that the terminal has sent here too. In ms. */
const ECHO = 500;

/** Thrown out of a command that stopped because it was asked to. */
export class Interrupted extends Error {
  override name = 'Interrupted';
  /** What the shell expects of a process ended by this signal. */
  readonly exitCode: number;

  constructor(signal: keyof typeof EXIT_CODES) {
    super(`stopped by ${signal}`);
    this.exitCode = EXIT_CODES[signal];
  }
}

/**
 * Aborts, with an `Interrupted` as its reason, when the user asks the program to stop. Commands check it between
 * pieces of work (`interruption.throwIfAborted()`) or hand it on as an AbortSignal.
 */
export const interruption: AbortSignal = controller.signal;

/** Starts listening; called once by the program. Files still being written are removed on either way out. */
export function listenForInterrupts(): void {
  let first = 0;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      const interrupted = new Interrupted(signal);
      if (controller.signal.aborted) {
        if (performance.now() - first > ECHO) process.exit(interrupted.exitCode);
        return;
      }
      first = performance.now();
      if (signal === 'SIGINT') process.stderr.write('stopping (Ctrl-C again to stop at once)\n');
      controller.abort(interrupted);
    });
  }
}
