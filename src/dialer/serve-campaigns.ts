// Asks for the calls of every campaign that has somebody due: fair within an account, several accounts side by side, and
// without asking again for what has not changed, since thousands may run.
import type { Logger } from 'pino';
import { isLockTimeout } from '../db/limits.ts';
import type { Scheduler } from '../scheduler.ts';
import type { ClaimResult, ClaimTerms, Ledger, RefusalReason, Reservation, RunningCampaign } from './ledger.ts';

export interface ServeDeps {
  ledger: Ledger;
  schedule: Scheduler;
  terms: ClaimTerms;
  /** Takes what was reserved, and does not keep others waiting. */
  send: (reservations: readonly Reservation[]) => void;
  log: Logger;
}

/** Why a campaign is not asked: until then, or as long as its lines are full; unless it was changed since. */
interface Hold {
  version: string;
  /** A clock that was set back ends it. */
  since: Date;
  until: Date | undefined;
  full: boolean;
  /** When time will help it; undefined: time alone will not, so nobody need wake for it. */
  again: Date | undefined;
}

/** Claims of different accounts wait for each other nowhere; more at once would only take connections from the others. */
const ACCOUNTS_AT_ONCE = 4;
/** Milliseconds after which a campaign is asked again that is refused until something changes: that may have been missed. */
const LOOK_AGAIN = 1000;
/** The same where nothing was refused, and yet nobody could be reserved: somebody else had them in hand. */
const TRY_AGAIN = 250;
/** Milliseconds after which a campaign is asked again that waits for another transaction's lock, the longer the more often. */
const LOCKED_AGAIN = { first: 50, longest: 1000 };
/** Milliseconds for which a lock is somebody's ordinary work; after it, and every so often, the log says that the campaign waits. */
const LOCKED_LONG = 3000;
const TELL_LOCKED_EVERY = 30_000;
/** Milliseconds after which a round ends although some have not been asked: leases and other accounts' calls wait for its end. */
const LONGEST_ROUND = 500;

const LINES_FULL: readonly (RefusalReason | undefined)[] = ['campaign_lines_full', 'account_lines_full'];

// The one after the last comes first now.
const startAfter = <Item>(items: readonly Item[], isLast: (item: Item) => boolean): readonly Item[] => {
  const last = items.findIndex(isLast);
  return [...items.slice(last + 1), ...items.slice(0, last + 1)];
};

const byAccount = (running: readonly RunningCampaign[]): RunningCampaign[][] => {
  const accounts = new Map<number, RunningCampaign[]>();
  for (const campaign of running) {
    const own = accounts.get(campaign.accountId);
    if (own === undefined) accounts.set(campaign.accountId, [campaign]);
    else own.push(campaign);
  }
  return [...accounts.values()];
};

const earlier = (at: Date, limit: Date): Date => (at < limit ? at : limit);

const holdFor = ({ version }: RunningCampaign, { reserved, refused, again }: ClaimResult, now: Date): Hold | undefined => {
  const hold = { version, since: now, full: LINES_FULL.includes(refused), again };
  if (hold.full) return { ...hold, until: undefined };
  if (refused !== undefined) return { ...hold, until: again ?? new Date(now.getTime() + LOOK_AGAIN) };
  if (reserved.length > 0 || again === undefined) return undefined;
  // Only a refusal holds for longer: whoever comes meanwhile may be due at any moment.
  const until = earlier(again, new Date(now.getTime() + TRY_AGAIN));
  return { ...hold, until, again: until };
};

interface Round {
  /** Remembers an instant at which somebody is to be asked. */
  tell(at: Date | null | undefined): void;
  /** The earliest of those. */
  soonest(): Date | undefined;
  /** Whether nobody is to be asked any more; then it goes on in the next round, where whoever was refused in this one waits. */
  isOver(): boolean;
}

const startRound = ({ now }: Scheduler, stopped: () => boolean): Round => {
  const ends = new Date(now().getTime() + LONGEST_ROUND);
  let soonest: Date | undefined;
  const tell = (at: Date | null | undefined): void => {
    if (at && (soonest === undefined || at < soonest)) soonest = at;
  };
  const isOver = (): boolean => {
    if (now() < ends && !stopped()) return false;
    tell(now());
    return true;
  };
  return { tell, soonest: () => soonest, isOver };
};

