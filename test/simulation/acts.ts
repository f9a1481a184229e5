// What a person does, on the ledger in memory: the same as the routes and stores do in the database.
import { nextCampaignStatus } from '../../src/campaigns/campaign.ts';
import { refuseCampaign } from '../../src/dialer/memory-ledger-claim.ts';
import {
  block,
  isBlocked,
  type MemoryCall,
  type MemoryLead,
  type MemoryState,
  setCampaign,
  setDue,
  setLead,
} from '../../src/dialer/memory-ledger-state.ts';
import { giveBack, passTurn } from '../../src/dialer/memory-ledger-turn.ts';
import type { LeadStatus } from '../../src/leads/lead.ts';
import type { Act } from '../support/promise-checker.ts';
import type { PlannedAct } from './draw-world.ts';

const OPEN: readonly LeadStatus[] = ['created', 'scheduled', 'rescheduled', 'processing'];
const WAITING: readonly LeadStatus[] = ['created', 'scheduled', 'rescheduled'];
const PASSED: readonly LeadStatus[] = ['reached-max-retries', 'blacklisted'];
const SET = { complete: 'completed', exhaust: 'reached-max-retries', reset: 'created' } as const;

const revoke = (state: MemoryState, which: (call: MemoryCall) => boolean, reason: string, now: Date): void => {
  for (const call of [...state.open.values()]) if (which(call)) giveBack(state, call, 'revoked', reason, now);
};

const hasSomebodyToCall = (state: MemoryState, campaignId: number): boolean =>
  [...state.leads.values()].some(({ campaignId: of, primaryId, status, family }) => {
    if (of !== campaignId || primaryId !== null) return false;
    if (OPEN.includes(status)) return true;
    const contacts = family.slice(1);
    if (status !== 'reached-max-retries' || contacts.some((one) => one.status === 'completed')) return false;
    const next = contacts.find((one) => !PASSED.includes(one.status));
    return next !== undefined && OPEN.includes(next.status);
  });

const moveCampaign = (state: MemoryState, id: number, move: 'start' | 'stop', now: Date): boolean => {
  const campaign = state.campaigns.get(id);
  const status = campaign === undefined ? undefined : nextCampaignStatus(campaign.status, move);
  if (campaign === undefined || status === undefined) return false;
  if (move === 'start' && campaign.completesWhenDone && !hasSomebodyToCall(state, id)) return false;
  setCampaign(state, campaign, status, now);
  if (move === 'start') return true;
  revoke(state, ({ row }) => row.campaign_id === id, 'campaign_stopped', now);
  refuseCampaign(state, campaign, 'campaign_not_running', { same: { status }, first: {} }, now);
  return true;
};

const blockNumber = (state: MemoryState, number: string, now: Date): void => {
  block(state, 1, number);
  revoke(state, ({ row }) => row.phone_number === number, 'blacklisted', now);
  const leads = [...state.leads.values()].filter(({ phoneNumber }) => phoneNumber === number);
  for (const lead of leads.filter(({ status }) => WAITING.includes(status))) {
    setLead(state, lead, 'blacklisted', now);
    setDue(state, lead, null);
    if (lead.primaryId !== null) passTurn(state, lead.family, now);
  }
  for (const lead of leads.filter(({ primaryId, status }) => primaryId === null && status === 'reached-max-retries')) {
    revoke(state, (call) => call.lead !== undefined && call.lead !== lead && lead.family.includes(call.lead), 'blacklisted', now);
    passTurn(state, lead.family, now);
  }
};

const revokeFamily = (state: MemoryState, { family }: MemoryLead, reason: string, now: Date): void => {
  if (!family.some(({ status }) => status === 'scheduled')) return;
  revoke(state, ({ lead }) => lead !== undefined && family.includes(lead), reason, now);
};

const setStatus = (state: MemoryState, lead: MemoryLead, kind: keyof typeof SET, now: Date): boolean => {
  revokeFamily(state, lead, 'lead_changed', now);
  if (kind === 'reset' && isBlocked(state, lead)) return false;
  const before = lead.status;
  setLead(state, lead, SET[kind], now);
  if (kind === 'reset') lead.tries = 0;
  if (kind === 'reset' || before !== lead.status) setDue(state, lead, null);
  passTurn(state, lead.family, now);
  return true;
};

const deleteLead = (state: MemoryState, lead: MemoryLead, now: Date): void => {
  revokeFamily(state, lead, 'lead_deleted', now);
  const gone = lead.primaryId === null ? [...lead.family] : [lead];
  for (const one of gone) {
    setDue(state, one, null);
    state.leads.delete(one.id);
    one.family.splice(one.family.indexOf(one), 1);
  }
  for (const call of state.calls.values()) {
    if (call.lead === undefined || !gone.includes(call.lead)) continue;
    call.lead = undefined;
    call.row.lead_id = null;
  }
  if (lead.primaryId === null) return;
  // Whoever was on a call may just have been speaking.
  const interval = lead.status === 'processing' ? (state.campaigns.get(lead.campaignId)?.policy.retryIntervalMinutes ?? 0) : 0;
  passTurn(state, lead.family, new Date(now.getTime() + interval * 60_000));
};

/** An act that was carried out: what the checker is told, and which calls its answer waits for. */
export interface Done {
  act: Act;
  mayStillLeave: (call: MemoryCall) => boolean;
}

/** Does it. @returns undefined when it is refused, or there is nothing to do it to. */
export const doAct = (state: MemoryState, planned: PlannedAct, now: Date): Done | undefined => {
  const when = { begun: now, answered: null };
  if (planned.kind === 'start' || planned.kind === 'stop') {
    const { kind, campaignId } = planned;
    if (!moveCampaign(state, campaignId, kind, now)) return undefined;
    return { act: { kind, campaignId, ...when }, mayStillLeave: ({ row }) => kind === 'stop' && row.campaign_id === campaignId };
  }
  if (planned.kind === 'block') {
    const { number } = planned;
    blockNumber(state, number, now);
    return { act: { kind: 'block', number, ...when }, mayStillLeave: ({ row }) => row.phone_number === number };
  }
  const { kind, leadId } = planned;
  const lead = state.leads.get(leadId);
  if (lead === undefined) return undefined;
  const leadIds = lead.primaryId === null ? lead.family.map(({ id }) => id) : [leadId];
  const ids = new Set([...state.open.values()].flatMap(({ row }) => (leadIds.includes(row.lead_id ?? 0) ? [row.id] : [])));
  const mayStillLeave = ({ row }: MemoryCall) => ids.has(row.id);
  if (kind === 'delete') {
    deleteLead(state, lead, now);
    return { act: { kind, leadIds, ...when }, mayStillLeave };
  }
  return setStatus(state, lead, kind, now) ? { act: { kind, leadId, leadIds, ...when }, mayStillLeave } : undefined;
};
