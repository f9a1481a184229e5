// What people do while a campaign runs: each act holds at once, whatever the dialer has in hand.
import { beforeAll, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { buildAssistant, buildNumber, numberEndingIn } from '../support/build.ts';
import { type Dialing, startDialing } from '../support/dialing.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

let t: TestApp;
let dialing: Dialing;
let number: number;

beforeAll(async () => {
  t = await startApp({ wake: () => dialing?.dialer.wake() });
  number = (await buildNumber(t.api)).id;
  dialing = await startDialing(t);
});

const campaign = async (fields: object = {}): Promise<number> => {
  const assistant = await buildAssistant(t.api, { phone_number_id: number });
  const body = { name: 'Spring', assistant_id: assistant.id, timezone: 'UTC', max_retries: 2, retry_interval: 60, ...fields };
  return (await t.api.post('/api/user/campaign', body)).body.data.id;
};
const lead = async (campaign_id: number, digits: string, fields: object = {}): Promise<number> => {
  const { body, raw } = await t.api.post('/api/user/lead', { campaign_id, phone_number: numberEndingIn(digits), ...fields });
  if (body.data === undefined) throw new Error(raw);
  return body.data.id;
};
const start = async (campaign_id: number) => {
  const { status, raw } = await t.api.post('/api/user/campaigns/update-status', { campaign_id, action: 'start' });
  if (status !== 200) throw new Error(raw);
};
const put = (id: number, fields: object) => t.api.put(`/api/user/leads/${id}`, fields);
const read = async (id: number) => (await t.api.get(`/api/user/leads/${id}`)).body;
const rung = async (id: number) =>
  (await t.db.selectFrom('calls').select('id').where('lead_id', '=', id).where('sent_at', 'is not', null).execute()).length;
const history = async (id: number) => (await t.api.get(`/api/user/leads/${id}/history?per_page=100`)).body.data;

describe('during the wait for a retry', () => {
  const waiting = async (): Promise<{ id: number; campaign: number }> => {
    const one = await campaign();
    const id = await lead(one, '60');
    await start(one);
    await dialing.pass(5 * MINUTE);
    expect((await read(id)).status).toBe('rescheduled');
    return { id, campaign: one };
  };

  test('completed by hand: never called again', async () => {
    const { id } = await waiting();
    expect((await put(id, { status: 'completed' })).status).toBe(200);
    await dialing.pass(5 * HOUR);
    expect([(await read(id)).status, await rung(id)]).toEqual(['completed', 1]);
  });

  test('created by hand: called at once, and the tries begin anew', async () => {
    const { id } = await waiting();
    await put(id, { status: 'created' });
    await dialing.pass(5 * MINUTE);
    expect(await rung(id)).toBe(2);
    expect((await read(id)).status).toBe('rescheduled');
    await dialing.pass(5 * HOUR);
    expect([(await read(id)).status, await rung(id)]).toEqual(['reached-max-retries', 3]);
    const numbers = await t.db.selectFrom('calls').select('attempt_no').where('lead_id', '=', id).orderBy('id').execute();
    expect(numbers.map(({ attempt_no }) => attempt_no)).toEqual([1, 2, 3]);
  });

  test('blacklisted: not called any more, and the history says why', async () => {
    const { id } = await waiting();
    await t.api.post('/api/user/blacklist', { lead_ids: [id] });
    await dialing.pass(5 * HOUR);
    expect([(await read(id)).status, await rung(id)]).toEqual(['blacklisted', 1]);
    expect((await history(id)).some((entry: { to?: string }) => entry.to === 'blacklisted')).toBe(true);
  });

  test('another number: the new one is called', async () => {
    const { id } = await waiting();
    const other = numberEndingIn('01');
    await put(id, { phone_number: other });
    await dialing.pass(5 * HOUR);
    const last = await t.db.selectFrom('calls').selectAll().where('lead_id', '=', id).orderBy('id', 'desc').executeTakeFirstOrThrow();
    expect([last.phone_number, last.attempt_no, (await read(id)).status]).toEqual([other, 2, 'completed']);
  });

  test('deleted: nobody is called', async () => {
    const { id, campaign: one } = await waiting();
    await t.api.delete(`/api/user/leads/${id}`);
    await dialing.pass(5 * HOUR);
    const calls = await t.db.selectFrom('calls').select(['id', 'lead_id']).where('campaign_id', '=', one).execute();
    expect(calls.map(({ lead_id }) => lead_id)).toEqual([null]);
  });

  test('the campaign deleted: nobody is called', async () => {
    const { id, campaign: one } = await waiting();
    await t.api.delete(`/api/user/campaign/${one}`);
    await dialing.pass(5 * HOUR);
    expect(await rung(id)).toBe(1);
  });
});

describe('during the call', () => {
  const onCall = async (digits: string, fields: object = {}): Promise<number> => {
    const one = await campaign(fields);
    const id = await lead(one, digits);
    await start(one);
    await dialing.pass(1.2 * SECOND);
    expect((await read(id)).status).toBe('processing');
    return id;
  };

  test.each(['completed', 'reached-max-retries'])('%s by hand stands, whatever the call comes to', async (status) => {
    const id = await onCall('60');
    expect((await put(id, { status })).status).toBe(200);
    await dialing.pass(5 * HOUR);
    expect([(await read(id)).status, await rung(id)]).toEqual([status, 1]);
  });

  test('created by hand: called again, but not while the first call goes on', async () => {
    const id = await onCall('60');
    await put(id, { status: 'created' });
    await dialing.pass(5 * MINUTE);
    expect(await rung(id)).toBe(2);
    const [first, second] = await t.db.selectFrom('calls').selectAll().where('lead_id', '=', id).orderBy('id').execute();
    expect(second?.sent_at?.getTime()).toBeGreaterThanOrEqual(first?.ended_at?.getTime() ?? Number.POSITIVE_INFINITY);
  });

  test('blacklisted: the call runs on, and is the last', async () => {
    const id = await onCall('60');
    await t.api.post('/api/user/blacklist', { lead_ids: [id] });
    await dialing.pass(5 * HOUR);
    expect([(await read(id)).status, await rung(id)]).toEqual(['blacklisted', 1]);
  });

  test('deleted: the call ends as it ends, and its record stays', async () => {
    const id = await onCall('01');
    const [before] = await t.db.selectFrom('calls').select('id').where('lead_id', '=', id).execute();
    expect((await t.api.delete(`/api/user/leads/${id}`)).status).toBe(200);
    await dialing.pass(5 * MINUTE);
    expect((await t.api.get(`/api/user/calls/${before?.id}`)).body).toMatchObject({ status: 'completed', answered_by: 'human' });
  });
});

describe('contacts', () => {
  test('who opted out is not chased on other numbers; a blocked contact is passed over', async () => {
    const one = await campaign({ max_retries: 1 });
    const contacts = ['60', '01'].map((digits) => ({ phone_number: numberEndingIn(digits) }));
    const chased = await lead(one, '50', { secondary_contacts: contacts });
    const passed = await lead(one, '50', { secondary_contacts: ['60', '02'].map((digits) => ({ phone_number: numberEndingIn(digits) })) });
    await start(one);
    await dialing.pass(5 * MINUTE);
    await t.api.post('/api/user/blacklist', { lead_ids: [chased] });
    await t.api.post('/api/user/blacklist', { lead_ids: [(await read(passed)).secondary_contacts[0].id] });
    await dialing.pass(5 * HOUR);
    const statuses = async (id: number) => (await read(id)).secondary_contacts.map((contact: { status: string }) => contact.status);
    expect(await statuses(chased)).toEqual(['created', 'created']);
    expect(await statuses(passed)).toEqual(['blacklisted', 'completed']);
  });

  test('a contact that is added to an exhausted lead is called', async () => {
    const one = await campaign({ max_retries: 1, mark_complete_when_no_leads: false });
    const id = await lead(one, '50');
    await start(one);
    await dialing.pass(5 * MINUTE);
    await t.api.post(`/api/user/leads/${id}/contacts`, { phone_number: numberEndingIn('01') });
    await dialing.pass(5 * MINUTE);
    expect((await read(id)).secondary_contacts[0].status).toBe('completed');
  });
});

describe('lines and numbers', () => {
  test('never more calls at a time than the campaign and the account allow', async () => {
    await t.db.updateTable('accounts').set({ max_parallel_calls: 3 }).where('id', '=', t.mine.account.id).execute();
    const two = [await campaign({ max_calls_in_parallel: 2 }), await campaign({ max_calls_in_parallel: 2 })];
    for (const one of two) for (let n = 0; n < 8; n += 1) await lead(one, '01');
    for (const one of two) await start(one);
    let most = { account: 0, campaign: 0 };
    for (let n = 0; n < 60; n += 1) {
      await dialing.pass(SECOND);
      const live = await t.db
        .selectFrom('calls')
        .select('campaign_id')
        .where('state', 'in', ['reserved', 'sending', 'live', 'unknown'])
        .execute();
      const ofOne = Math.max(...two.map((one) => live.filter(({ campaign_id }) => campaign_id === one).length));
      most = { account: Math.max(most.account, live.length), campaign: Math.max(most.campaign, ofOne) };
    }
    await t.db.updateTable('accounts').set({ max_parallel_calls: 10 }).where('id', '=', t.mine.account.id).execute();
    expect(most).toEqual({ account: 3, campaign: 2 });
  });

  test('the pool is used evenly, and a retry comes from another number', async () => {
    const pool = [(await buildNumber(t.api)).id, (await buildNumber(t.api)).id];
    const one = await campaign({ phone_number_ids: pool, max_calls_in_parallel: 5 });
    const leads = [];
    for (let n = 0; n < 6; n += 1) leads.push(await lead(one, '60'));
    await start(one);
    await dialing.pass(3 * HOUR);
    const calls = await t.db.selectFrom('calls').selectAll().where('campaign_id', '=', one).orderBy('id').execute();
    expect(calls).toHaveLength(12);
    for (const id of pool) expect(calls.filter(({ caller_number_id }) => caller_number_id === id)).toHaveLength(6);
    for (const id of leads)
      expect(new Set(calls.filter(({ lead_id }) => lead_id === id).map(({ caller_number_id }) => caller_number_id)).size).toBe(2);
  });

  test('a number that is removed while it calls stops the campaign that has no other', async () => {
    const own = await buildNumber(t.api);
    const assistant = await buildAssistant(t.api);
    const body = { name: 'Own', assistant_id: assistant.id, timezone: 'UTC', phone_number_ids: [own.id], max_calls_in_parallel: 1 };
    const one = (await t.api.post('/api/user/campaign', body)).body.data.id;
    const leads = [await lead(one, '01'), await lead(one, '02')];
    await start(one);
    await dialing.pass(1.2 * SECOND);
    expect((await t.api.delete(`/api/user/phone-numbers/${own.id}`)).status).toBe(200);
    await dialing.pass(HOUR);
    expect((await t.api.get(`/api/user/campaign/${one}`)).body.status).toBe('stopped');
    expect(await Promise.all(leads.map(rung))).toEqual([1, 0]);
    expect((await history(leads[1] ?? 0)).some((entry: { reason?: string }) => entry.reason === 'no_number')).toBe(true);
  });
});

test('make_call is dialed beside the campaigns, and its end is recorded', async () => {
  const assistant = await buildAssistant(t.api, { phone_number_id: number });
  const phone_number = numberEndingIn('01');
  const made = await t.api.post('/api/user/make_call', { phone_number, assistant_id: assistant.id, variables: { first_name: 'Iris' } });
  expect([made.status, made.body.status, made.headers['x-outdial-carrier']]).toEqual([200, 'initiated', 'simulated']);
  await dialing.pass(MINUTE);
  const { body } = await t.api.get(`/api/user/calls/${made.body.call_id}`);
  expect(body).toMatchObject({ status: 'completed', answered_by: 'human', client_phone_number: phone_number, campaign_name: null });
  expect(body.variables).toMatchObject({ first_name: 'Iris' });
  expect(dialing.carrier.rings().filter(({ callId }) => callId === String(made.body.call_id))).toHaveLength(1);
});
