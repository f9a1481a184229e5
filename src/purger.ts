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

/** Makes a purger. What it cannot do it reports and leaves for the next waking. */
export const createPurger = (db: Db, onError: (error: unknown) => void): Purger => {
  let stopping = false;
  let again = false;
  let running: Promise<void> | undefined;

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
    } catch (error) {
      onError(error);
    } finally {
      running = undefined;
    }
  };

  return {
    wake() {
      again = true;
      if (!stopping) running ??= run();
    },
    async stop() {
      stopping = true;
      await running;
    },
  };
};
