import { beforeAll, describe, expect, test } from 'vitest';
import { type Answer, createCaller, idsIn, startApp, type TestApp } from '../../test/support/app.ts';
import { insertAssistant } from '../../test/support/insert-assistant.ts';
import { insertCall, insertManyCalls } from '../../test/support/insert-calls.ts';
import { insertCampaign, insertLead } from '../../test/support/insert-leads.ts';
import { CALL_STATUSES } from './call.ts';

let t: TestApp;
let assistant: { id: number; uuid: string };
let second: { id: number; uuid: string };
let gone: { id: number; uuid: string };
let foreign: { id: number; uuid: string };
let campaign: number;
let deletedCampaign: number;
let foreignCampaign: number;
const ids: Record<string, number> = {};

const list = (query = '', api = t.api): Promise<Answer> => api.get(`/api/user/calls${query === '' ? '' : `?${query}`}`);
const idsOf = async (query: string, api = t.api) => idsIn(await list(query, api));
const named = (...names: string[]) => names.map((name) => ids[name]);

beforeAll(async () => {
  t = await startApp();
  const { db } = t;
  const mine = t.mine.account.id;
  const now = t.clock();
  assistant = await insertAssistant(db, mine, now, { name: 'Renewal desk' });
  second = await insertAssistant(db, mine, now, { name: 'Second' });
  gone = await insertAssistant(db, mine, now, { name: 'Gone', deleted_at: now });
  foreign = await insertAssistant(db, t.other.account.id, now);
  campaign = await insertCampaign(db, mine);
  deletedCampaign = await insertCampaign(db, mine, { name: 'Was deleted', deleted_at: now });
  foreignCampaign = await insertCampaign(db, t.other.account.id);
  for (const [index, status] of CALL_STATUSES.entries()) {
    ids[status] = await insertCall(db, mine, assistant.id, {
      status,
      campaign_id: campaign,
      campaign_name: 'Old name',
      phone_number: `+4420794600${index}0`,
      created_at: new Date('2026-01-01T12:00:00Z'),
    });
  }
  ids.us = await insertCall(db, mine, second.id, { created_at: new Date('2026-02-10T00:00:00Z'), simulated: false, carrier: 'sip' });
  ids.late = await insertCall(db, mine, gone.id, {
    phone_number: '+33155512020',
    created_at: new Date('2026-02-10T23:59:59.999Z'),
    campaign_id: deletedCampaign,
    campaign_name: 'Was deleted',
  });
  ids.next = await insertCall(db, mine, second.id, {
    phone_number: '+33155500000',
    created_at: new Date('2026-02-11T00:00:00Z'),
    campaign_name: 'Was purged',
  });
  const lead = await insertLead(db, mine, campaign);
  // None of these is a call to anybody.
  ids.unsent = await insertCall(db, mine, assistant.id, {
    state: 'reserved',
    status: 'initiated',
    sent_at: null,
    campaign_id: campaign,
    lead_id: lead,
    attempt_no: 1,
  });
  ids.fresh = await insertCall(db, mine, assistant.id, { state: 'reserved', status: 'initiated', sent_at: null });
  ids.deleted = await insertCall(db, mine, assistant.id, { deleted_at: now });
  ids.foreign = await insertCall(db, t.other.account.id, foreign.id, { created_at: new Date('2026-02-10T00:00:00Z') });
});

