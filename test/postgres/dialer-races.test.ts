// Dialers against each other, and against people, on connections of their own: what one transaction could not show.
import { beforeAll, expect, test } from 'vitest';
import { givenClock } from '../../src/dialer/lease.store.ts';
import type { ClaimTerms, Ledger } from '../../src/dialer/ledger.ts';
import { createSqlLedger } from '../../src/dialer/sql-ledger.store.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { buildAssistant, buildNumber } from '../support/build.ts';

let t: TestApp;
let ledger: Ledger;

beforeAll(async () => {
  t = await startApp();
  ledger = createSqlLedger(t.db, { clock: givenClock, sendingMs: 20_000, reportWaitMs: 60_000, tell: async () => {} });
});

const terms = (worker: string, limit = 5): ClaimTerms => ({
  worker,
  leaseMs: 30_000,
  carrier: { kind: 'simulated', simulated: true },
  rates: { campaign: 0, number: 0, carrier: 0 },
  limit,
});

let line = 0;
const running = async (leads: number, fields: object = {}): Promise<number> => {
  const number = await buildNumber(t.api);
  const assistant = await buildAssistant(t.api, { phone_number_id: number.id });
  const body = { name: 'Race', assistant_id: assistant.id, timezone: 'UTC', max_calls_in_parallel: 10, ...fields };
  const id = (await t.api.post('/api/user/campaign', body)).body.data.id;
  for (let n = 0; n < leads; n += 1) {
    await t.api.post('/api/user/lead', { campaign_id: id, phone_number: `+1202${5_550_000 + line++}` });
  }
  await t.api.post('/api/user/campaigns/update-status', { campaign_id: id, action: 'start' });
  return id;
};
const callsOf = (id: number) => t.db.selectFrom('calls').selectAll().where('campaign_id', '=', id).execute();
const stop = (id: number) => t.api.post('/api/user/campaigns/update-status', { campaign_id: id, action: 'stop' });

test('many claims at once reserve each lead once, and no more than the lines allow', async () => {
  const id = await running(30);
  for (let round = 0; round < 10; round += 1) {
    await Promise.all(Array.from({ length: 8 }, (_, n) => ledger.claim(id, terms(`worker ${n}`), t.clock())));
  }
  const calls = await callsOf(id);
  expect(calls).toHaveLength(10);
  expect(new Set(calls.map(({ lead_id }) => lead_id)).size).toBe(10);
  const decisions = await t.db.selectFrom('decisions').selectAll().where('campaign_id', '=', id).where('verdict', '=', 'dial').execute();
  expect(new Set(decisions.map(({ call_id }) => call_id))).toEqual(new Set(calls.map((call) => call.id)));
  await stop(id);
});

test('two campaigns together stay within the lines of the account', async () => {
  const two = [await running(20), await running(20)];
  for (let round = 0; round < 10; round += 1) {
    await Promise.all([0, 1, 2, 3, 4, 5].map((n) => ledger.claim(two[n % 2] ?? 0, terms(`worker ${n}`), t.clock())));
  }
  expect((await Promise.all(two.map(callsOf))).flat()).toHaveLength(10);
  for (const id of two) await stop(id);
});

test('a stop that meets a sending: what was sent before it is sent, and nothing after it', async () => {
  for (let round = 0; round < 10; round += 1) {
    const id = await running(5, { mark_complete_when_no_leads: false });
    const { reserved } = await ledger.claim(id, terms('one'), t.clock());
    const ids = reserved.map(({ callId }) => callId);
    expect(ids).toHaveLength(5);
    const [first = 0, ...rest] = ids;
    const sending = Promise.all([ledger.send([first], 'one', t.clock()), ledger.send(rest, 'one', t.clock())]).then(async (sent) => {
      await ledger.accepted(
        sent.flat().map((callId) => ({ callId, carrierCallId: `c-${callId}` })),
        t.clock(),
      );
      return sent.flat();
    });
    const [answer, sent] = await Promise.all([stop(id), sending]);
    expect(answer.status).toBe(200);
    expect(await ledger.send(ids, 'one', t.clock())).toEqual([]);
    const calls = await callsOf(id);
    for (const call of calls) expect(call.state).toBe(sent.includes(call.id) ? 'live' : 'ended');
    for (const { callId } of (await ledger.claim(id, terms('two'), t.clock())).reserved) throw new Error(`reserved ${callId} after a stop`);
    const leads = await t.db.selectFrom('leads').selectAll().where('campaign_id', '=', id).execute();
    for (const lead of leads) {
      const isSent = calls.some((call) => call.lead_id === lead.id && sent.includes(call.id));
      expect([lead.status, lead.due_at === null, lead.call_tries]).toEqual(isSent ? ['processing', true, 1] : ['created', false, 0]);
    }
    await ledger.giveUp(sent, t.clock());
  }
});

test('claims, blacklisting, edits and deletions at once end without a deadlock, and nothing blocked or gone is left to send', async () => {
  const id = await running(40, { mark_complete_when_no_leads: false });
  const leads = await t.db.selectFrom('leads').select(['id', 'phone_number']).where('campaign_id', '=', id).orderBy('id').execute();
  const acts = leads.map(async ({ id: lead, phone_number }, index) => {
    if (index % 4 === 0) return t.api.post('/api/user/blacklist', { phone_number });
    if (index % 4 === 1) return t.api.put(`/api/user/leads/${lead}`, { status: 'completed' });
    if (index % 4 === 2) return t.api.delete(`/api/user/leads/${lead}`);
    return t.api.put(`/api/user/leads/${lead}`, { variables: { seen: true } });
  });
  const claims = Array.from({ length: 30 }, async (_, n) => {
    const { reserved } = await ledger.claim(id, terms(`worker ${n}`, 3), t.clock());
    const sent = await ledger.send(
      reserved.map(({ callId }) => callId),
      `worker ${n}`,
      t.clock(),
    );
    await ledger.giveUp(sent, t.clock());
  });
  const answers = await Promise.all(acts);
  await Promise.all(claims);
  expect(answers.filter(({ status }) => status >= 300)).toEqual([]);
  const { reserved } = await ledger.claim(id, terms('last', 50), t.clock());
  const blocked = new Set(leads.filter((_, index) => index % 4 === 0).map(({ phone_number }) => phone_number));
  for (const { place } of reserved) expect(blocked.has(place.to)).toBe(false);
  expect((await callsOf(id)).filter(({ state }) => state === 'sending')).toEqual([]);
});
