// Refusals on virtual time: a few contacts that the carrier always refuses, many that it accepts, and an outage. Nobody stands still for
// the few, the few come to an end, and an outage costs nobody a try.
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { rowsOf } from '../../test/simulation/run-world.ts';
import { brokenPromises } from '../../test/support/promise-checker.ts';
import type { Carrier } from '../carriers/carrier.ts';
import { createSimulatedCarrier } from '../carriers/simulated/simulated-carrier.ts';
import { createVirtualTime } from '../virtual-time.ts';
import { startDialer } from './dialer.ts';
import type { Ledger } from './ledger.ts';
import { createMemoryLedger, type MemoryCampaign, type MemoryContact, type MemoryLedger } from './memory-ledger.ts';
import { runUntil, watchLedger } from './virtual-run.ts';

const START = new Date('2026-03-02T09:00:00Z');
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const LINES = 40;

const campaign = (id: number, maxRetries: number): MemoryCampaign => ({
  id,
  accountId: id,
  assistantId: 1,
  name: `Campaign ${id}`,
  status: 'in-progress',
  window: { zone: 'UTC', days: ['monday', 'tuesday'], start: '00:00:00', end: '23:59:00' },
  policy: { maxRetries, retryIntervalMinutes: 10, retryOnVoicemail: false, goal: null },
  cap: LINES,
  accountCap: LINES,
  completesWhenDone: false,
  numbers: [{ id: 1, phoneNumber: '+12025550100', uses: 0, lastUsedAt: null }],
  settings: { assistant_settings: {}, post_call_schema: [], goal_completion_variable: null, simulation: null },
  variables: {},
});

const contact = (id: number, campaignId: number, digits: string, dueAt: Date): MemoryContact => ({
  id,
  campaignId,
  primaryId: null,
  phoneNumber: `+1${2_000_000 + id}0${digits}`,
  variables: {},
  status: 'created',
  dueAt,
  tries: 0,
  lastAttemptNo: 0,
  lastCallerId: null,
  lost: false,
});

interface Setting {
  /** In a campaign of their own account, ahead of all others. */
  refused: number;
  others: number;
  /** One of the others is due each so many milliseconds; 0: all at once. */
  everyMs: number;
  lastsMs: number;
  carrier?: (carrier: Carrier, now: () => Date) => Partial<Carrier>;
  ledger?: (ledger: MemoryLedger) => Partial<Ledger>;
}

const run = async ({ refused, others, everyMs, lastsMs, carrier: wrap, ledger: sabotage }: Setting) => {
  const time = createVirtualTime(START);
  const carrier = createSimulatedCarrier({ scheduler: time });
  const bad = Array.from({ length: refused }, (_, index) => contact(index + 1, 1, '80', START));
  const good = Array.from({ length: others }, (_, index) =>
    contact(refused + index + 1, 2, '01', new Date(START.getTime() + index * everyMs)),
  );
  const memory = createMemoryLedger({ campaigns: [campaign(1, 2), campaign(2, 2)], leads: [...bad, ...good], blacklist: [] });
  const { ledger, busy } = watchLedger({ ...memory, ...sabotage?.(memory) });
  const line = { ...carrier, ...wrap?.(carrier, time.now) };
  const dialer = await startDialer({ ledger, carrier: line, schedule: time, log: pino({ level: 'silent' }), settings: { idleMs: SECOND } });
  await runUntil(time, dialer, busy, new Date(START.getTime() + lastsMs));
  const evidence = { rings: carrier.rings(), rows: rowsOf(memory.state), final: false };
  return { state: memory.state, rings: carrier.rings().length, broken: brokenPromises(evidence).map(({ what }) => what), evidence };
};

test.each([1, 31])('%i contacts that the carrier always refuses cost the others next to nothing', async (refused) => {
  const setting = { others: 3000, everyMs: 0, lastsMs: 2 * MINUTE };
  const [alone, beside] = [await run({ refused: 0, ...setting }), await run({ refused, ...setting })];
  expect(alone.rings).toBeGreaterThan(500);
  expect(beside.rings / alone.rings).toBeGreaterThan(0.9);
  expect(beside.broken).toEqual([]);
});

