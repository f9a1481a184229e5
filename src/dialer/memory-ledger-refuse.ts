// Accepted and refused calls in memory: by the same rules as send.store.ts and refuse.store.ts.
import { nextPause, pauseAfterAccept } from './carrier-pause.ts';
import { countRefusal, isSpent, isStrike, ownWaitMs, type Refusals, refusalDecision, refusalEvent } from './contact-refusals.ts';
import type { AcceptedCall, RejectedCall } from './ledger.ts';
import { settleInMemory } from './memory-ledger-settle.ts';
import { decided, type MemoryCall, type MemoryState, setCall, setDue, setLead } from './memory-ledger-state.ts';
import { passTurn } from './memory-ledger-turn.ts';
import { ACCEPTED_EVERY_MS, LIVE_LEASE } from './send.store.ts';

const later = (now: Date, ms: number): Date => new Date(now.getTime() + ms);

// @returns whether a pause is over.
const carrierWorks = (state: MemoryState, carrier: string, now: Date): boolean => {
  const before = state.accepts.get(carrier);
  if (before === undefined || now.getTime() - before.getTime() >= ACCEPTED_EVERY_MS) state.accepts.set(carrier, now);
  const pause = state.pauses.get(carrier);
  const left = pause && pauseAfterAccept(pause, now);
  if (left !== undefined) state.pauses.set(carrier, left);
  else state.pauses.delete(carrier);
  return left === undefined && pause !== undefined && pause.until > now;
};

/** See Ledger.accepted. */
export const acceptInMemory = (state: MemoryState, calls: readonly AcceptedCall[], now: Date): boolean => {
  let isPauseOver = false;
  for (const { callId, carrierCallId } of calls) {
    const call = state.calls.get(callId);
    if (call === undefined) continue;
    const goesLive = call.row.state === 'sending' || call.row.state === 'unknown';
    const live = goesLive ? { state: 'live' as const, lease_until: later(now, LIVE_LEASE) } : {};
    setCall(state, call, { carrier_call_id: carrierCallId, ...live }, now);
    isPauseOver = carrierWorks(state, call.row.carrier, now) || isPauseOver;
  }
  return isPauseOver;
};

interface Held {
  call: MemoryCall;
  refusal: RejectedCall;
  refusals: Refusals | undefined;
}

const holdCalls = (state: MemoryState, calls: readonly RejectedCall[], now: Date): Held[] =>
  calls.flatMap((refusal): Held[] => {
    const call = state.calls.get(refusal.callId);
    if (call === undefined || (call.row.state !== 'sending' && call.row.state !== 'unknown')) return [];
    const isCounted = call.lead !== undefined && refusal.scope !== 'number' && refusal.ours !== true;
    const refusals = isCounted ? countRefusal(call.lead?.refused, state.accepts.get(call.row.carrier), now) : undefined;
    return [{ call, refusal, refusals }];
  });

// @returns until when; now: there is no pause.
const pauseCarrier = (state: MemoryState, held: readonly Held[], now: Date): Date => {
  const refused = held.filter(({ refusal: { ours, scope } }) => ours !== true && scope !== 'number');
  const carrier = refused[0]?.call.row.carrier;
  if (carrier === undefined) return now;
  const asked = refused.flatMap(({ refusal }) => refusal.retryAfterMs ?? []);
  const isOurs = refused.some(({ refusals }) => refusals === undefined || isStrike(refusals));
  const retryAfterMs = asked.length === 0 ? undefined : Math.max(...asked);
  const pause = nextPause(state.pauses.get(carrier), { retryAfterMs, isStrike: isOurs }, now);
  if (pause === undefined || pause.until <= now) return now;
  state.pauses.set(carrier, pause);
  return pause.until;
};

const tellRefused = (state: MemoryState, { call: { row }, refusal, refusals }: Held, again: Date | undefined, now: Date): void => {
  if (refusal.ours === true) return;
  const { callId, code, scope = 'carrier' } = refusal;
  const of = { account_id: row.account_id, campaign_id: row.campaign_id, lead_id: row.lead_id, call_id: row.id };
  decided(state, { ...of, verdict: 'refuse', ...refusalDecision({ callId, code, scope, refusals, again }) }, now);
};

const isEnd = ({ refusal, refusals }: Held): boolean =>
  (refusal.scope === 'number' && refusal.ours !== true) || (refusals !== undefined && isSpent(refusals));

const takeBack = (state: MemoryState, held: Held, until: Date, now: Date): void => {
  const { call, refusal, refusals } = held;
  const own = refusals === undefined ? now : later(now, ownWaitMs(refusals));
  const due = own > until ? own : until;
  const counted = { refusals: refusals?.against ?? null, refused_in_all: refusals?.inAll ?? null };
  const end = { outcome: 'rejected', reason: refusal.code, status: 'failed' as const, lease_until: null, sent_at: null, ended_at: now };
  const { lead, row } = call;
  if (lead !== undefined && refusals !== undefined) lead.refused = refusals;
  setCall(state, call, { state: 'ended', ...end, ...counted }, now);
  tellRefused(state, held, due, now);
  if (lead?.status !== 'processing' || lead.lastAttemptNo !== row.attempt_no) return;
  lead.tries = Math.max(lead.tries - 1, 0);
  setLead(state, lead, lead.tries === 0 ? 'created' : 'rescheduled', now);
  setDue(state, lead, due);
  passTurn(state, lead.family, until);
};

/** See Ledger.rejected. */
export const rejectInMemory = (state: MemoryState, calls: readonly RejectedCall[], reportWaitMs: number, now: Date): void => {
  const held = holdCalls(state, calls, now).sort((a, b) => a.call.row.id - b.call.row.id);
  for (const one of held.filter(isEnd)) {
    const event = refusalEvent(one.call.row.id, one.refusal.code, now);
    one.call.events.set(event.dedupeKey, event);
    settleInMemory(state, one.call, reportWaitMs, false, now);
    tellRefused(state, one, undefined, now);
  }
  const until = pauseCarrier(state, held, now);
  for (const one of held) if (!isEnd(one)) takeBack(state, one, until, now);
};
