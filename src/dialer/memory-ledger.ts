// The dialer's ledger in memory: for the time machine and the seeded simulation. It makes the same decisions as the SQL
// ledger, on one thread, so that each of its acts is whole. make_call is not part of it.
import type { CallRow } from '../db/schema.ts';
import { nextPause } from './carrier-pause.ts';
import type { AcceptedCall, Ledger, OpenQuestion, RejectedCall, RunningCampaign } from './ledger.ts';
import { claimInMemory, countLines } from './memory-ledger-claim.ts';
import { recordInMemory, settleInMemory } from './memory-ledger-settle.ts';
import {
  createState,
  type MemoryCall,
  type MemoryCampaign,
  type MemoryState,
  type MemoryWorld,
  setCall,
  setCampaign,
  setDue,
  setLead,
} from './memory-ledger-state.ts';
import { giveBack, passTurn } from './memory-ledger-turn.ts';
import { ASK_AGAIN } from './recover.store.ts';
import { LIVE_LEASE } from './send.store.ts';

export type { MemoryCampaign, MemoryContact, MemoryLead, MemoryNumber, MemoryState, MemoryWorld } from './memory-ledger-state.ts';

/** As the SQL ledger's. Milliseconds. */
export interface MemoryLedgerSettings {
  /** After this an originate request without an answer counts as unknown. */
  sendingMs: number;
  /** That the report of an answered call is waited for. */
  reportWaitMs: number;
}

/** A ledger in memory, and what it holds. */
export interface MemoryLedger extends Ledger {
  readonly state: MemoryState;
  /** Whether nobody in a campaign waits or is on a call. */
  isIdle(campaignId: number): boolean;
}

const DEFAULTS: MemoryLedgerSettings = { sendingMs: 20_000, reportWaitMs: 60_000 };

const later = (now: Date, ms: number): Date => new Date(now.getTime() + ms);

const find = (state: MemoryState, callIds: readonly number[]): MemoryCall[] => callIds.flatMap((id) => state.calls.get(id) ?? []);

const isIn = ({ row }: MemoryCall, ...states: readonly CallRow['state'][]): boolean => states.includes(row.state);

const send = (state: MemoryState, callIds: readonly number[], worker: string, sendingMs: number, now: Date): number[] =>
  find(state, callIds).flatMap((call) => {
    const { row, lead } = call;
    const holds = row.worker === worker && row.lease_until !== null && row.lease_until > now;
    if (!isIn(call, 'reserved') || !holds || lead === undefined) return [];
    setCall(state, call, { state: 'sending', sent_at: now, lease_until: later(now, sendingMs) }, now);
    setLead(state, lead, 'processing', now);
    lead.tries += 1;
    return [row.id];
  });

const accept = (state: MemoryState, calls: readonly AcceptedCall[], now: Date): void => {
  for (const { callId, carrierCallId } of calls) {
    const call = state.calls.get(callId);
    if (call === undefined) continue;
    const goesLive = isIn(call, 'sending', 'unknown');
    const live = goesLive ? { state: 'live' as const, lease_until: later(now, LIVE_LEASE) } : {};
    setCall(state, call, { carrier_call_id: carrierCallId, ...live }, now);
    // The carrier works again; what it has asked for in the meantime stands.
    const pause = state.pauses.get(call.row.carrier);
    if (pause !== undefined && pause.until <= now) state.pauses.delete(call.row.carrier);
  }
};

// @returns until when.
const pauseCarrier = (state: MemoryState, carrier: string, calls: readonly RejectedCall[], now: Date): Date => {
  const refused = calls.filter(({ ours }) => ours !== true);
  if (refused.length === 0) return now;
  const asked = refused.flatMap(({ retryAfterMs }) => retryAfterMs ?? []);
  const pause = nextPause(state.pauses.get(carrier), asked.length === 0 ? undefined : Math.max(...asked), now);
  state.pauses.set(carrier, pause);
  return pause.until;
};

