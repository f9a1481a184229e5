// What others believe of a dialer by what it says of itself, and what becomes of calls whose dialer died.
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { startApp, type TestApp } from '../../test/support/app.ts';
import { buildAssistant, buildNumber, numberEndingIn } from '../../test/support/build.ts';
import { startDialing } from '../../test/support/dialing.ts';
import { insertAssistant } from '../../test/support/insert-assistant.ts';
import { insertCall } from '../../test/support/insert-calls.ts';
import type { CallRow } from '../db/schema.ts';
import { DEAD_MS } from './dialers.store.ts';
import { givenClock } from './lease.store.ts';
import type { DialerIdentity, Ledger } from './ledger.ts';
import { createSqlLedger } from './sql-ledger.store.ts';

const DAY_MS = 86_400_000;

let t: TestApp;
let ledger: Ledger;
let assistant: number;

const self = (worker: string, ownRecord: boolean): DialerIdentity => ({ worker, carrier: 'simulated', ownRecord, deadMs: DEAD_MS });

beforeAll(async () => {
  t = await startApp();
  ledger = createSqlLedger(t.db, { clock: givenClock, sendingMs: 20_000, reportWaitMs: 60_000, tell: async () => {} });
  assistant = (await insertAssistant(t.db, t.mine.account.id, t.clock())).id;
});
beforeEach(async () => {
  await t.db.deleteFrom('calls').execute();
  await t.db.deleteFrom('dialers').execute();
});

const STATES = ['reserved', 'sending', 'live', 'unknown', 'wrapping'] as const;

/** A call in each state. @returns their ids by state. */
const callsOf = async (worker: string): Promise<Record<(typeof STATES)[number], number>> => {
  const lease_until = new Date(t.clock().getTime() + 60_000);
  const ids = [];
  for (const state of STATES) {
    const sent_at = state === 'reserved' ? null : t.clock();
    ids.push([state, await insertCall(t.db, t.mine.account.id, assistant, { state, status: 'initiated', worker, lease_until, sent_at })]);
  }
  return Object.fromEntries(ids);
};
const calls = async (): Promise<Map<number, CallRow>> =>
  new Map((await t.db.selectFrom('calls').selectAll().execute()).map((row) => [row.id, row]));
const asked = async (me: DialerIdentity): Promise<number[]> =>
  (await ledger.questions(me, t.clock())).map(({ callId }) => callId).sort((x, y) => x - y);
const workers = async (): Promise<string[]> =>
  (await t.db.selectFrom('dialers').select('worker').orderBy('worker').execute()).map(({ worker }) => worker);

test('a dialer that beats keeps its calls, however long ago it started', async () => {
  const [a, b] = [self('a', true), self('b', true)];
  await ledger.beat(a, t.clock());
  await callsOf('a');
  const before = await calls();
  for (let second = 0; second < 30; second += 9) {
    t.clock.advance(9000);
    await ledger.beat(a, t.clock());
    expect(await ledger.takeOver(b, t.clock())).toEqual([]);
  }
  expect(await calls()).toEqual(before);
});

test('nobody but its own dialer asks about a call whose record is in that dialer’s process', async () => {
  const [a, b, c] = [self('a', true), self('b', true), self('c', false)];
  for (const one of [a, b, c]) await ledger.beat(one, t.clock());
  const { live, unknown, wrapping } = await callsOf('a');
  await t.db.updateTable('calls').set({ lease_until: t.clock() }).execute();
  expect(await asked(b)).toEqual([]);
  expect(await asked(c)).toEqual([]);
  expect(await asked(a)).toEqual([live, unknown, wrapping]);
});

test('anybody asks about a call whose record is shared', async () => {
  const [a, b] = [self('a', false), self('b', false)];
  for (const one of [a, b]) await ledger.beat(one, t.clock());
  const { live, unknown, wrapping } = await callsOf('a');
  await t.db.updateTable('calls').set({ lease_until: t.clock() }).execute();
  expect(await asked(b)).toEqual([live, unknown, wrapping]);
});

