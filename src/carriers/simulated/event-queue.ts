// Events that wait to be fetched. They stay until somebody acknowledges them, so that a reader that dies with some in its
// hands leaves them to the next one. Several readers all get all of them; the first to acknowledge does so for everybody.
import type { CarrierEvent } from '../carrier.ts';

/** A queue of events. */
export interface EventQueue {
  push(event: CarrierEvent): void;
  /** Drops what `after` acknowledges and answers with what is left; waits for something to come when nothing is. */
  fetch(after: string | undefined, waitMs: number, signal: AbortSignal): Promise<{ events: readonly CarrierEvent[]; cursor: string }>;
}

const MOST = 1000;

/** An empty queue. `epoch` tells it from the queue of an earlier process, whose cursors acknowledge nothing here. */
export const createEventQueue = (epoch: string): EventQueue => {
  let waiting: CarrierEvent[] = [];
  let dropped = 0;
  const wakers = new Set<() => void>();

  const acknowledge = (cursor: string | undefined): void => {
    const [from, count] = (cursor ?? '').split('.');
    const acknowledged = Number(count);
    if (from !== epoch || !(acknowledged > dropped)) return;
    waiting = waiting.slice(acknowledged - dropped);
    dropped = acknowledged;
  };

  const arrival = (waitMs: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        wakers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, waitMs);
      signal.addEventListener('abort', wake);
      wakers.add(wake);
    });

  return {
    push: (event) => {
      waiting.push(event);
      for (const wake of [...wakers]) wake();
    },
    fetch: async (after, waitMs, signal) => {
      acknowledge(after);
      if (waiting.length === 0 && waitMs > 0 && !signal.aborted) await arrival(waitMs, signal);
      const events = waiting.slice(0, MOST);
      return { events, cursor: `${epoch}.${dropped + events.length}` };
    },
  };
};