/** Campaigns that wait for a lock which another transaction has: on the account, the campaign, or something that it calls with. */
const createLocked = (log: Logger) => {
  const waits = new Map<number, { since: Date; pauseMs: number; toldAt: Date | undefined }>();
  return {
    againAt: ({ id, accountId }: RunningCampaign, now: Date): Date => {
      const { since, pauseMs, toldAt } = waits.get(id) ?? { since: now, pauseMs: LOCKED_AGAIN.first, toldAt: undefined };
      const waited = now.getTime() - since.getTime();
      const isTold = waited >= LOCKED_LONG && (toldAt === undefined || now.getTime() - toldAt.getTime() >= TELL_LOCKED_EVERY);
      if (isTold)
        log.warn(
          { campaignId: id, accountId, waitedMs: waited },
          'a campaign calls nobody, since another transaction holds a lock that it needs',
        );
      waits.set(id, { since, pauseMs: Math.min(LOCKED_AGAIN.longest, 2 * pauseMs), toldAt: isTold ? now : toldAt });
      return new Date(now.getTime() + pauseMs);
    },
    forget: (id: number): void => void waits.delete(id),
    keep: (ids: ReadonlySet<number>): void => {
      for (const id of waits.keys()) if (!ids.has(id)) waits.delete(id);
    },
  };
};

/** A function that serves all running campaigns once. @returns when to look again, if it is known. */
export const createServing = ({ ledger, schedule, terms, send, log }: ServeDeps) => {
  let holds = new Map<number, Hold>();
  /** Of each account the campaign that took lines last, so that none lives on the lines of all. */
  const servedLast = new Map<number, number>();
  let accountServedLast = 0;
  const locked = createLocked(log);

  const isHeld = ({ id, version, linesFull }: RunningCampaign, accountIsFull: boolean, now: Date): boolean => {
    const hold = holds.get(id);
    if (hold?.version !== version || now < hold.since) return false;
    return hold.full ? linesFull || accountIsFull : hold.until !== undefined && hold.until > now;
  };

  const claim = async (campaign: RunningCampaign, now: Date): Promise<ClaimResult | undefined> => {
    try {
      const result = await ledger.claim(campaign.id, terms, now);
      locked.forget(campaign.id);
      const hold = holdFor(campaign, result, now);
      if (hold === undefined) holds.delete(campaign.id);
      else holds.set(campaign.id, hold);
      return result;
    } catch (error) {
      const again = isLockTimeout(error) ? locked.againAt(campaign, now) : new Date(now.getTime() + LOOK_AGAIN);
      if (!isLockTimeout(error)) log.error({ err: error, campaignId: campaign.id }, 'a campaign could not be served; the others are');
      holds.set(campaign.id, { version: campaign.version, since: now, until: again, full: false, again });
      return undefined;
    }
  };

  const serveAccount = async (campaigns: readonly RunningCampaign[], { tell, isOver }: Round): Promise<void> => {
    let full = false;
    for (const campaign of startAfter(campaigns, ({ id, accountId }) => id === servedLast.get(accountId))) {
      const { id, accountId, nextDueAt } = campaign;
      const now = schedule.now();
      if (nextDueAt === null || nextDueAt > now) tell(nextDueAt);
      else if (isHeld(campaign, full, now)) tell(holds.get(id)?.again);
      else if (isOver()) return;
      else {
        const result = await claim(campaign, now);
        tell(holds.get(id)?.again ?? result?.again);
        full ||= result?.refused === 'account_lines_full';
        if (result === undefined || result.reserved.length === 0) continue;
        servedLast.set(accountId, id);
        accountServedLast = accountId;
        send(result.reserved);
      }
    }
  };

  const forget = (running: readonly RunningCampaign[]): void => {
    const ids = new Set(running.map(({ id }) => id));
    holds = new Map([...holds].filter(([id]) => ids.has(id)));
    locked.keep(ids);
  };

  return async (running: readonly RunningCampaign[], stopped: () => boolean): Promise<Date | undefined> => {
    forget(running);
    const round = startRound(schedule, stopped);
    const waiting = startAfter(byAccount(running), (campaigns) => campaigns[0]?.accountId === accountServedLast)[Symbol.iterator]();
    // All take from one list; who has finished an account takes the next.
    const serveNext = async (): Promise<void> => {
      for (const campaigns of waiting) await serveAccount(campaigns, round);
    };
    await Promise.all(Array.from({ length: ACCOUNTS_AT_ONCE }, serveNext));
    return round.soonest();
  };
};
