// What runs in a process beside each other, and how it ends: all parts at once, the database after them, within one deadline.
import type { Logger } from 'pino';

/** Something that runs until the process stops. */
export interface Part {
  /**
   * Takes on nothing more from the instant of this call, before anything is awaited, and finishes what it has.
   * `leftMs`: milliseconds that it has for that. Whatever takes longer is left behind.
   */
  stop(leftMs: number): Promise<unknown>;
}

/** The parts of a process. */
export interface Parts {
  /** Adds a part that was started, and gives it back. Those added last are stopped first. */
  add<Added extends Part>(name: string, part: Added): Added;
  /**
   * Stops all of them, and then the database, in bounded time. Never rejects.
   * @returns the names of those that failed to end, or had not ended when the time was up: none after an orderly stop.
   */
  stop(): Promise<readonly string[]>;
}

/** From the signal to the end of the process: service managers kill after ten seconds, or somewhat more. */
export const STOP_MS = 10_000;
/** What of that is left for the database, whatever the others take. */
const DATABASE_MS = 1500;

const within = async (work: Promise<unknown>, ms: number): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const isOver = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, isOver]);
  clearTimeout(timer);
};

/** The parts that work on a database. It is the last to be stopped. */
export const createParts = (log: Logger, database: Part, stopMs = STOP_MS): Parts => {
  const parts: [name: string, part: Part][] = [];

  const stop = async (): Promise<readonly string[]> => {
    const began = performance.now();
    const left = (byMs: number): number => Math.max(0, byMs - (performance.now() - began));
    const unfinished = new Set<string>();
    const end = async (name: string, part: Part, byMs: number): Promise<void> => {
      unfinished.add(name);
      try {
        await part.stop(left(byMs));
        unfinished.delete(name);
      } catch (error) {
        log.error({ err: error, part: name }, 'a part of the server failed to stop');
      }
    };
    const workMs = Math.max(0, stopMs - DATABASE_MS);
    const working = Promise.all(parts.toReversed().map(([name, part]) => end(name, part, workMs)));
    await within(working, left(workMs));
    await within(Promise.all([working, end('database', database, stopMs)]), left(stopMs));
    if (unfinished.size > 0) log.error({ parts: [...unfinished] }, 'the stop does not wait any longer for these parts');
    return [...unfinished];
  };

  return {
    add: (name, part) => {
      parts.push([name, part]);
      return part;
    },
    stop,
  };
};
