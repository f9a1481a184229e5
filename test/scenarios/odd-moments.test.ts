// Moments at which two things meet: an answer of the carrier and an act of a person, a pause and a success, a move and a call.
// The ledger is asked directly, so that each comes exactly when it is meant to.
import { beforeAll, beforeEach, expect, test } from 'vitest';
import type { CarrierEvent } from '../../src/carriers/carrier.ts';
import { givenClock } from '../../src/dialer/lease.store.ts';
import type { Ledger } from '../../src/dialer/ledger.ts';
import { createSqlLedger } from '../../src/dialer/sql-ledger.store.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { buildAssistant, buildNumber, numberEndingIn } from '../support/build.ts';
import { TERMS } from '../support/claim-terms.ts';
import { purgeAll } from '../support/purge.ts';

let t: TestApp;
let ledger: Ledger;

beforeAll(async () => {
  t = await startApp();
  ledger = createSqlLedger(t.db, { clock: givenClock, sendingMs: 20_000, reportWaitMs: 60_000, tell: async () => {} });
});
beforeEach(async () => {
  await t.db.deleteFrom('carrier_pauses').execute();
  await t.db.updateTable('calls').set({ state: 'ended' }).where('state', '!=', 'ended').execute();
});

const campaign = async (fields: object = {}): Promise<number> => {
  const number = await buildNumber(t.api);
  const assistant = await buildAssistant(t.api, { phone_number_id: number.id });
  const body = { name: 'Odd', assistant_id: assistant.id, timezone: 'UTC', max_retries: 1, retry_interval: 60, ...fields };
  return (await t.api.post('/api/user/campaign', body)).body.data.id;
};
const lead = async (campaign_id: number, fields: object = {}): Promise<number> =>
  (await t.api.post('/api/user/lead', { campaign_id, phone_number: numberEndingIn('01'), ...fields })).body.data.id;
const start = (campaign_id: number) => t.api.post('/api/user/campaigns/update-status', { campaign_id, action: 'start' });
const row = (id: number) => t.db.selectFrom('leads').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
const claimAndSend = async (id: number): Promise<number[]> => {
  const { reserved } = await ledger.claim(id, TERMS, t.clock());
  return ledger.send(
    reserved.map(({ callId }) => callId),
    'one',
    t.clock(),
  );
};
const ended = (callId: number, outcome: 'busy' | 'no-answer'): CarrierEvent => ({
  callId: String(callId),
  carrierCallId: `c-${callId}`,
  dedupeKey: `c-${callId}/ended`,
  at: t.clock(),
  body: { type: 'ended', outcome, by: 'callee', talkMs: 0 },
});
const contactOf = async (id: number) => t.db.selectFrom('leads').selectAll().where('primary_id', '=', id).executeTakeFirstOrThrow();

test('a contact whose call is refused after the cascade has ended is not due again', async () => {
  const one = await campaign();
  const id = await lead(one, { secondary_contacts: [{ phone_number: numberEndingIn('02') }] });
  await start(one);
  const [first = 0] = await claimAndSend(one);
  await ledger.record('simulated', [ended(first, 'busy')], t.clock());
  t.clock.advance(61 * 60_000);
  const [second = 0] = await claimAndSend(one);
  const contact = await contactOf(id);
  expect(contact.status).toBe('processing');
  // The person says that the customer was reached, while the request is with the carrier.
  const put = t.api.put(`/api/user/leads/${id}`, { status: 'completed' });
  await ledger.rejected([{ callId: second, code: '429' }], t.clock());
  expect((await put).status).toBe(200);
  expect([(await row(contact.id)).status, (await row(contact.id)).due_at]).toEqual(['created', null]);
  t.clock.advance(60 * 60_000);
  expect((await ledger.claim(one, TERMS, t.clock())).reserved).toEqual([]);
});