describe('the list', () => {
  test('shows what was sent, the newest first, with names as they are now', async () => {
    const { body } = await list();
    expect(body.data.map((row: { id: number }) => row.id)).toEqual(named('next', 'late', 'us', ...[...CALL_STATUSES].reverse()));
    expect(body.data.slice(0, 4).map((row: Record<string, unknown>) => [row.assistant_name, row.campaign_name])).toEqual([
      ['Second', 'Was purged'],
      ['Gone', 'Was deleted'],
      ['Second', null],
      ['Renewal desk', 'Spring renewals'],
    ]);
    expect(body.data[2]).toMatchObject({ created_at: '2026-02-10 00:00:00', assistant_phone_number: '+12025550100' });
  });

  test('shows only the caller’s calls, under every filter', async () => {
    expect(await idsOf('', t.other)).toEqual(named('foreign'));
    expect(await idsOf('phone_number=2025550143')).toEqual(named('us'));
    expect(await idsOf(`assistant_id=${foreign.id}`)).toEqual([]);
    expect(await idsOf(`assistant_id=${foreign.uuid}`)).toEqual([]);
    expect(await idsOf(`assistant_id=${assistant.uuid}`, t.other)).toEqual([]);
    expect(await idsOf(`campaign_id=${foreignCampaign}`)).toEqual([]);
    expect(await idsOf(`campaign_id=${campaign}`, t.other)).toEqual([]);
    expect(await idsOf('status=busy', t.other)).toEqual([]);
  });

  test.each(CALL_STATUSES)('status=%s', async (status) => {
    const { body } = await list(`status=${status}&campaign_id=${campaign}`);
    expect(body.data.map((row: { id: number; status: string }) => [row.id, row.status])).toEqual([[ids[status], status]]);
  });

  test('status=unanswered is no-answer', async () => {
    const { body } = await list('status=unanswered');
    expect(body.data.map((row: { status: string }) => row.status)).toEqual(['no-answer']);
    expect(body.first_page_url).toMatch(/\?status=unanswered&page=1$/);
  });

  test('type: every call is outbound', async () => {
    expect(await idsOf('type=outbound')).toHaveLength(13);
    for (const type of ['inbound', 'web']) expect(await idsOf(`type=${type}`)).toEqual([]);
  });

  test('assistant_id: by id and by uuid, a deleted one too', async () => {
    for (const ref of [second.id, second.uuid, second.uuid.toUpperCase()])
      expect(await idsOf(`assistant_id=${ref}`)).toEqual(named('next', 'us'));
    for (const ref of [gone.id, gone.uuid]) expect(await idsOf(`assistant_id=${ref}`)).toEqual(named('late'));
    expect(await idsOf('assistant_id=9223372036854775807')).toEqual([]);
    expect(await idsOf('assistant_id=00000000-0000-4000-8000-000000000000')).toEqual([]);
  });

  test('campaign_id: that campaign; one that was deleted is nobody’s', async () => {
    expect(await idsOf(`campaign_id=${campaign}`)).toHaveLength(10);
    expect(await idsOf(`campaign_id=${deletedCampaign}`)).toEqual([]);
    expect(await idsOf('campaign_id=9007199254740993')).toEqual([]);
  });

  test('phone_number: a part, or with a + the start; separators are dropped; others match nothing', async () => {
    for (const part of ['5550143', '0255', '%2B1202', '+1202', '%2B1%20(202)%20555-01.43'])
      expect(await idsOf(`phone_number=${part}`)).toEqual(named('us'));
    expect(await idsOf('phone_number=2020')).toEqual(named('late'));
    for (const nothing of ['%25', '_', '1_025550143', '%5C', '%27', 'abc', '%FF', '%D9%A1'])
      expect(await idsOf(`phone_number=${nothing}`)).toEqual([]);
    // Not the caller's own number.
    expect(await idsOf('phone_number=12025550100')).toEqual([]);
  });

  test('days are UTC and whole', async () => {
    expect(await idsOf('date_from=2026-02-10')).toEqual(named('next', 'late', 'us'));
    expect(await idsOf('date_from=2026-02-10&date_to=2026-02-10')).toEqual(named('late', 'us'));
    expect(await idsOf('date_to=2025-12-31')).toEqual([]);
    expect(await idsOf('date_from=2026-02-11&date_to=2026-02-10')).toEqual([]);
    expect(await idsOf('date_from=0001-01-01&date_to=9999-12-31')).toHaveLength(13);
  });

  test('filters combine by and; empty and unknown ones count as absent', async () => {
    expect(await idsOf(`status=completed&assistant_id=${second.id}&date_from=2026-02-11`)).toEqual(named('next'));
    expect(await idsOf(`status=busy&assistant_id=${second.id}`)).toEqual([]);
    const { status, body } = await list(
      'status=&type=&phone_number=&assistant_id=&campaign_id=&date_from=&date_to=&per_page=&page=&limit=1&sort=id',
    );
    expect([status, body.total, body.per_page]).toEqual([200, 13, 15]);
  });

  test.each<[string, string, string]>([
    ['status=done', 'status', 'The selected status is invalid.'],
    ['status=COMPLETED', 'status', 'The selected status is invalid.'],
    ['status=busy,completed', 'status', 'The selected status is invalid.'],
    ['type=call', 'type', 'The selected type is invalid.'],
    ['campaign_id=abc', 'campaign_id', 'The campaign id field must be an integer.'],
    ['campaign_id=9223372036854775808', 'campaign_id', 'The campaign id field must be an integer.'],
    ['date_from=2026-02-30', 'date_from', 'The date from field must match the format Y-m-d.'],
    ['date_to=today', 'date_to', 'The date to field must match the format Y-m-d.'],
    ['per_page=0', 'per_page', 'The per page field must be at least 1.'],
    ['per_page=101', 'per_page', 'The per page field must not be greater than 100.'],
    ['phone_number=-', 'phone_number', 'The phone number field format is invalid.'],
  ])('%s is 422', async (query, field, message) => {
    const { status, body } = await list(query);
    expect([status, body]).toEqual([422, { message: 'Validation failed', errors: { [field]: [message] } }]);
  });

  test.each([
    'assistant_id=abc',
    'assistant_id=0',
    'assistant_id=1.5',
    "assistant_id=1'%20or%201=1",
    'status[]=busy',
    'type[a]=x',
    'phone_number=%00',
    'campaign_id=1%00',
    'date_from[]=1',
    'per_page[]=5',
  ])('%s is 422', async (query) => {
    expect((await list(query)).status).toBe(422);
  });

  test.each([1, 2, 5, 6, 7, 10])('page %i of ten tiles the list, whichever end it is sought from', async (page) => {
    const caller = t.mine;
    const whole = (await caller.get('/api/user/calls?per_page=100')).body.data.map((row: { id: number }) => row.id);
    const { body } = await caller.get(`/api/user/calls?per_page=2&page=${page}`);
    expect(body.data.map((row: { id: number }) => row.id)).toEqual(whole.slice((page - 1) * 2, page * 2));
    expect(body).toMatchObject({ total: 13, last_page: 7, current_page: page });
  });

  test('an account without calls has an empty page', async () => {
    const nobody = await createCaller(t.app, t.db, t.clock, 'Nobody');
    expect((await nobody.get('/api/user/calls')).body).toMatchObject({ data: [], from: null, to: null, total: 0, last_page: 1 });
  });

  test('all pages of many calls, once each', async () => {
    const caller = await createCaller(t.app, t.db, t.clock, 'Many');
    const { id } = await insertAssistant(t.db, caller.account.id, t.clock());
    await insertManyCalls(t.db, caller.account.id, id, null, 250);
    const seen: number[] = [];
    for (const page of [1, 2, 3]) {
      const { body } = await caller.get(`/api/user/calls?per_page=100&page=${page}`);
      expect([body.from, body.to]).toEqual([(page - 1) * 100 + 1, Math.min(page * 100, 250)]);
      seen.push(...body.data.map((row: { id: number }) => row.id));
    }
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => b - a));
    expect(seen).toHaveLength(250);
    expect((await caller.get('/api/user/calls?status=completed&per_page=1')).body.total).toBe(100);
  });
});

