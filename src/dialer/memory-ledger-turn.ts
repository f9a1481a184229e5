// Moves of contacts in memory that several acts share: the turn in a family, and a reservation that is given back.
import { nextOpening } from '../campaigns/calling-window.ts';
import type { LeadStatus } from '../leads/lead.ts';
import { whoseTurn } from '../leads/next-contact.ts';
import {
  isBlocked,
  type MemoryCall,
  type MemoryCampaign,
  type MemoryLead,
  type MemoryState,
  setCall,
  setDue,
  setLead,
} from './memory-ledger-state.ts';
import type { RefusedLead } from './refusals.ts';

const WAITING: readonly LeadStatus[] = ['created', 'rescheduled'];
const MINUTE = 60_000;

/** Puts the turn right in a family. Whose turn it newly is waits from `from`; who waits already keeps the time. */
export const passTurn = (state: MemoryState, family: readonly MemoryLead[], from: Date): void => {
  const seen = family.map((lead): { id: number; status: LeadStatus } => {
    // Who opted out after the last attempt is not chased on other numbers either.
    const optedOut = lead.primaryId === null && lead.status === 'reached-max-retries' && isBlocked(state, lead);
    return { id: lead.id, status: optedOut ? 'blacklisted' : lead.status };
  });
  const lost = new Set(family.filter(({ status, lost: isLost }) => isLost && status === 'reached-max-retries').map(({ id }) => id));
  const turn = whoseTurn(seen, lost);
  for (const lead of family) {
    const waits = lead.id === turn && WAITING.includes(lead.status);
    if (waits !== (lead.dueAt !== null)) setDue(state, lead, waits ? from : null);
  }
};

/** Ends a reserved attempt and gives its contact back as it was. */
export const giveBack = (state: MemoryState, call: MemoryCall, outcome: 'revoked' | 'expired', reason: string, now: Date): void => {
  if (call.row.state !== 'reserved') return;
  const { lead, row } = call;
  setCall(state, call, { state: 'ended', outcome, reason, status: 'failed', ended_at: now, lease_until: null }, now);
  if (lead?.status !== 'scheduled') return;
  setLead(state, lead, lead.tries === 0 ? 'created' : 'rescheduled', now);
  setDue(state, lead, row.due_at);
};

/** Takes refused contacts out of the queue and passes their turns on. */
export const retire = (state: MemoryState, campaign: MemoryCampaign, refused: readonly RefusedLead[], now: Date): void => {
  for (const { leadId, reason } of refused) {
    const lead = state.leads.get(leadId);
    if (lead === undefined) continue;
    const blacklisted = reason === 'blacklisted';
    setLead(state, lead, blacklisted ? 'blacklisted' : 'reached-max-retries', now);
    setDue(state, lead, null);
    const from = blacklisted ? now : new Date(now.getTime() + campaign.policy.retryIntervalMinutes * MINUTE);
    passTurn(state, lead.family, nextOpening(campaign.window, from) ?? from);
  }
};