test('a lead that is moved to another campaign during its call is settled there', async () => {
  const [from, to] = [await campaign({ max_retries: 3 }), await campaign({ max_retries: 3, retry_interval: 20 })];
  const id = await lead(from);
  await start(from);
  const [call = 0] = await claimAndSend(from);
  await ledger.accepted([{ callId: call, carrierCallId: `c-${call}` }], t.clock());
  await t.api.put(`/api/user/leads/${id}`, { campaign_id: to });
  await t.api.delete(`/api/user/campaign/${from}`);
  await purgeAll(t.db, async () => false);
  await ledger.record('simulated', [ended(call, 'busy')], t.clock());
  const { status, due_at } = await row(id);
  expect([status, due_at]).toEqual(['rescheduled', new Date(t.clock().getTime() + 20 * 60_000)]);
});

test('a carrier that has asked for a pause gets it, though an earlier call is accepted meanwhile', async () => {
  const one = await campaign();
  for (let n = 0; n < 3; n += 1) await lead(one);
  await start(one);
  const [refused = 0, accepted = 0] = await claimAndSend(one);
  await ledger.rejected([{ callId: refused, code: '429', retryAfterMs: 30_000 }], t.clock());
  await ledger.accepted([{ callId: accepted, carrierCallId: 'c' }], t.clock());
  await lead(one);
  expect(await ledger.claim(one, TERMS, t.clock())).toMatchObject({ reserved: [], refused: 'carrier_paused' });
  t.clock.advance(30_001);
  expect((await ledger.claim(one, TERMS, t.clock())).reserved.length).toBeGreaterThan(0);
});

test('an accepted call ends a pause that was our own back-off, at once', async () => {
  const one = await campaign();
  for (let n = 0; n < 3; n += 1) await lead(one);
  await start(one);
  const [refused = 0, accepted = 0] = await claimAndSend(one);
  const versionOf = async () => (await ledger.running(t.clock())).find(({ id }) => id === one)?.version;
  const before = await versionOf();
  for (let strikes = 1; strikes <= 3; strikes += 1) {
    await t.db.updateTable('carrier_pauses').set({ paused_until: t.clock() }).execute();
    await t.db.updateTable('calls').set({ state: 'sending' }).where('id', '=', refused).execute();
    await ledger.rejected([{ callId: refused, code: '503' }], t.clock());
  }
  await lead(one);
  expect(await ledger.claim(one, TERMS, t.clock())).toMatchObject({ reserved: [], refused: 'carrier_paused' });
  // Else a dialer would not ask for a campaign again before the pause that it was told of is over.
  expect(await versionOf()).not.toBe(before);
  expect(await ledger.accepted([{ callId: accepted, carrierCallId: 'c4' }], t.clock())).toBe(true);
  expect(await versionOf()).toBe(before);
  expect((await ledger.claim(one, TERMS, t.clock())).reserved.length).toBeGreaterThan(0);
  expect(await t.db.selectFrom('carrier_pauses').selectAll().execute()).toEqual([]);
});

test('a number that is refused has had a failed call: the try counts, and its lead’s history says why', async () => {
  const one = await campaign({ max_retries: 2, retry_interval: 20 });
  const id = await lead(one);
  await start(one);
  const [call = 0] = await claimAndSend(one);
  await ledger.rejected([{ callId: call, code: '21211', scope: 'number' }], t.clock());
  expect(await row(id)).toMatchObject({ status: 'rescheduled', call_tries: 1, due_at: new Date(t.clock().getTime() + 20 * 60_000) });
  expect((await t.api.get(`/api/user/calls/${call}`)).body.status).toBe('failed');
  const { body } = await t.api.get(`/api/user/leads/${id}/history`);
  const told = body.data.filter(({ reason }: { reason: string }) => reason === 'number_refused');
  expect(told).toMatchObject([{ kind: 'decision', verdict: 'refuse', call_id: call, facts: { code: '21211', again: null } }]);
  expect(await t.db.selectFrom('carrier_pauses').selectAll().execute()).toEqual([]);
});

