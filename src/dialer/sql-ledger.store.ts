// The dialer's ledger on PostgreSQL.
import type { Db } from '../db/schema.ts';
import { adoptCalls } from './adopt.store.ts';
import { claimDue } from './claim.store.ts';
import { beat, leave, takeOver } from './dialers.store.ts';
import { findHeld } from './held.store.ts';
import type { Ledger } from './ledger.ts';
import { completeIdleCampaigns, lapseLeases, listRunning, markGone, takeQuestions } from './recover.store.ts';
import { markRejected } from './refuse.store.ts';
import { markAccepted, markSending, markUnknown, releaseReserved } from './send.store.ts';
import { giveUpCalls, type LedgerDeps, recordEvents } from './settle.store.ts';

/** The ledger of a database. Several processes may work on one. */
export const createSqlLedger = (db: Db, deps: LedgerDeps): Ledger => {
  const { clock, sendingMs } = deps;
  return {
    running: (now) => listRunning(db, now),
    claim: (campaignId, terms, now) => claimDue(db, clock, campaignId, terms, now),
    adopt: (terms, now) => adoptCalls(db, clock, terms, now),
    send: (callIds, worker, now) => markSending(db, clock, sendingMs, callIds, worker, now),
    release: (callIds, reason, now) => releaseReserved(db, callIds, reason, now),
    accepted: (calls, now) => markAccepted(db, clock, calls, now),
    rejected: (calls, now) => markRejected(db, deps, calls, now),
    unconfirmed: (callIds, now) => markUnknown(db, clock, callIds, now),
    record: (carrier, events, now) => recordEvents(db, deps, carrier, events, now),
    lapse: (now) => lapseLeases(db, clock, now),
    beat: (self, now) => beat(db, clock, self, now),
    leave: (worker) => leave(db, worker),
    takeOver: (self, now) => takeOver(db, clock, self, now),
    questions: (self, now) => takeQuestions(db, clock, self, now),
    gone: (callIds, now) => markGone(db, clock, callIds, now),
    giveUp: (callIds, now) => giveUpCalls(db, deps, callIds, now),
    held: (carrier, calls) => findHeld(db, carrier, calls),
    completeIdle: (now) => completeIdleCampaigns(db, now),
  };
};
