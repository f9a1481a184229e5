// What the ledger in memory holds: campaigns, leads and attempts as plain data, and the moves that keep its logs. The rows
// have the columns of the database's, so that whoever judges one ledger can judge the other.

import type { CallingWindow } from '../campaigns/calling-window.ts';
import type { CampaignStatus } from '../campaigns/campaign.ts';
import type { RetryPolicy } from '../campaigns/retry-policy.ts';
import type { CarrierEvent } from '../carriers/carrier.ts';
import type { CallRow, ChangeRow, DecisionRow, Variables } from '../db/schema.ts';
import type { LeadStatus } from '../leads/lead.ts';
import type { CallerNumber } from '../numbers/rotation.ts';
import type { Pause } from './carrier-pause.ts';
import type { Refusals } from './contact-refusals.ts';
import { createDueQueue, type DueQueue } from './memory-ledger-queue.ts';
import type { DialSettings } from './place-request.ts';

/** A caller number of a campaign. */
export interface MemoryNumber extends CallerNumber {
  phoneNumber: string;
}

/** A campaign with its account's and its assistant's share in it. */
export interface MemoryCampaign {
  readonly id: number;
  readonly accountId: number;
  readonly assistantId: number;
  readonly name: string;
  status: CampaignStatus;
  readonly window: CallingWindow;
  readonly policy: RetryPolicy;
  /** Calls at a time. */
  readonly cap: number;
  readonly accountCap: number;
  readonly completesWhenDone: boolean;
  numbers: readonly MemoryNumber[];
  readonly settings: DialSettings;
  /** The assistant's. */
  readonly variables: Variables;
}

/** A lead or a contact as it is given. Contacts come after their lead, in calling order. */
export interface MemoryContact {
  readonly id: number;
  readonly campaignId: number;
  /** Null: a lead. */
  readonly primaryId: number | null;
  readonly phoneNumber: string;
  readonly variables: Variables;
  readonly status: LeadStatus;
  readonly dueAt: Date | null;
  readonly tries: number;
  readonly lastAttemptNo: number;
  readonly lastCallerId: number | null;
  /** Its last attempt stayed unknown. */
  readonly lost: boolean;
}

/** A lead or a contact at work. */
export interface MemoryLead extends Omit<MemoryContact, 'status' | 'dueAt' | 'tries' | 'lastAttemptNo' | 'lastCallerId' | 'lost'> {
  readonly accountId: number;
  status: LeadStatus;
  dueAt: Date | null;
  tries: number;
  lastAttemptNo: number;
  lastCallerId: number | null;
  lost: boolean;
  /** How often in a row its carrier has refused it. */
  refused: Refusals | undefined;
  /** The primary, then the contacts in calling order; one list for all of them. */
  readonly family: MemoryLead[];
  /** Attempts that have not ended. */
  open: number;
  /** Tells entries of the queue that no longer hold. */
  mark: number;
}

/** An attempt. */
export interface MemoryCall {
  readonly row: CallRow;
  lead: MemoryLead | undefined;
  readonly events: Map<string, CarrierEvent>;
}

/** What the ledger is made from. */
export interface MemoryWorld {
  readonly campaigns: readonly MemoryCampaign[];
  readonly leads: readonly MemoryContact[];
  readonly blacklist: readonly { accountId: number; phoneNumber: string }[];
  /** Default 1. */
  readonly firstCallId?: number;
}

/** All that the ledger knows. Only the memory-ledger files change it, and tests that act as a person. */
export interface MemoryState {
  readonly campaigns: Map<number, MemoryCampaign>;
  readonly queues: Map<number, DueQueue>;
  readonly leads: Map<number, MemoryLead>;
  readonly calls: Map<number, MemoryCall>;
  /** Calls that have not ended, in the order of their ids. */
  readonly open: Map<number, MemoryCall>;
  readonly blacklist: Set<string>;
  readonly pauses: Map<string, Pause>;
  /** When each carrier last accepted a call. */
  readonly accepts: Map<string, Date>;
  /** When each dialer last said that it works, and whether its calls die with it. */
  readonly dialers: Map<string, { beatAt: Date; ownRecord: boolean }>;
  /** The last decisions of each campaign as a whole, the latest first. */
  readonly lastRefusals: Map<number, readonly DecisionRow[]>;
  readonly decisions: DecisionRow[];
  readonly changes: ChangeRow[];
  nextCallId: number;
}

const entry = (accountId: number, phoneNumber: string): string => `${accountId} ${phoneNumber}`;

export const block = (state: MemoryState, accountId: number, phoneNumber: string): void => {
  state.blacklist.add(entry(accountId, phoneNumber));
};

export const isBlocked = (state: MemoryState, { accountId, phoneNumber }: MemoryLead): boolean =>
  state.blacklist.has(entry(accountId, phoneNumber));