const reject = (state: MemoryState, calls: readonly RejectedCall[], now: Date): void => {
  const refused = calls.flatMap(({ callId, code }) => {
    const call = state.calls.get(callId);
    return call !== undefined && isIn(call, 'sending', 'unknown') ? [{ call, code }] : [];
  });
  const [first] = refused;
  if (first === undefined) return;
  const until = pauseCarrier(state, first.call.row.carrier, calls, now);
  for (const { call, code } of refused) {
    const end = { outcome: 'rejected', reason: code, status: 'failed' as const, lease_until: null, sent_at: null, ended_at: now };
    setCall(state, call, { state: 'ended', ...end }, now);
    const { lead, row } = call;
    if (lead?.status !== 'processing' || lead.lastAttemptNo !== row.attempt_no) continue;
    lead.tries = Math.max(lead.tries - 1, 0);
    setLead(state, lead, lead.tries === 0 ? 'created' : 'rescheduled', now);
    setDue(state, lead, until);
    passTurn(state, lead.family, until);
  }
};

const lapse = (state: MemoryState, now: Date): void => {
  for (const call of [...state.open.values()]) {
    const { lease_until } = call.row;
    if (lease_until === null || lease_until > now) continue;
    if (isIn(call, 'reserved')) giveBack(state, call, 'expired', 'lease_lapsed', now);
    else if (isIn(call, 'sending')) setCall(state, call, { state: 'unknown', lease_until: now }, now);
  }
};

const takeQuestions = (state: MemoryState, now: Date): OpenQuestion[] =>
  [...state.open.values()].flatMap(({ row }): OpenQuestion[] => {
    const { state: is, lease_until } = row;
    if (is === 'reserved' || is === 'sending' || is === 'ended' || lease_until === null || lease_until > now) return [];
    row.lease_until = later(now, is === 'live' ? LIVE_LEASE : ASK_AGAIN);
    const about = { callId: row.id, carrierCallId: row.carrier_call_id, to: row.phone_number };
    return [{ ...about, sentAt: row.sent_at ?? row.created_at, state: is }];
  });

const isIdle = (state: MemoryState, campaignId: number): boolean => {
  if (state.queues.get(campaignId)?.next() !== null) return false;
  // Who waits and is not in the queue has a call that goes on.
  return ![...state.open.values()].some(({ row }) => row.campaign_id === campaignId);
};

const toRunning = (state: MemoryState, campaign: MemoryCampaign): RunningCampaign => {
  const { id, accountId, cap, accountCap } = campaign;
  const lines = countLines(state, campaign);
  return {
    id,
    accountId,
    // A copy's settings stay as they are.
    version: '',
    nextDueAt: state.queues.get(id)?.next() ?? null,
    linesFull: lines.campaign >= cap || lines.account >= accountCap,
  };
};

/** Makes a ledger from a copy of a world. */
export const createMemoryLedger = (world: MemoryWorld, settings: Partial<MemoryLedgerSettings> = {}): MemoryLedger => {
  const { sendingMs, reportWaitMs } = { ...DEFAULTS, ...settings };
  const state = createState(world);
  const running = () => [...state.campaigns.values()].filter(({ status }) => status === 'in-progress');
  return {
    state,
    isIdle: (campaignId) => isIdle(state, campaignId),
    running: async () => running().map((campaign) => toRunning(state, campaign)),
    claim: async (campaignId, terms, now) => claimInMemory(state, campaignId, terms, now),
    adopt: async () => [],
    send: async (callIds, worker, now) => send(state, callIds, worker, sendingMs, now),
    release: async (callIds, reason, now) => {
      for (const call of find(state, callIds)) giveBack(state, call, 'revoked', reason, now);
    },
    accepted: async (calls, now) => accept(state, calls, now),
    rejected: async (calls, now) => reject(state, calls, now),
    unconfirmed: async (callIds, now) => {
      for (const call of find(state, callIds)) if (isIn(call, 'sending')) setCall(state, call, { state: 'unknown', lease_until: now }, now);
    },
    record: async (_carrier, events, now) => recordInMemory(state, events, reportWaitMs, now),
    lapse: async (now) => lapse(state, now),
    questions: async (now) => takeQuestions(state, now),
    giveUp: async (callIds, now) => {
      for (const call of find(state, callIds)) settleInMemory(state, call, reportWaitMs, true, now);
    },
    completeIdle: async (now) => {
      for (const campaign of running())
        if (campaign.completesWhenDone && isIdle(state, campaign.id)) setCampaign(state, campaign, 'completed', now);
    },
  };
};
