// Purges what a deleted campaign leaves behind, in the background: one run at a time, woken by deletes.
import { setImmediate } from 'node:timers/promises';
import { purgeDeletedCampaigns } from './campaigns/purge.store.ts';
import type { Db } from './db/schema.ts';

/** The background purge of one process. */
export interface Purger {
  /** There may be work. Returns at once and never throws. */
  wake(): void;
  /** Ends after the batch at hand. */
  stop(): Promise<void>;
}

const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 60_000;

/**
 * Makes a purger. What it cannot do it reports, and tries again by itself after a pause, which grows from failure to failure; or
 * when it is woken. `firstPauseMs`: how long that pause is at first.
 */
export const createPurger = (db: Db, onError: (error: unknown) => void, firstPauseMs = FIRST_PAUSE): Purger => {
  let stopping = false;
  let again = false;
  let running: Promise<void> | undefined;
  let pauseMs = firstPauseMs;
  let alarm: NodeJS.Timeout | undefined;

  // The embedded database answers within the tick: without a pause, nothing else in the process would run for seconds.
  const isStopping = async (): Promise<boolean> => {
    await setImmediate();
    return stopping;
  };

  const run = async (): Promise<void> => {
    try {
      do {
        again = false;
        await purgeDeletedCampaigns(db, isStopping);
      } while (again && !stopping);
      pauseMs = firstPauseMs;
    } catch (error) {
      onError(error);
      if (!stopping) alarm = setTimeout(wake, pauseMs);
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE);
    } finally {
      running = undefined;
    }
  };

  const wake = (): void => {
    again = true;
    if (stopping || running !== undefined) return;
    clearTimeout(alarm);
    running = run();
  };

  return {
    wake,
    async stop() {
      stopping = true;
      clearTimeout(alarm);
      await running;
    },
  };
};
