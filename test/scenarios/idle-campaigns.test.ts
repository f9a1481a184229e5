// When a running campaign has nothing left to call: not while one of its leads is on a call, whichever campaign made it.
import { beforeAll, expect, test } from 'vitest';
import type { CarrierEvent } from '../../src/carriers/carrier.ts';
import { givenClock } from '../../src/dialer/lease.store.ts';
import type { Ledger } from '../../src/dialer/ledger.ts';
import { createSqlLedger } from '../../src/dialer/sql-ledger.store.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { buildAssistant, buildCampaign, buildLead, buildNumber, numberEndingIn } from '../support/build.ts';
import { TERMS } from '../support/claim-terms.ts';

let t: TestApp;
let ledger: Ledger;
beforeAll(async () => {
  t = await startApp();
  ledger = createSqlLedger(t.db, { clock: givenClock, sendingMs: 20_000, reportWaitMs: 60_000, tell: async () => {} });
});

const HOUR = 3_600_000;

const campaign = async (fields: object = {}): Promise<number> => {
  const assistant = await buildAssistant(t.api, { phone_number_id: (await buildNumber(t.api)).id });
  const usual = { timezone: 'UTC', max_retries: 3, retry_interval: 60, mark_complete_when_no_leads: true };
  return (await buildCampaign(t.api, { assistant_id: assistant.id, ...usual, ...fields })).id;
};
const lead = async (campaign_id: number, fields: object = {}): Promise<number> =>
  (await buildLead(t.api, { campaign_id, phone_number: numberEndingIn('01'), ...fields })).id;
const start = async (campaign_id: number) =>
  expect((await t.api.post('/api/user/campaigns/update-status', { campaign_id, action: 'start' })).status).toBe(200);
const statusOf = async (id: number) =>
  (await t.db.selectFrom('campaigns').select('status').where('id', '=', id).executeTakeFirstOrThrow()).status;
const call = async (id: number): Promise<number> => {
  const { reserved } = await ledger.claim(id, TERMS, t.clock());
  const [callId = 0] = await ledger.send(
    reserved.map(({ callId }) => callId),
    'one',
    t.clock(),
  );
  await ledger.accepted([{ callId, carrierCallId: `c-${callId}` }], t.clock());
  return callId;
};
const end = (callId: number) => {
  const body = { type: 'ended', outcome: 'busy', by: 'callee', talkMs: 0 } as const;
  const event: CarrierEvent = {
    callId: String(callId),
    carrierCallId: `c-${callId}`,
    dedupeKey: `c-${callId}/ended`,
    at: t.clock(),
    body,
  };
  return ledger.record('simulated', [event], t.clock());
};

test.each(['lead', 'contact'])('a campaign waits for a %s that came in the middle of a call, and calls it again', async (who) => {
  const [from, to] = [await campaign({ mark_complete_when_no_leads: false }), await campaign()];
  // The lead itself has had its calls when its contact is called.
  const contacts = who === 'contact' ? { secondary_contacts: [{ phone_number: numberEndingIn('02') }] } : {};
  const id = await lead(from, contacts);
  if (who === 'contact')
    await t.db.updateTable('leads').set({ status: 'reached-max-retries', due_at: null }).where('id', '=', id).execute();
  if (who === 'contact') await t.db.updateTable('leads').set({ due_at: t.clock() }).where('primary_id', '=', id).execute();
  await lead(to);
  await start(from);
  await start(to);
  const first = await call(from);
  expect(first).toBeGreaterThan(0);
  expect((await t.api.put(`/api/user/leads/${id}`, { campaign_id: to })).status).toBe(200);
  // All else that the campaign has is done with.
  await t.db
    .updateTable('leads')
    .set({ status: 'completed', due_at: null })
    .where('campaign_id', '=', to)
    .where('due_at', 'is not', null)
    .execute();

  await ledger.completeIdle(t.clock());
  expect(await statusOf(to)).toBe('in-progress');
  await end(first);
  await ledger.completeIdle(t.clock());
  expect(await statusOf(to)).toBe('in-progress');
  t.clock.advance(HOUR + 1);
  const second = await call(to);
  expect(second).toBeGreaterThan(first);
  const called = await t.db
    .selectFrom('calls')
    .innerJoin('leads', 'leads.id', 'calls.lead_id')
    .select(['leads.id', 'leads.primary_id'])
    .where('calls.id', '=', second)
    .executeTakeFirstOrThrow();
  expect(called.primary_id ?? called.id).toBe(id);
});

test('a campaign whose leads are all done with is completed, whatever others call', async () => {
  const [busy, done] = [await campaign(), await campaign()];
  await lead(busy);
  const last = await lead(done);
  await start(busy);
  await start(done);
  expect(await call(busy)).toBeGreaterThan(0);
  await t.db.updateTable('leads').set({ status: 'completed', due_at: null }).where('id', '=', last).execute();
  await ledger.completeIdle(t.clock());
  expect([await statusOf(busy), await statusOf(done)]).toEqual(['in-progress', 'completed']);
});