describe('one call', () => {
  test('is the bare object; the header says whether it was simulated', async () => {
    const simulated = await t.api.get(`/api/user/calls/${ids.busy}`);
    expect([simulated.status, simulated.body.id, simulated.headers['x-outdial-carrier']]).toEqual([200, ids.busy, 'simulated']);
    const real = await t.api.get(`/api/user/calls/${ids.us}`);
    expect([real.body.id, real.headers['x-outdial-carrier']]).toEqual([ids.us, undefined]);
    expect((await list()).body.data.find((row: { id: number }) => row.id === ids.us)).toEqual(real.body);
  });

  test('shows its variables in their order, its transcript as text, and what was gathered', async () => {
    const id = await insertCall(t.db, t.other.account.id, foreign.id, {
      variables: '{"zeta":1,"alpha":null,"e":{}}',
      transcript: JSON.stringify([{ text: 'Hello.', type: 'transcript', sender: 'bot', timestamp: 1.5 }]),
      extraction: '{"goal":true,"list":[1]}',
      carrier_cost: 0.031,
      answered_by: 'machine',
      duration: 12,
    });
    const { body, raw } = await t.other.get(`/api/user/calls/${id}`);
    expect(body).toMatchObject({ transcript: 'AI: Hello.', evaluation: { goal: true, list: [1] }, carrier_cost: 0.031, total_cost: 0.031 });
    expect(body).toMatchObject({ answered_by: 'machine', duration: 12 });
    expect(raw).toContain('"variables":{"zeta":1,"alpha":null,"e":{}}');
    await t.other.delete(`/api/user/calls/${id}`);
  });

  test('of make_call can be read before it is sent; an attempt on a lead that was not is no call', async () => {
    expect((await t.api.get(`/api/user/calls/${ids.fresh}`)).body.status).toBe('initiated');
    expect((await t.api.get(`/api/user/calls/${ids.unsent}`)).status).toBe(404);
  });

  test.each(['deleted', 'foreign', 'unsent'])('%s is 404, as an unknown one is, to read and to delete', async (name) => {
    for (const id of [ids[name], 999_999, '9007199254740993', 'abc', '-1', '%00']) {
      for (const answer of [await t.api.get(`/api/user/calls/${id}`), await t.api.delete(`/api/user/calls/${id}`)]) {
        expect(answer.status).toBe(404);
        if (typeof id === 'number') expect(answer.raw).toBe('{"message":"Call not found"}');
      }
    }
  });
});