// A customer's phones ring one at a time, whatever a person sets meanwhile: during a call nobody of the family is queued.
const queue = (state: MemoryState, lead: MemoryLead): void => {
  lead.mark += 1;
  if (lead.dueAt === null || lead.family.some(({ open }) => open > 0)) return;
  state.queues.get(lead.campaignId)?.put(lead, lead.dueAt);
};

/** Says when a contact is due; null: it does not wait. */
export const setDue = (state: MemoryState, lead: MemoryLead, dueAt: Date | null): void => {
  if (lead.dueAt?.getTime() === dueAt?.getTime()) return;
  lead.dueAt = dueAt;
  queue(state, lead);
};

type Change = Pick<ChangeRow, 'account_id' | 'campaign_id' | 'lead_id' | 'call_id' | 'what'>;

const logChange = ({ changes }: MemoryState, of: Change, from: string, to: string, at: Date): void => {
  if (from !== to) changes.push({ id: changes.length + 1, ...of, from_status: from, to_status: to, at });
};

/** Moves a contact. */
export const setLead = (state: MemoryState, lead: MemoryLead, status: LeadStatus, now: Date): void => {
  const of: Change = { account_id: lead.accountId, campaign_id: lead.campaignId, lead_id: lead.id, call_id: null, what: 'lead' };
  logChange(state, of, lead.status, status, now);
  lead.status = status;
};

/** Moves a campaign. */
export const setCampaign = (state: MemoryState, campaign: MemoryCampaign, status: CampaignStatus, now: Date): void => {
  const of: Change = { account_id: campaign.accountId, campaign_id: campaign.id, lead_id: null, call_id: null, what: 'campaign' };
  logChange(state, of, campaign.status, status, now);
  campaign.status = status;
};

/** Adds an attempt, and keeps its family out of the queue while it goes on. */
export const addCall = (state: MemoryState, call: MemoryCall): void => {
  const { row, lead } = call;
  state.nextCallId = row.id + 1;
  state.calls.set(row.id, call);
  state.open.set(row.id, call);
  if (lead === undefined) return;
  lead.open += 1;
  for (const member of lead.family) if (member.dueAt !== null) queue(state, member);
};

const NOT_SENT: readonly (string | null)[] = ['revoked', 'expired', 'rejected'];

/** Changes an attempt. One that ends lets its family into the queue again. */
export const setCall = (state: MemoryState, call: MemoryCall, changes: Partial<CallRow>, now: Date): void => {
  const { row, lead } = call;
  const before = row.state;
  Object.assign(row, changes, { updated_at: now });
  const of: Change = { account_id: row.account_id, campaign_id: row.campaign_id, lead_id: row.lead_id, call_id: row.id, what: 'call' };
  logChange(state, of, before, row.state, now);
  if (before === 'ended' || row.state !== 'ended') return;
  state.open.delete(row.id);
  if (lead === undefined) return;
  // Only refusals in a row count; what was never sent is none of them, and ends no row.
  if (!NOT_SENT.includes(row.outcome)) lead.refused = undefined;
  lead.open -= 1;
  for (const member of lead.family) if (member.dueAt !== null) queue(state, member);
};

type Decided = Pick<DecisionRow, 'account_id' | 'campaign_id' | 'lead_id' | 'call_id' | 'verdict' | 'reason' | 'facts'>;

/** Writes a decision down. */
export const decided = ({ decisions }: MemoryState, of: Decided, now: Date): DecisionRow => {
  const row: DecisionRow = { id: decisions.length + 1, ...of, times: 1, decided_at: now, last_at: now };
  decisions.push(row);
  return row;
};

const addLead = (state: MemoryState, contact: MemoryContact): void => {
  const campaign = state.campaigns.get(contact.campaignId);
  if (campaign === undefined) throw new RangeError(`lead ${contact.id} has no campaign`);
  const primary = contact.primaryId === null ? undefined : state.leads.get(contact.primaryId);
  const family = primary?.family ?? [];
  const lead: MemoryLead = { ...contact, accountId: campaign.accountId, family, open: 0, mark: 0, dueAt: null, refused: undefined };
  family.push(lead);
  state.leads.set(lead.id, lead);
  setDue(state, lead, contact.dueAt);
};

/** The state of a world in which nobody has been called yet. Takes copies: what it was made from stays as it is. */
export const createState = ({ campaigns, leads, blacklist, firstCallId = 1 }: MemoryWorld): MemoryState => {
  const state: MemoryState = {
    campaigns: new Map(campaigns.map((one) => [one.id, { ...one, numbers: one.numbers.map((number) => ({ ...number })) }])),
    queues: new Map(campaigns.map(({ id }) => [id, createDueQueue()])),
    leads: new Map(),
    calls: new Map(),
    open: new Map(),
    blacklist: new Set(),
    pauses: new Map(),
    accepts: new Map(),
    dialers: new Map(),
    lastRefusals: new Map(),
    decisions: [],
    changes: [],
    nextCallId: firstCallId,
  };
  for (const { accountId, phoneNumber } of blacklist) block(state, accountId, phoneNumber);
  for (const lead of leads) addLead(state, lead);
  return state;
};
