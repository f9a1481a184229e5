// The claim in memory: the same choices as in claim.store.ts, on plain data.

import { ON_LINE } from '../calls/lines.store.ts';
import type { CallRow } from '../db/schema.ts';
import { afterClaim, assignCallers, dialFacts, MAX_CLAIM, refusalOf, refuseAll } from './claim-rules.ts';
import type { ClaimResult, ClaimTerms, RefusalReason, Reservation } from './ledger.ts';
import {
  addCall,
  decided,
  isBlocked,
  type MemoryCall,
  type MemoryCampaign,
  type MemoryLead,
  type MemoryState,
  setDue,
  setLead,
} from './memory-ledger-state.ts';
import { retire } from './memory-ledger-turn.ts';
import { mayStart } from './pacing.ts';
import { toPlaceCall, variablesAtDial } from './place-request.ts';
import { isCounted, type RefusalFacts, ROWS_TO_FOLD, repeatedRefusal } from './refusals.ts';

const SECOND = 1000;
const later = (now: Date, ms: number): Date => new Date(now.getTime() + ms);

/** Records why a campaign calls nobody now; the same reason again is the same row. */
export const refuseCampaign = (
  state: MemoryState,
  campaign: MemoryCampaign,
  reason: RefusalReason,
  facts: RefusalFacts,
  now: Date,
): void => {
  const last = state.lastRefusals.get(campaign.id) ?? [];
  const repeated = repeatedRefusal(last, reason, facts.same);
  if (repeated !== undefined) {
    if (!isCounted(repeated, now)) return;
    repeated.times += 1;
    repeated.last_at = now;
    return;
  }
  const row = decided(
    state,
    {
      account_id: campaign.accountId,
      campaign_id: campaign.id,
      lead_id: null,
      call_id: null,
      verdict: 'refuse',
      reason,
      facts: { ...facts.same, ...facts.first },
    },
    now,
  );
  state.lastRefusals.set(campaign.id, [row, ...last].slice(0, ROWS_TO_FOLD));
};

const isOnLine = ({ row }: MemoryCall): boolean => ON_LINE.some((one) => one === row.state);

/** Lines in use: of the campaign, and of its whole account. */
export const countLines = (state: MemoryState, { id, accountId }: MemoryCampaign): { campaign: number; account: number } => {
  const lines = { campaign: 0, account: 0 };
  for (const call of state.open.values()) {
    if (call.row.account_id !== accountId || !isOnLine(call)) continue;
    lines.account += 1;
    if (call.row.campaign_id === id) lines.campaign += 1;
  }
  return lines;
};

// Ids go up as time does.
const startedSince = (state: MemoryState, rate: number, now: Date, matches: (row: CallRow) => boolean): number => {
  let count = 0;
  const since = now.getTime() - SECOND;
  for (let id = state.nextCallId - 1; rate > 0 && count < rate; id -= 1) {
    const row = state.calls.get(id)?.row;
    if (row === undefined || row.created_at.getTime() <= since) break;
    if (matches(row)) count += 1;
  }
  return count;
};

const newRow = (
  id: number,
  campaign: MemoryCampaign,
  lead: MemoryLead,
  caller: { id: number; phoneNumber: string },
  { worker, leaseMs, carrier }: ClaimTerms,
  now: Date,
): CallRow => ({
  id,
  account_id: campaign.accountId,
  assistant_id: campaign.assistantId,
  campaign_id: campaign.id,
  campaign_name: campaign.name,
  lead_id: lead.id,
  attempt_no: lead.lastAttemptNo + 1,
  state: 'reserved',
  status: 'initiated',
  outcome: null,
  reason: null,
  phone_number: lead.phoneNumber,
  caller_number: caller.phoneNumber,
  caller_number_id: caller.id,
  carrier: carrier.kind,
  simulated: carrier.simulated,
  carrier_call_id: null,
  worker,
  lease_until: later(now, leaseMs),
  due_at: lead.dueAt,
  sent_at: null,
  answered_at: null,
  ended_at: null,
  answered_by: null,
  duration: 0,
  variables: variablesAtDial(campaign.variables, lead.primaryId === null ? undefined : lead.family[0]?.variables, lead.variables),
  transcript: null,
  extraction: null,
  recording_url: null,
  carrier_cost: null,
  refusals: null,
  refused_in_all: null,
  gone_at: null,
  created_at: now,
  updated_at: now,
  deleted_at: null,
});

const asRow = (campaign: MemoryCampaign) => ({
  status: campaign.status,
  max_retries: campaign.policy.maxRetries,
  max_calls_in_parallel: campaign.cap,
  max_parallel_calls: campaign.accountCap,
});

