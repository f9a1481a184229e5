// The dialer's ledger in memory: for the time machine and the seeded simulation. It makes the same decisions as the SQL
// ledger, on one thread, so that each of its acts is whole. make_call is not part of it.
import type { CallRow } from '../db/schema.ts';
import type { DialerIdentity, Ledger, OpenQuestion, RunningCampaign } from './ledger.ts';
import { claimInMemory, countLines } from './memory-ledger-claim.ts';
import { acceptInMemory, rejectInMemory } from './memory-ledger-refuse.ts';
import { recordInMemory, settleInMemory } from './memory-ledger-settle.ts';
import {
  createState,
  type MemoryCall,
  type MemoryCampaign,
  type MemoryState,
  type MemoryWorld,
  setCall,
  setCampaign,
  setLead,
} from './memory-ledger-state.ts';
import { giveBack } from './memory-ledger-turn.ts';
import { ASK_AGAIN, GONE_GRACE } from './recover.store.ts';
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

const lapse = (state: MemoryState, now: Date): void => {
  for (const call of [...state.open.values()]) {
    const { lease_until } = call.row;
    if (lease_until === null || lease_until > now) continue;
    if (isIn(call, 'reserved')) giveBack(state, call, 'expired', 'lease_lapsed', now);
    else if (isIn(call, 'sending')) setCall(state, call, { state: 'unknown', lease_until: now }, now);
  }
};

// As dialers.store.ts.
const isAlive = (state: MemoryState, worker: string, deadMs: number, now: Date): boolean =>
  (state.dialers.get(worker)?.beatAt ?? new Date(0)) > later(now, -deadMs);

const takeOver = (state: MemoryState, { worker, ownRecord, deadMs }: DialerIdentity, now: Date): number[] => {
  const lost: number[] = [];
  for (const call of [...state.open.values()]) {
    const { row } = call;
    if (row.worker === '' || row.worker === worker || isAlive(state, row.worker, deadMs, now)) continue;
    if (isIn(call, 'reserved')) giveBack(state, call, 'expired', 'dialer_died', now);
    else if (state.dialers.get(row.worker)?.ownRecord ?? ownRecord) lost.push(row.id);
    else {
      const lease_until = isIn(call, 'wrapping') ? row.lease_until : now;
      setCall(state, call, { worker, lease_until, ...(isIn(call, 'sending') ? { state: 'unknown' as const } : {}) }, now);
    }
  }
  return lost;
};

const takeQuestions = (state: MemoryState, { worker, deadMs }: DialerIdentity, now: Date): OpenQuestion[] =>
  [...state.open.values()].flatMap(({ row }): OpenQuestion[] => {
    const { state: is, lease_until } = row;
    if (is === 'reserved' || is === 'sending' || is === 'ended' || lease_until === null || lease_until > now) return [];
    const isOthers = row.worker !== worker && state.dialers.get(row.worker)?.ownRecord === true && isAlive(state, row.worker, deadMs, now);
    if (isOthers) return [];
    row.lease_until = later(now, is === 'live' ? LIVE_LEASE : ASK_AGAIN);
    const wasGone = row.gone_at !== null && row.gone_at <= later(now, -GONE_GRACE);
    const about = { callId: row.id, carrierCallId: row.carrier_call_id, to: row.phone_number };
    return [{ ...about, sentAt: row.sent_at ?? row.created_at, state: is, wasGone }];
  });

const markGone = (state: MemoryState, callIds: readonly number[], now: Date): void => {
  for (const call of find(state, callIds))
    if (isIn(call, 'live')) Object.assign(call.row, { gone_at: call.row.gone_at ?? now, lease_until: later(now, GONE_GRACE) });
};

const isIdle = (state: MemoryState, campaignId: number): boolean => {
  if (state.queues.get(campaignId)?.next() !== null) return false;
  // Who waits and is not in the queue has a call that goes on.
  return ![...state.open.values()].some(({ row }) => row.campaign_id === campaignId);
};

// A copy's settings stay as they are; a carrier's pause comes and goes.
const versionOf = (state: MemoryState, now: Date): string =>
  [...state.pauses].flatMap(([carrier, { until }]) => (until > now ? carrier : [])).join(' ');

const toRunning = (state: MemoryState, campaign: MemoryCampaign, now: Date): RunningCampaign => {
  const { id, accountId, cap, accountCap } = campaign;
  const lines = countLines(state, campaign);
  return {
    id,
    accountId,
    version: versionOf(state, now),
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
    running: async (now) => running().map((campaign) => toRunning(state, campaign, now)),
    claim: async (campaignId, terms, now) => claimInMemory(state, campaignId, terms, now),
    adopt: async () => [],
    send: async (callIds, worker, now) => send(state, callIds, worker, sendingMs, now),
    release: async (callIds, reason, now) => {
      for (const call of find(state, callIds)) giveBack(state, call, 'revoked', reason, now);
    },
    accepted: async (calls, now) => acceptInMemory(state, calls, now),
    rejected: async (calls, now) => rejectInMemory(state, calls, reportWaitMs, now),
    unconfirmed: async (callIds, now) => {
      for (const call of find(state, callIds)) if (isIn(call, 'sending')) setCall(state, call, { state: 'unknown', lease_until: now }, now);
    },
    record: async (_carrier, events, now) => recordInMemory(state, events, reportWaitMs, now),
    lapse: async (now) => lapse(state, now),
    beat: async ({ worker, ownRecord }, now) => void state.dialers.set(worker, { beatAt: now, ownRecord }),
    leave: async (worker) => void state.dialers.delete(worker),
    takeOver: async (self, now) => takeOver(state, self, now),
    questions: async (self, now) => takeQuestions(state, self, now),
    gone: async (callIds, now) => markGone(state, callIds, now),
    giveUp: async (callIds, now) => {
      for (const call of find(state, callIds)) settleInMemory(state, call, reportWaitMs, true, now);
    },
    held: async (_carrier, calls) => calls.map(() => false),
    completeIdle: async (now) => {
      for (const campaign of running())
        if (campaign.completesWhenDone && isIdle(state, campaign.id)) setCampaign(state, campaign, 'completed', now);
    },
  };
};