test('a number that is refused each time does not keep those behind it from being called', async () => {
  const one = await campaign({ max_calls_in_parallel: 1 });
  const [first, second] = [await lead(one), await lead(one)];
  await start(one);
  const [refused = 0] = await claimAndSend(one);
  await ledger.rejected([{ callId: refused, code: '404' }], t.clock());
  t.clock.advance(2000);
  await claimAndSend(one);
  expect([(await row(first)).status, (await row(second)).status]).toEqual(['created', 'processing']);
});

test('contacts that have used up a limit lowered meanwhile make room at once', async () => {
  const one = await campaign({ max_calls_in_parallel: 1 });
  const used = [await lead(one), await lead(one), await lead(one)];
  await t.db.updateTable('leads').set({ call_tries: 1, status: 'rescheduled' }).where('id', 'in', used).execute();
  const fresh = await lead(one);
  await start(one);
  for (let n = 0; n < used.length; n += 1) {
    expect(await ledger.claim(one, TERMS, t.clock())).toMatchObject({ reserved: [], refused: undefined, again: t.clock() });
  }
  await claimAndSend(one);
  expect((await row(fresh)).status).toBe('processing');
  expect(await Promise.all(used.map(async (id) => (await row(id)).status))).toEqual(used.map(() => 'reached-max-retries'));
});

test('a contact that is deleted while it is called leaves an interval to the next', async () => {
  const one = await campaign();
  const contacts = ['02', '03'].map((digits) => ({ phone_number: numberEndingIn(digits) }));
  const id = await lead(one, { secondary_contacts: contacts });
  await start(one);
  const [first = 0] = await claimAndSend(one);
  await ledger.record('simulated', [ended(first, 'busy')], t.clock());
  t.clock.advance(61 * 60_000);
  const [second = 0] = await claimAndSend(one);
  await ledger.accepted([{ callId: second, carrierCallId: 'c2' }], t.clock());
  const called = await t.db
    .selectFrom('leads')
    .selectAll()
    .where('primary_id', '=', id)
    .where('status', '=', 'processing')
    .executeTakeFirstOrThrow();
  await t.api.delete(`/api/user/leads/${called.id}`);
  expect((await contactOf(id)).due_at).toEqual(new Date(t.clock().getTime() + 60 * 60_000));
});

test('a report of a call that was never sent changes nothing', async () => {
  const one = await campaign();
  const id = await lead(one);
  await start(one);
  const { reserved } = await ledger.claim(one, TERMS, t.clock());
  const callId = reserved[0]?.callId ?? 0;
  await ledger.record('simulated', [ended(callId, 'busy')], t.clock());
  expect((await row(id)).status).toBe('scheduled');
  expect(await ledger.send([callId], 'one', t.clock())).toEqual([callId]);
});

test('what is told of a call whose record was deleted settles it, and is not kept', async () => {
  const one = await campaign();
  const id = await lead(one);
  await start(one);
  const [callId = 0] = await claimAndSend(one);
  await ledger.accepted([{ callId, carrierCallId: 'c3' }], t.clock());
  expect((await t.api.delete(`/api/user/calls/${callId}`)).status).toBe(200);
  const transcript = [{ text: 'Hello', type: 'transcript', sender: 'human', timestamp: 0 }] as const;
  const report: CarrierEvent = {
    callId: String(callId),
    carrierCallId: 'c3',
    dedupeKey: `${callId} report`,
    at: t.clock(),
    body: { type: 'report', extraction: { name: 'Ann' }, transcript },
  };
  await ledger.record('simulated', [ended(callId, 'no-answer'), report], t.clock());
  await ledger.record('simulated', [report], t.clock());
  expect((await row(id)).status).toBe('reached-max-retries');
  const kept = await t.db.selectFrom('carrier_events').select('body').where('call_id', '=', callId).execute();
  expect(kept).toHaveLength(2);
  expect(JSON.stringify(kept)).not.toMatch(/Hello|Ann/);
});
