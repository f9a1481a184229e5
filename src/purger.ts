// Purges what deleted campaigns leave behind, in the background: one run at a time, woken by deletes. A campaign that cannot be purged
// keeps no other from being purged.
import { purgeDeletedCampaigns } from './campaigns/purge.store.ts';
import type { Db } from './db/schema.ts';

/** The background purge of one process. */
export interface Purger {
  /** There may be work. Returns at once and never throws. */
  wake(): void;
  /** Ends after the batch at hand. */
  stop(): Promise<void>;
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

/** Hears of what could not be purged; of which campaign, where it is about one. */
export type OnPurgeError = (error: unknown, campaignId?: number) => void;

/**
 * Makes a purger. What it cannot do it reports, and tries again by itself after a pause, which grows from try to try; or when it is
 * woken. What somebody else holds is no failure, and is tried again alike. `firstPauseMs`: how long that pause is at first.
 */
export const createPurger = (db: Db, onError: OnPurgeError, firstPauseMs = FIRST_PAUSE_MS): Purger => {
  let stopping = false;
  let again = false;
  let running: Promise<void> | undefined;
  let pauseMs = firstPauseMs;
  let alarm: NodeJS.Timeout | undefined;

  // @returns whether nothing is left.
  const purge = async (): Promise<boolean> => {
    try {
      return await purgeDeletedCampaigns(db, () => stopping, onError);
    } catch (error) {
      onError(error);
      return false;
    }
  };

  const run = async (): Promise<void> => {
    let all = true;
    do {
      again = false;
      all = await purge();
    } while (again && !stopping);
    running = undefined;
    if (all) pauseMs = firstPauseMs;
    else if (!stopping) {
      alarm = setTimeout(wake, pauseMs);
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
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
