// Takes away what was answered under Idempotency-Keys that have expired, also where nobody sends a key any more: it may hold numbers.
import type { Clock } from './clock.ts';
import type { Db } from './db/schema.ts';
import { forgetExpired } from './idempotency/idempotency.store.ts';
import { type Periodic, startPeriodic } from './periodic.ts';

const EVERY_MS = 600_000;

/** Sweeps now and every `everyMs`. */
export const startKeySweeper = (db: Db, clock: Clock, onError: (error: unknown) => void, everyMs = EVERY_MS): Periodic =>
  startPeriodic(
    everyMs,
    async (isStopping) => {
      while (!isStopping() && (await forgetExpired(db, clock())) > 0);
    },
    onError,
  );
