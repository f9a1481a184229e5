// The dialer's ledger on PostgreSQL.
import type { Db } from '../db/schema.ts';
import { adoptCalls } from './adopt.store.ts';
import { claimDue } from './claim.store.ts';
import type { Ledger } from './ledger.ts';
import { completeIdleCampaigns, lapseLeases, listRunning, takeQuestions } from './recover.store.ts';
import { markAccepted, markRejected, markSending, markUnknown, releaseReserved } from './send.store.ts';
import { giveUpCalls, type LedgerDeps, recordEvents } from './settle.store.ts';

/** The ledger of a database. Several processes may work on one. */
export const createSqlLedger = (db: Db, deps: LedgerDeps): Ledger => {
  const { clock, sendingMs } = deps;
  return {
    running: () => listRunning(db),
    claim: (campaignId, terms, now) => claimDue(db, clock, campaignId, terms, now),
    adopt: (terms, now) => adoptCalls(db, clock, terms, now),
    send: (callIds, worker, now) => markSending(db, clock, sendingMs, callIds, worker, now),
    release: (callIds, reason, now) => releaseReserved(db, callIds, reason, now),
    accepted: (calls, now) => markAccepted(db, clock, calls, now),
    rejected: (calls, now) => markRejected(db, calls, now),
    unconfirmed: (callIds, now) => markUnknown(db, clock, callIds, now),
    record: (carrier, events, now) => recordEvents(db, deps, carrier, events, now),
    lapse: (now) => lapseLeases(db, clock, now),
    questions: (now) => takeQuestions(db, clock, now),
    giveUp: (callIds, now) => giveUpCalls(db, deps, callIds, now),
    completeIdle: (now) => completeIdleCampaigns(db, now),
  };
};
