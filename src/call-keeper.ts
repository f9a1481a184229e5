// Ends calls of make_call that nobody has sent in time. Every role does it: where no dialer runs, nobody else would.
import { expireUnsent } from './calls/make-call.store.ts';
import type { Clock } from './clock.ts';
import type { Db } from './db/schema.ts';

/** Looks after unsent calls until it is stopped. */
export interface CallKeeper {
  /** Ends after the batch at hand. */
  stop(): Promise<void>;
}

const EVERY_MS = 5000;

/** Looks now and every `everyMs`. What fails is reported, and tried again the next time. */
export const startCallKeeper = (db: Db, clock: Clock, onError: (error: unknown) => void, everyMs = EVERY_MS): CallKeeper => {
  let stopping = false;
  let keeping: Promise<void> | undefined;
  const expireAll = async (): Promise<void> => {
    while (!stopping && (await expireUnsent(db, clock())) > 0);
  };
  // A look that takes long is not joined by others.
  const begin = (): void => {
    keeping ??= expireAll()
      .catch(onError)
      .finally(() => {
        keeping = undefined;
      });
  };
  const timer = setInterval(begin, everyMs);
  begin();
  return {
    stop: async () => {
      stopping = true;
      clearInterval(timer);
      await keeping;
    },
  };
};
