// Removes in the background what was kept as long as its account says: calls, leads, decisions, changes, reports, webhooks and imports.
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Clock } from './clock.ts';
import type { Db } from './db/schema.ts';
import { type Periodic, startPeriodic } from './periodic.ts';
import { addRemoved, countRemoved, cutoffsOf, daysBefore, type RemovedRows, SHORT_RETENTION_DAYS } from './retention/retention.ts';
import { listKeepingAccounts, sweepAccount, sweepReports } from './retention/sweep.store.ts';

export interface RetentionOptions {
  /** Time between two sweeps. */
  everyMs?: number;
  /** Time between two steps that have removed something: others use the database, too. */
  pauseMs?: number;
}

const EVERY_MS = 3_600_000;
const PAUSE_MS = 20;

/** What a sweep has removed so far, by account. */
type Tally = Map<number, RemovedRows>;

const addTo = (tally: Tally, accountId: number, removed: RemovedRows): void => {
  if (countRemoved(removed) > 0) tally.set(accountId, addRemoved(tally.get(accountId) ?? {}, removed));
};

/**
 * Sweeps now and every `everyMs`. What a sweep has removed is one line of the log: rows by account and table. What fails is reported,
 * keeps no other account from being swept, and is tried again the next time.
 */
export const startRetentionSweeper = (
  db: Db,
  clock: Clock,
  log: Pick<Logger, 'info' | 'error'>,
  { everyMs = EVERY_MS, pauseMs = PAUSE_MS }: RetentionOptions = {},
): Periodic => {
  const fail = (error: unknown, accountId?: number): void =>
    log.error({ err: error, accountId }, 'removing what was kept long enough failed; it is tried again');

  const sweepAll = async (tally: Tally, isStopping: () => boolean): Promise<void> => {
    const goOn = async (rows: number): Promise<boolean> => {
      if (rows > 0 && !isStopping()) await pause(pauseMs);
      return !isStopping();
    };
    await sweepReports(db, daysBefore(clock(), SHORT_RETENTION_DAYS), (accountIds) => {
      for (const accountId of accountIds) addTo(tally, accountId, { carrier_events: 1 });
      return goOn(accountIds.length);
    }).catch((error: unknown) => fail(error));
    for (const { id, retention_months } of await listKeepingAccounts(db)) {
      if (isStopping()) return;
      await sweepAccount(db, id, cutoffsOf(retention_months, clock()), (removed) => {
        addTo(tally, id, removed);
        return goOn(countRemoved(removed));
      }).catch((error: unknown) => fail(error, id));
    }
  };

  const sweep = async (isStopping: () => boolean): Promise<void> => {
    const tally: Tally = new Map();
    await sweepAll(tally, isStopping).catch((error: unknown) => fail(error));
    if (tally.size > 0) log.info({ removed: Object.fromEntries(tally) }, 'removed what was kept long enough');
  };

  return startPeriodic(everyMs, sweep, fail);
};
