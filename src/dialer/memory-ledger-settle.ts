// Keeps what carriers report in memory and carries out what follows, by the same decisions as settle.store.ts.
import { foldEvents, type ReportedCall } from '../calls/reported-call.ts';
import type { CarrierEvent } from '../carriers/carrier.ts';
import { nextLeadStatus } from '../leads/lead-status.ts';
import { daysBefore, REPORTABLE_DAYS } from '../retention/retention.ts';
import type { Decision } from './after-call.ts';
import { decided, type MemoryCall, type MemoryLead, type MemoryState, setCall, setDue, setLead } from './memory-ledger-state.ts';
import { passTurn } from './memory-ledger-turn.ts';
import { LIVE_LEASE } from './send.store.ts';
import { type Settlement, settleCall } from './settle.ts';

const later = (now: Date, ms: number): Date => new Date(now.getTime() + ms);

const leaseAfter = ({ row }: MemoryCall, { call }: Settlement, reportWaitMs: number, now: Date): Date | null => {
  if (call.state === 'ended') return null;
  if (call.state === row.state) return row.lease_until;
  if (call.state === 'live') return later(now, LIVE_LEASE);
  return call.state === 'wrapping' ? later(now, reportWaitMs) : row.lease_until;
};

const writeCall = (
  state: MemoryState,
  call: MemoryCall,
  reported: ReportedCall,
  settlement: Settlement,
  reportWaitMs: number,
  now: Date,
) => {
  const { row } = call;
  const changes = settlement.call;
  const over = changes.state === 'ended' || changes.state === 'wrapping';
  setCall(
    state,
    call,
    {
      ...changes,
      reason: changes.reason ?? row.reason,
      answered_at: reported.answeredAt,
      answered_by: reported.answeredAt === null ? null : (reported.answeredBy ?? 'unknown'),
      ended_at: over ? (reported.ended?.at ?? row.ended_at ?? now) : null,
      carrier_cost: reported.ended?.cost ?? null,
      extraction: reported.report?.extraction ?? null,
      lease_until: leaseAfter(call, settlement, reportWaitMs, now),
    },
    now,
  );
};

const moveLead = (state: MemoryState, lead: MemoryLead, decision: Decision, now: Date): void => {
  if (decision.kind === 'none') return;
  const status = nextLeadStatus(lead.status, decision.kind);
  if (status === undefined) return;
  setLead(state, lead, status, now);
  setDue(state, lead, decision.kind === 'retry' ? decision.at : null);
};

const tellLost = (state: MemoryState, { row }: MemoryCall, now: Date): void => {
  const of = { account_id: row.account_id, campaign_id: row.campaign_id, lead_id: row.lead_id, call_id: row.id };
  const facts = { sent_at: row.sent_at?.toISOString() ?? null };
  decided(state, { ...of, verdict: 'refuse', reason: 'attempt_unknown', facts }, now);
};

/** Settles a call as far as it can be settled now. Doing it twice changes nothing. */
export const settleInMemory = (state: MemoryState, call: MemoryCall, reportWaitMs: number, giveUp: boolean, now: Date): void => {
  const { row, lead } = call;
  // Certainly not sent, or certainly refused: nothing that is said of it later can be true.
  if (['revoked', 'expired', 'rejected'].includes(row.outcome ?? '')) return;
  const campaign = state.campaigns.get(row.campaign_id ?? 0);
  const reported = foldEvents([...call.events.values()]);
  const before = row.outcome;
  const settlement = settleCall(
    {
      call: row,
      reported,
      evaluates: campaign?.settings.assistant_settings.post_call_evaluation !== false,
      // The end of an older attempt cannot undo a newer one.
      lead: lead === undefined || lead.lastAttemptNo !== row.attempt_no ? undefined : { status: lead.status, tries: lead.tries },
      terms: campaign === undefined ? undefined : { policy: campaign.policy, window: campaign.window },
      giveUp,
    },
    now,
  );
  const { decision, nextDueAt } = settlement;
  writeCall(state, call, reported, settlement, reportWaitMs, now);
  const isLost = before === null && settlement.call.outcome === 'lost';
  if (lead !== undefined && lead.lastAttemptNo === row.attempt_no && isLost) lead.lost = true;
  if (lead !== undefined && decision !== undefined) moveLead(state, lead, decision, now);
  if (isLost && row.lead_id !== null) tellLost(state, call, now);
  if (lead !== undefined && decision !== undefined && nextDueAt !== undefined) passTurn(state, lead.family, nextDueAt);
};

// Ours as text, or by the carrier's name for the call.
const findCall = (state: MemoryState, { callId, carrierCallId }: CarrierEvent): MemoryCall | undefined => {
  if (callId !== undefined) return /^\d{1,15}$/.test(callId) ? state.calls.get(Number(callId)) : undefined;
  return [...state.open.values()].find(({ row }) => row.carrier_call_id === carrierCallId);
};

// As in settle.store.ts, where the reports of such a call are about to go.
const isTooLate = ({ row }: MemoryCall, now: Date): boolean => {
  const before = daysBefore(now, REPORTABLE_DAYS);
  return row.state === 'ended' && row.created_at < before && (row.updated_at < before || (row.ended_at ?? now) < before);
};

/** See Ledger.record. What belongs to no call is dropped, and so is what comes a month late. */
export const recordInMemory = (state: MemoryState, events: readonly CarrierEvent[], reportWaitMs: number, now: Date): void => {
  const told = new Set<MemoryCall>();
  for (const event of events) {
    const call = findCall(state, event);
    if (call === undefined || isTooLate(call, now)) continue;
    if (!call.events.has(event.dedupeKey)) call.events.set(event.dedupeKey, event);
    told.add(call);
  }
  for (const call of [...told].sort((a, b) => a.row.id - b.row.id)) settleInMemory(state, call, reportWaitMs, false, now);
};