describe('delete', () => {
  const row = (id: number) => t.db.selectFrom('calls').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  const said = {
    variables: '{"secret":1}',
    transcript: JSON.stringify([{ text: 'Hi.', type: 'transcript', sender: 'human', timestamp: 1 }]),
    extraction: '{"a":1}',
    recording_url: 'https://example.test/a.wav',
  };

  test('takes the record and all that was said; the row stays', async () => {
    const id = await insertCall(t.db, t.mine.account.id, assistant.id, said);
    const before = (await list()).body.total;
    t.clock.advance(1000);
    const { status, body } = await t.api.delete(`/api/user/calls/${id}`);
    expect([status, body]).toEqual([200, { message: 'Call deleted successfully' }]);
    expect(await row(id)).toMatchObject({
      deleted_at: t.clock(),
      state: 'ended',
      status: 'completed',
      variables: {},
      transcript: null,
      extraction: null,
      recording_url: null,
    });
    expect((await list()).body.total).toBe(before - 1);
    for (const answer of [await t.api.get(`/api/user/calls/${id}`), await t.api.delete(`/api/user/calls/${id}`)])
      expect(answer.status).toBe(404);
  });

  test('takes it from what its carrier reported too, which is still known', async () => {
    const { id: account } = t.mine.account;
    const [id, kept] = [await insertCall(t.db, account, assistant.id, said), await insertCall(t.db, account, assistant.id, said)];
    const transcript = [{ text: 'Hi, it is Mara.', type: 'transcript', sender: 'human', timestamp: 1 }];
    const report = JSON.stringify({ type: 'report', extraction: { name: 'Mara' }, transcript });
    const ended = JSON.stringify({ type: 'ended', outcome: 'completed', by: 'callee', talkMs: 1000 });
    const event = (call: number, body: string) => ({
      carrier: 'simulated',
      dedupe_key: `${call}:${body}`,
      call_id: call,
      at: t.clock(),
      body,
    });
    await t.db
      .insertInto('carrier_events')
      .values([event(id, report), event(id, ended), event(kept, report)])
      .execute();
    expect((await t.api.delete(`/api/user/calls/${id}`)).status).toBe(200);
    const events = await t.db.selectFrom('carrier_events').select(['dedupe_key', 'body']).where('call_id', 'in', [id, kept]).execute();
    expect(new Map(events.map(({ dedupe_key, body }) => [dedupe_key, body]))).toEqual(
      new Map<string, unknown>([
        [`${id}:${report}`, { type: 'report', extraction: null, transcript: [] }],
        [`${id}:${ended}`, JSON.parse(ended)],
        [`${kept}:${report}`, JSON.parse(report)],
      ]),
    );
  });

  test.each(['sending', 'live', 'unknown', 'wrapping'] as const)('a call that is %s goes on', async (state) => {
    const id = await insertCall(t.db, t.mine.account.id, assistant.id, { ...said, state, status: 'in-progress' });
    expect((await t.api.delete(`/api/user/calls/${id}`)).status).toBe(200);
    expect(await row(id)).toMatchObject({ state, status: 'in-progress', outcome: null, ended_at: null, transcript: null });
  });

  test('one of make_call that was not sent yet is taken back', async () => {
    const id = await insertCall(t.db, t.mine.account.id, assistant.id, { ...said, state: 'reserved', status: 'initiated', sent_at: null });
    expect((await t.api.delete(`/api/user/calls/${id}`)).status).toBe(200);
    expect(await row(id)).toMatchObject({ state: 'ended', outcome: 'revoked', reason: 'deleted', status: 'failed', ended_at: t.clock() });
  });
});
