// Takes away what was answered under Idempotency-Keys that have expired, also where nobody sends a key any more: it may hold numbers.
import type { Clock } from './clock.ts';
import type { Db } from './db/schema.ts';
import { forgetExpired } from './idempotency/idempotency.store.ts';

/** Sweeps until it is stopped. */
export interface KeySweeper {
  /** Ends after the statement at hand. */
  stop(): Promise<void>;
}

const EVERY_MS = 600_000;

/** Sweeps now and every `everyMs`. What fails is reported, and tried again the next time. */
export const startKeySweeper = (db: Db, clock: Clock, onError: (error: unknown) => void, everyMs = EVERY_MS): KeySweeper => {
  let stopping = false;
  let sweeping: Promise<void> = Promise.resolve();
  const sweep = async (): Promise<void> => {
    while (!stopping && (await forgetExpired(db, clock())) > 0);
  };
  const begin = (): void => {
    sweeping = sweeping.then(sweep).catch(onError);
  };
  const timer = setInterval(begin, everyMs);
  begin();
  return {
    stop: async () => {
      stopping = true;
      clearInterval(timer);
      await sweeping;
    },
  };
};