test('after ten seconds of silence, calls that died with their dialer are given up, and what was not sent is given back', async () => {
  const [a, b] = [self('a', true), self('b', true)];
  await ledger.beat(a, t.clock());
  const ids = await callsOf('a');
  t.clock.advance(DEAD_MS - 1);
  expect(await ledger.takeOver(b, t.clock())).toEqual([]);
  t.clock.advance(1);
  const died = await ledger.takeOver(b, t.clock());
  expect(died).toEqual([ids.sending, ids.live, ids.unknown, ids.wrapping]);
  await ledger.giveUp(died, t.clock());
  const after = await calls();
  expect(after.get(ids.reserved)).toMatchObject({ state: 'ended', outcome: 'expired', reason: 'dialer_died', sent_at: null });
  for (const id of [ids.sending, ids.live, ids.unknown]) {
    expect(after.get(id)).toMatchObject({ state: 'ended', outcome: 'lost', status: 'failed' });
    expect(after.get(id)?.sent_at).not.toBeNull();
  }
  expect(after.get(ids.wrapping)?.state).toBe('ended');
  expect(await ledger.takeOver(b, t.clock())).toEqual([]);
});

test('calls of a dead dialer whose record is shared go on, and are asked about at once, by one', async () => {
  const [a, b, c] = [self('a', false), self('b', false), self('c', false)];
  await ledger.beat(a, t.clock());
  const ids = await callsOf('a');
  t.clock.advance(DEAD_MS);
  expect(await ledger.takeOver(b, t.clock())).toEqual([]);
  const after = await calls();
  expect(after.get(ids.reserved)).toMatchObject({ state: 'ended', outcome: 'expired' });
  expect(after.get(ids.sending)).toMatchObject({ state: 'unknown', worker: 'b' });
  expect(after.get(ids.live)).toMatchObject({ state: 'live', worker: 'b' });
  // The report that is awaited may still come.
  expect(after.get(ids.wrapping)?.lease_until).toEqual(new Date(t.clock().getTime() + 60_000 - DEAD_MS));
  expect(await asked(b)).toEqual([ids.sending, ids.live, ids.unknown]);
  await ledger.beat(b, t.clock());
  expect(await ledger.takeOver(c, t.clock())).toEqual([]);
});

test('a dialer that stops is no more, and those that died are forgotten after a day', async () => {
  for (const worker of ['a', 'b']) await ledger.beat(self(worker, true), t.clock());
  await ledger.leave('a');
  expect(await workers()).toEqual(['b']);
  t.clock.advance(DAY_MS + 1);
  await ledger.beat(self('c', true), t.clock());
  expect(await workers()).toEqual(['c']);
});

test('an accepted call that its carrier no longer knows ends after a short grace, and is not dialed again', async () => {
  let isGone = false;
  const dialing = await startDialing(t, {
    settings: { idleMs: 10_000 },
    wrap: (carrier) => ({
      ...carrier,
      place: async (request) => ({ kind: 'accepted', carrierCallId: `lost-${request.callId}` }),
      lookup: async () => (isGone ? 'gone' : 'live'),
    }),
  });
  const number = await buildNumber(t.api);
  const { id: assistant_id } = await buildAssistant(t.api, { phone_number_id: number.id });
  const body = { name: 'Gone', assistant_id, timezone: 'UTC', max_retries: 3, retry_interval: 10, max_calls_in_parallel: 1 };
  const campaign_id: number = (await t.api.post('/api/user/campaign', body)).body.data.id;
  const lead = (await t.api.post('/api/user/lead', { campaign_id, phone_number: numberEndingIn('01') })).body.data.id;
  const next = (await t.api.post('/api/user/lead', { campaign_id, phone_number: numberEndingIn('02') })).body.data.id;
  await t.api.post('/api/user/campaigns/update-status', { campaign_id, action: 'start' });
  // As long as it goes on nobody minds.
  await dialing.pass(200_000);
  const statusOf = async (id: number) => (await t.api.get(`/api/user/leads/${id}`)).body.status;
  expect([await statusOf(lead), await statusOf(next)]).toEqual(['processing', 'created']);
  isGone = true;
  await dialing.pass(90_000);
  expect([await statusOf(lead), await statusOf(next)]).toEqual(['reached-max-retries', 'processing']);
  const [call, ...more] = await t.db.selectFrom('calls').selectAll().where('lead_id', '=', lead).execute();
  expect(call).toMatchObject({ state: 'ended', outcome: 'lost' });
  expect(more).toEqual([]);
  await dialing.dialer.stop();
  expect(await workers()).toEqual([]);
});
