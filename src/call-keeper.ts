// Ends calls of make_call that nobody has sent in time. Every role does it: where no dialer runs, nobody else would.
import { expireUnsent } from './calls/make-call.store.ts';
import type { Clock } from './clock.ts';
import type { Db } from './db/schema.ts';
import { type Periodic, startPeriodic } from './periodic.ts';

const EVERY_MS = 5000;

/** Looks now and every `everyMs`. */
export const startCallKeeper = (db: Db, clock: Clock, onError: (error: unknown) => void, everyMs = EVERY_MS): Periodic =>
  startPeriodic(
    everyMs,
    async (isStopping) => {
      while (!isStopping() && (await expireUnsent(db, clock())) > 0);
    },
    onError,
  );
