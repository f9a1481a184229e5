// What a carrier's reports make of a call, and what the call's end makes of its contact. The store carries it out.   [pure]
import { type Disposition, endedStatus, judgeGoal, toDisposition, toFinalStatus } from '../calls/disposition.ts';
import type { ReportedCall } from '../calls/reported-call.ts';
import type { CallingWindow } from '../campaigns/calling-window.ts';
import type { RetryPolicy } from '../campaigns/retry-policy.ts';
import type { CallRow } from '../db/schema.ts';
import type { LeadStatus } from '../leads/lead.ts';
import { afterCall, type Decision, nextContactDueAt } from './after-call.ts';

/** What the end of a campaign's call is judged by. */
export interface SettleTerms {
  policy: RetryPolicy;
  window: CallingWindow;
}

/** A call with all that its settling needs. */
export interface CallToSettle {
  call: Pick<CallRow, 'id' | 'state' | 'status' | 'outcome'>;
  reported: ReportedCall;
  /** Whether the assistant evaluates its calls: then a report follows an answered call. */
  evaluates: boolean;
  /** Undefined: deleted meanwhile, or a call of make_call. */
  lead: { status: LeadStatus; tries: number } | undefined;
  terms: SettleTerms | undefined;
  /** Nothing more is waited for. */
  giveUp: boolean;
}

type CallChanges = Pick<CallRow, 'state' | 'status' | 'outcome' | 'reason' | 'duration'>;

/** The moves of a call and, when it is decided by now, of its contact. */
export interface Settlement {
  call: CallChanges;
  /** What becomes of the contact; undefined while that is open, or when it was decided before. */
  decision: Decision | undefined;
  /** From when the next contact of the cascade waits, should it be its turn. */
  nextDueAt: Date | undefined;
}

const SECOND = 1000;

const durationOf = ({ answeredAt, ended }: ReportedCall): number => {
  if (answeredAt === null || ended === null) return 0;
  const ms = ended.talkMs > 0 ? ended.talkMs : ended.at.getTime() - answeredAt.getTime();
  return Math.max(0, Math.round(ms / SECOND));
};

const statusOnLine = ({ answeredAt, ringing }: ReportedCall): CallRow['status'] => {
  if (answeredAt !== null) return 'in-progress';
  return ringing ? 'ringing' : 'initiated';
};

const decide = (one: CallToSettle, disposition: Disposition, endedAt: Date): Pick<Settlement, 'decision' | 'nextDueAt'> => {
  const { lead, terms } = one;
  if (lead === undefined || terms === undefined) return { decision: undefined, nextDueAt: undefined };
  const facts = { disposition, endedAt, tries: lead.tries, leadStatus: lead.status, ...terms };
  return { decision: afterCall(facts), nextDueAt: nextContactDueAt(facts) };
};

const OPEN: Pick<Settlement, 'decision' | 'nextDueAt'> = { decision: undefined, nextDueAt: undefined };

// Given up without an end: nobody knows whether it rang, so it counts as if it had, and is never dialed again by itself.
const settleLost = (one: CallToSettle, now: Date): Settlement => {
  const call: CallChanges = { state: 'ended', status: 'failed', outcome: 'lost', reason: 'no_record_of_its_end', duration: 0 };
  return { call, ...decide(one, 'lost', now) };
};

const settleEnded = (one: CallToSettle, ended: NonNullable<ReportedCall['ended']>, now: Date): Settlement => {
  const { call, reported, terms, evaluates, giveUp } = one;
  const answered = reported.answeredAt !== null;
  const goal = terms?.policy.goal ?? null;
  const awaits = answered && reported.report === undefined && (evaluates || goal !== null) && !giveUp && call.state !== 'ended';
  const facts = { outcome: ended.outcome, answered, answeredBy: reported.answeredBy };
  const base = {
    state: awaits ? ('wrapping' as const) : ('ended' as const),
    status: awaits ? endedStatus(ended.by) : toFinalStatus(facts),
    reason: ended.reason,
    duration: durationOf(reported),
  };
  // Decided before: a late report adds facts to the call, and moves nobody.
  if (call.outcome !== null) return { call: { ...base, outcome: call.outcome }, ...OPEN };
  const goalDecides = goal !== null && reported.answeredBy !== 'machine';
  if (awaits && (goalDecides || reported.answeredBy === null)) return { call: { ...base, outcome: null }, ...OPEN };
  const disposition = toDisposition({ ...facts, goal: judgeGoal(goal, reported.report?.extraction ?? null) });
  // The carrier's clock may run ahead; an interval must not.
  const endedAt = ended.at < now ? ended.at : now;
  return { call: { ...base, outcome: disposition }, ...decide(one, disposition, endedAt) };
};

/** Settles one call as far as it can be settled now. */
export const settleCall = (one: CallToSettle, now: Date): Settlement => {
  const { call, reported, giveUp } = one;
  if (reported.ended !== null) return settleEnded(one, reported.ended, now);
  if (call.state === 'ended')
    return { call: { state: 'ended', status: call.status, outcome: call.outcome, reason: null, duration: 0 }, ...OPEN };
  if (giveUp) return settleLost(one, now);
  return { call: { state: 'live', status: statusOnLine(reported), outcome: null, reason: null, duration: 0 }, ...OPEN };
};