test('a contact that is refused while others are accepted has its tries, and ends by the retry policy', async () => {
  const { state, broken } = await run({ refused: 1, others: 2000, everyMs: 5 * SECOND, lastsMs: 2.5 * HOUR });
  expect(broken).toEqual([]);
  expect(state.leads.get(1)).toMatchObject({ status: 'reached-max-retries', tries: 2 });
  const calls = [...state.calls.values()].flatMap(({ row }) => (row.lead_id === 1 ? [row] : []));
  expect(calls.filter(({ outcome }) => outcome === 'failed').map(({ status, reason }) => [status, reason])).toEqual([
    ['failed', '429'],
    ['failed', '429'],
  ]);
  const told = state.decisions.filter(({ lead_id, reason }) => lead_id === 1 && reason === 'carrier_refused');
  expect(told).toHaveLength(calls.length);
  expect(told[3]?.facts).toMatchObject({ code: '429', refusals: 4, again: expect.any(String) });
  expect(told.at(-1)?.facts).toMatchObject({ code: '429', against: [8, 8], again: null });
});

test('contacts whose refusals are not counted are found out by the checker', async () => {
  const forgetful = (ledger: MemoryLedger): Partial<Ledger> => ({
    rejected: async (calls, now) => {
      for (const { callId } of calls) {
        const lead = ledger.state.calls.get(callId)?.lead;
        if (lead !== undefined) lead.refused = undefined;
      }
      await ledger.rejected(calls, now);
    },
  });
  const { broken } = await run({ refused: 1, others: 200, everyMs: 3 * SECOND, lastsMs: 10 * MINUTE, ledger: forgetful });
  expect(broken).toContain('refused_without_end');
});

test('an outage of hours costs nobody a try, and when it is over all are called at once', async () => {
  const ends = new Date(START.getTime() + 6 * HOUR);
  const outage = (carrier: Carrier, now: () => Date): Partial<Carrier> => ({
    place: async (request, signal) =>
      now() < ends
        ? { kind: 'rejected', scope: 'carrier', code: 'unreachable', message: 'No connection.' }
        : carrier.place(request, signal),
  });
  const { state, rings, broken } = await run({ refused: 0, others: 30, everyMs: 0, lastsMs: 6 * HOUR + 5 * MINUTE, carrier: outage });
  expect(broken).toEqual([]);
  expect([...state.leads.values()].every(({ status, tries }) => status === 'completed' && tries === 1)).toBe(true);
  expect(rings).toBe(30);
  // It was left alone for a minute at a time.
  expect(state.calls.size).toBeLessThan(30 * (6 * 60 + 20));
});

test('a refusal of the number is a failed call at once, and pauses nobody', async () => {
  const refuses = (carrier: Carrier): Partial<Carrier> => ({
    place: async (request, signal) =>
      request.to.endsWith('80')
        ? { kind: 'rejected', scope: 'number', code: '404', message: 'No such number.' }
        : carrier.place(request, signal),
  });
  const { state, broken } = await run({ refused: 3, others: 10, everyMs: SECOND, lastsMs: 15 * MINUTE, carrier: refuses });
  expect(broken).toEqual([]);
  expect(state.pauses.size).toBe(0);
  expect(state.decisions.filter(({ reason }) => reason === 'carrier_paused')).toEqual([]);
  for (const id of [1, 2, 3]) expect(state.leads.get(id)).toMatchObject({ status: 'reached-max-retries', tries: 2 });
  const told = state.decisions.filter(({ lead_id, reason }) => lead_id === 1 && reason === 'number_refused');
  expect(told.map(({ facts }) => facts)).toEqual([
    { code: '404', again: null },
    { code: '404', again: null },
  ]);
});