const insertAttempt = (state: MemoryState, campaign: MemoryCampaign, row: CallRow, lead: MemoryLead, facts: object, now: Date): void => {
  addCall(state, { row, lead, events: new Map() });
  const of = { account_id: campaign.accountId, campaign_id: campaign.id, lead_id: lead.id, call_id: row.id };
  decided(state, { ...of, verdict: 'dial', reason: 'due', facts: { ...facts } }, now);
  setLead(state, lead, 'scheduled', now);
  setDue(state, lead, null);
  lead.lastAttemptNo += 1;
  lead.lastCallerId = row.caller_number_id;
  lead.lost = false;
};

const reserve = (
  state: MemoryState,
  campaign: MemoryCampaign,
  leads: readonly MemoryLead[],
  lines: { campaign: number; account: number },
  terms: ClaimTerms,
  now: Date,
): Reservation[] => {
  const rate = terms.rates.number;
  const started = new Map(campaign.numbers.map(({ id }) => [id, startedSince(state, rate, now, (row) => row.caller_number_id === id)]));
  const wanting = leads.map((lead) => ({ lead, last_caller_id: lead.lastCallerId }));
  return assignCallers(wanting, [...campaign.numbers], started, rate, now).map(({ lead: { lead }, caller }, index) => {
    const row = newRow(state.nextCallId, campaign, lead, caller, terms, now);
    const held = { campaign: lines.campaign + index + 1, account: lines.account + index + 1 };
    const facts = dialFacts(asRow(campaign), { call_tries: lead.tries, due_at: lead.dueAt }, campaign.window, held, now);
    insertAttempt(state, campaign, row, lead, facts, now);
    campaign.numbers = campaign.numbers.map((one) => (one.id === caller.id ? { ...one, uses: one.uses + 1, lastUsedAt: now } : one));
    return { callId: row.id, window: campaign.window, place: toPlaceCall(row.id, row, campaign.settings, terms.carrier.simulated) };
  });
};

// Who is due and may be called; those who may not are taken out of the queue.
const takeCallable = (state: MemoryState, campaign: MemoryCampaign, count: number, now: Date) => {
  const due = state.queues.get(campaign.id)?.take(count, now) ?? [];
  const max_retries = campaign.policy.maxRetries;
  const judged = due.map((lead) => ({
    lead,
    refusal: refusalOf({ max_retries }, { id: lead.id, blocked: isBlocked(state, lead), call_tries: lead.tries }),
  }));
  const refused = judged.flatMap(({ refusal }) => refusal ?? []);
  for (const { leadId, reason, facts } of refused) {
    const of = { account_id: campaign.accountId, campaign_id: campaign.id, lead_id: leadId, call_id: null };
    decided(state, { ...of, verdict: 'refuse', reason, facts }, now);
  }
  retire(state, campaign, refused, now);
  return { callable: judged.flatMap(({ lead, refusal }) => (refusal === undefined ? [lead] : [])), retired: refused.length };
};

const putBack = (state: MemoryState, campaign: MemoryCampaign, leads: readonly MemoryLead[]): void => {
  for (const lead of leads) if (lead.dueAt !== null) state.queues.get(campaign.id)?.put(lead, lead.dueAt);
};

/** See Ledger.claim. */
export const claimInMemory = (state: MemoryState, campaignId: number, terms: ClaimTerms, now: Date): ClaimResult => {
  const campaign = state.campaigns.get(campaignId);
  if (campaign === undefined) return { reserved: [], refused: 'campaign_not_running', again: undefined };
  const paused = state.pauses.get(terms.carrier.kind)?.until;
  const pausedUntil = paused !== undefined && paused > now ? paused : undefined;
  const refusal = refuseAll({ campaign, pool: campaign.numbers, pausedUntil }, campaign.window, now);
  if (refusal !== undefined) {
    refuseCampaign(state, campaign, refusal.reason, refusal.facts, now);
    return { reserved: [], refused: refusal.reason, again: refusal.again };
  }
  const lines = countLines(state, campaign);
  const { rates } = terms;
  const { count, bottleneck } = mayStart(
    {
      campaignCap: campaign.cap,
      campaignLive: lines.campaign,
      accountCap: campaign.accountCap,
      accountLive: lines.account,
      startedLastSecond: {
        campaign: startedSince(state, rates.campaign, now, ({ campaign_id }) => campaign_id === campaignId),
        carrier: startedSince(state, rates.carrier, now, ({ carrier }) => carrier === terms.carrier.kind),
      },
      perSecond: { campaign: rates.campaign, carrier: rates.carrier },
    },
    Math.min(terms.limit, MAX_CLAIM),
  );
  const { callable, retired } = takeCallable(state, campaign, count, now);
  const reserved = reserve(state, campaign, callable, lines, terms, now);
  putBack(state, campaign, callable);
  const result = afterClaim(
    { mayStart: count, due: callable.length + retired, retired, reserved: reserved.length, bottleneck },
    state.queues.get(campaignId)?.next() ?? undefined,
    now,
  );
  const caps = { campaign: campaign.cap, account: campaign.accountCap, per_second: rates };
  if (result.refused !== undefined) refuseCampaign(state, campaign, result.refused, { same: {}, first: caps }, now);
  return { reserved, ...result };
};
