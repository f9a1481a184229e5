// Looks every few seconds whether a campaign is in progress and nobody claims for it; then it says so: in the log, by a number, and in the
// campaign's history. It ends by itself when a dialer comes.
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/schema.ts';
import { lookAtDue, readSigns, tellUnclaimed } from './due-campaigns.store.ts';
import { createBounded, withTimeLimit } from './time-limit.ts';
import { DIALER_SILENCE_MS, findNotClaimed, findOverdue, findWithoutDialer, type Unclaimed } from './unclaimed.ts';

/** How many campaigns nobody claims for, by reason. */
export type UnclaimedCounts = Record<Unclaimed['reason'], number>;

/** The watch of a process. */
export interface Watch {
  /** Looks now, and says what it has to. Never throws. */
  look(): Promise<void>;
  /** Looks from time to time from now on. */
  start(): void;
  /** What the last look has seen. */
  counts(): UnclaimedCounts;
  stop(): Promise<void>;
}

export interface WatchDeps {
  db: Db;
  clock: Clock;
  log: Logger;
  onCounts?: ((counts: UnclaimedCounts) => void) | undefined;
  /** Milliseconds until the first look: by then a dialer that started at the same time must have shown itself. */
  firstLookMs?: number | undefined;
}

const LOOK_EVERY_MS = 10_000;
const LOOK_LIMIT_MS = 8000;
/** While nothing changes, the log is told again after this long. */
const LOG_AGAIN_MS = 600_000;
/** Campaigns that a line of the log names, and whose histories one look writes. */
const MOST_NAMED = 20;
const MOST_TOLD = 200;
const STOP_WAIT_MS = 1000;

const countByReason = (unclaimed: readonly Unclaimed[]): UnclaimedCounts => ({
  no_dialer: unclaimed.filter(({ reason }) => reason === 'no_dialer').length,
  not_claimed: unclaimed.filter(({ reason }) => reason === 'not_claimed').length,
});

const MESSAGES = {
  no_dialer: 'campaigns are in progress and nobody calls: no dialer works',
  not_claimed: 'campaigns are in progress and no dialer claims for them',
} as const;

/** Says each reason when it begins, from time to time while it lasts, and when it is over. */
const createTelling = (log: Logger) => {
  const toldAt = new Map<Unclaimed['reason'], number>();
  return (unclaimed: readonly Unclaimed[]): void => {
    for (const reason of ['no_dialer', 'not_claimed'] as const) {
      const ids = unclaimed.filter((one) => one.reason === reason).map(({ campaign }) => campaign.id);
      const last = toldAt.get(reason);
      if (ids.length === 0) {
        if (last !== undefined) log.info({ reason }, 'campaigns are claimed for again');
        toldAt.delete(reason);
      } else if (last === undefined || performance.now() - last >= LOG_AGAIN_MS) {
        log.warn({ reason, campaigns: ids.length, campaignIds: ids.slice(0, MOST_NAMED) }, MESSAGES[reason]);
        toldAt.set(reason, performance.now());
      }
    }
  };
};

/** Makes a watch. Several may run on one database. */
export const createWatch = ({ db, clock, log, onCounts, firstLookMs = DIALER_SILENCE_MS }: WatchDeps): Watch => {
  let counts: UnclaimedCounts = { no_dialer: 0, not_claimed: 0 };
  let overdueBefore = new Set<number>();
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  let stopped = false;
  const tellLog = createTelling(log);

  const find = async (now: Date): Promise<Unclaimed[]> => {
    const { campaigns, dialers } = await lookAtDue(db, new Date(now.getTime() - DIALER_SILENCE_MS), now);
    const overdue = findOverdue(campaigns, dialers, now);
    // In two looks: a line that has become free, or a pause that is over, gives a dialer something to do in this very second.
    const again = overdue.filter(({ id }) => overdueBefore.has(id));
    overdueBefore = new Set(overdue.map(({ id }) => id));
    const signs = await readSigns(
      db,
      again.map(({ id }) => id),
    );
    return [...findWithoutDialer(campaigns, dialers, now), ...findNotClaimed(again, signs, now)];
  };

  const lookOnce = async (): Promise<void> => {
    const now = clock();
    const unclaimed = await find(now);
    counts = countByReason(unclaimed);
    onCounts?.(counts);
    tellLog(unclaimed);
    for (const one of unclaimed.slice(0, MOST_TOLD)) if (!stopped) await tellUnclaimed(db, one, now);
  };

  // If one hangs with its connection, the next goes over another.
  const bounded = createBounded(2, lookOnce);
  const look = async (): Promise<void> => {
    try {
      await withTimeLimit(LOOK_LIMIT_MS, bounded);
    } catch (error) {
      log.error({ err: error }, 'nobody could look whether campaigns are claimed for; it is tried again');
    }
  };

  const lookLater = (ms: number): void => {
    timer = setTimeout(() => {
      looking = look().finally(() => {
        if (!stopped) lookLater(LOOK_EVERY_MS);
      });
    }, ms);
  };

  return {
    look,
    start: () => lookLater(firstLookMs),
    counts: () => counts,
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await withTimeLimit(STOP_WAIT_MS, () => looking).catch(() => {});
    },
  };
};
