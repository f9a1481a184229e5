// An assistant and the account's phone numbers and campaigns: who may have which, what a deletion frees and stops, and races.
import { beforeAll, expect, test } from 'vitest';
import { startApp, type TestApp } from '../../test/support/app.ts';
import { buildAssistant, buildNumber } from '../../test/support/build.ts';
import { deleteAssistant } from './assistants.store.ts';

let t: TestApp;
beforeAll(async () => {
  t = await startApp();
});

const TAKEN = ['The phone number is already used by another inbound assistant.'];
const inbound = (fields: object = {}) => buildAssistant(t.api, { type: 'inbound', ...fields });
const put = (id: number, body: object) => t.api.put(`/api/user/assistant/${id}`, body);
const read = async (id: number) => (await t.api.get(`/api/user/assistant/${id}`)).body;

test("another account's number is an unknown one, also inside a tool", async () => {
  const theirs = await buildNumber(t.other);
  const { id } = await buildAssistant(t.api);
  const unknown = await put(id, { phone_number_id: 999_999 });
  const foreign = await put(id, { phone_number_id: theirs.id });
  expect(foreign.status).toBe(422);
  expect(foreign.body).toEqual(unknown.body);
  const tools = [{ type: 'warm_call_transfer', supervisor_phone: '+1234567890', outbound_phone_id: theirs.id, description: 'x' }];
  expect((await put(id, { tools })).body.errors).toEqual({
    'tools.0.outbound_phone_id': ['The selected tools.0.outbound_phone_id is invalid.'],
  });
});

test('a shown number is for calling out only', async () => {
  const number = await buildNumber(t.api);
  await t.db.updateTable('phone_numbers').set({ type: 'caller_id' }).where('id', '=', number.id).execute();
  const { id } = await buildAssistant(t.api, { phone_number_id: number.id });
  const moved = await put(id, { type: 'inbound' });
  expect(moved.status).toBe(422);
  expect(moved.body.errors).toEqual({ phone_number_id: ['A Caller ID number cannot be used by an inbound assistant.'] });
});

test('one inbound assistant to a number; any number of outbound ones', async () => {
  const number = await buildNumber(t.api);
  const first = await inbound({ phone_number_id: number.id });
  await buildAssistant(t.api, { phone_number_id: number.id });
  const caller = await buildAssistant(t.api, { phone_number_id: number.id });
  const second = await inbound();
  expect((await put(second.id, { phone_number_id: number.id })).body.errors).toEqual({ phone_number_id: TAKEN });
  expect((await put(caller.id, { type: 'inbound' })).body.errors).toEqual({ phone_number_id: TAKEN });
  // Its own number again is none taken.
  expect((await put(first.id, { phone_number_id: number.id })).status).toBe(200);
  await put(first.id, { phone_number_id: null });
  expect((await put(second.id, { phone_number_id: number.id })).status).toBe(200);
});

test('a deletion frees the number', async () => {
  const number = await buildNumber(t.api);
  const first = await inbound({ phone_number_id: number.id });
  const list = async () => (await t.api.get('/api/user/assistants/phone-numbers')).body.find(({ id }: { id: number }) => id === number.id);
  const before = await list();
  await t.api.delete(`/api/user/assistant/${first.id}`);
  expect(await list()).not.toEqual(before);
  expect((await read((await inbound({ phone_number_id: number.id })).id)).phone_number_id).toBe(number.id);
});

test('a number that is removed leaves its assistants', async () => {
  const number = await buildNumber(t.api);
  const { id } = await inbound({ phone_number_id: number.id });
  expect((await t.api.delete(`/api/user/phone-numbers/${number.id}`)).status).toBe(200);
  expect((await read(id)).phone_number_id).toBeNull();
  expect((await put(id, { name: 'Still here' })).status).toBe(200);
});

test('of many that want one number at once, one gets it', async () => {
  const number = await buildNumber(t.api);
  const assistants = [];
  for (let at = 0; at < 4; at++) assistants.push(await inbound());
  const { id: _, uuid: _uuid, ...body } = await read(assistants[0]?.id ?? 0);
  const answers = await Promise.all([
    ...assistants.map(({ id }) => put(id, { phone_number_id: number.id })),
    ...[1, 2, 3, 4].map(() => t.api.post('/api/user/assistant', { ...body, type: 'inbound', phone_number_id: number.id })),
  ]);
  expect(answers.filter(({ status }) => status < 300)).toHaveLength(1);
  for (const { status, body: refused } of answers.filter((answer) => answer.status >= 300)) {
    expect([status, refused.errors]).toEqual([422, { phone_number_id: TAKEN }]);
  }
  const holders = await t.db.selectFrom('assistants').select('id').where('phone_number_id', '=', number.id).execute();
  expect(holders).toHaveLength(1);
});

test('giving and removing a number at once ends in order', async () => {
  for (let round = 0; round < 5; round++) {
    const number = await buildNumber(t.api);
    const [one, two] = [await inbound({ phone_number_id: number.id }), await inbound()];
    const answers = await Promise.all([
      put(two.id, { phone_number_id: number.id }),
      t.api.delete(`/api/user/phone-numbers/${number.id}`),
      put(one.id, { phone_number_id: number.id }),
    ]);
    for (const { status } of answers) expect([200, 422]).toContain(status);
    expect([(await read(one.id)).phone_number_id, (await read(two.id)).phone_number_id]).toEqual([null, null]);
  }
});

const campaign = async (assistant_id: number, status: 'draft' | 'in-progress' | 'completed'): Promise<number> => {
  const { body } = await t.api.post('/api/user/campaign', { name: 'Spring', assistant_id });
  await t.db.updateTable('campaigns').set({ status }).where('id', '=', body.data.id).execute();
  return body.data.id;
};

test('a deletion stops the running campaigns of that assistant, and no others', async () => {
  const [gone, kept] = [await buildAssistant(t.api), await buildAssistant(t.api)];
  const campaigns = [
    await campaign(gone.id, 'in-progress'),
    await campaign(gone.id, 'draft'),
    await campaign(gone.id, 'completed'),
    await campaign(kept.id, 'in-progress'),
  ];
  await t.api.delete(`/api/user/assistant/${gone.id}`);
  const rows = await t.db.selectFrom('campaigns').select('status').where('id', 'in', campaigns).orderBy('id').execute();
  expect(rows.map(({ status }) => status)).toEqual(['stopped', 'draft', 'completed', 'in-progress']);
  expect((await t.api.get(`/api/user/campaign/${campaigns[0]}`)).status).toBe(200);
});

const statusOf = async (id: number) => (await t.api.get(`/api/user/campaign/${id}`)).body.status;

test('an assistant that gives its number up stops the running campaigns that have no other', async () => {
  const number = await buildNumber(t.api);
  const { id } = await buildAssistant(t.api, { phone_number_id: number.id });
  const [bare, pooled] = [await campaign(id, 'draft'), await campaign(id, 'draft')];
  await t.api.put(`/api/user/campaign/${pooled}`, { phone_number_ids: [number.id] });
  for (const one of [bare, pooled]) await t.db.updateTable('campaigns').set({ status: 'in-progress' }).where('id', '=', one).execute();
  await put(id, { name: 'Renamed' });
  expect([await statusOf(bare), await statusOf(pooled)]).toEqual(['in-progress', 'in-progress']);
  expect((await put(id, { phone_number_id: null })).status).toBe(200);
  expect([await statusOf(bare), await statusOf(pooled)]).toEqual(['stopped', 'in-progress']);
});

test('an assistant that turns inbound stops its running campaigns, and they cannot be started', async () => {
  const number = await buildNumber(t.api);
  const { id } = await buildAssistant(t.api);
  const one = await campaign(id, 'draft');
  await t.api.put(`/api/user/campaign/${one}`, { phone_number_ids: [number.id], mark_complete_when_no_leads: false });
  const start = () => t.api.post('/api/user/campaigns/update-status', { campaign_id: one, action: 'start' });
  expect((await start()).status).toBe(200);
  expect((await put(id, { type: 'inbound' })).status).toBe(200);
  expect(await statusOf(one)).toBe('stopped');
  const refused = await start();
  expect([refused.status, refused.body.success, await statusOf(one)]).toEqual([400, false, 'stopped']);
});

test('a campaign that is started while its assistant loses the number, or turns inbound, does not run on', async () => {
  const number = await buildNumber(t.api);
  for (let round = 0; round < 5; round++) {
    for (const change of [{ phone_number_id: null }, { type: 'inbound', phone_number_id: null }]) {
      const { id } = await buildAssistant(t.api, { phone_number_id: number.id });
      const one = await campaign(id, 'draft');
      await t.api.put(`/api/user/campaign/${one}`, { mark_complete_when_no_leads: false });
      const start = t.api.post('/api/user/campaigns/update-status', { campaign_id: one, action: 'start' });
      expect((await Promise.all([start, put(id, change)])).at(1)?.status).toBe(200);
      expect(await statusOf(one)).not.toBe('in-progress');
    }
  }
});

test('a campaign that is started while its assistant is deleted does not run on', async () => {
  const number = await buildNumber(t.api);
  for (let round = 0; round < 5; round++) {
    const { id } = await buildAssistant(t.api);
    const made = await t.api.post('/api/user/campaign', {
      name: 'Race',
      assistant_id: id,
      phone_number_ids: [number.id],
      mark_complete_when_no_leads: false,
    });
    const campaign_id = made.body.data.id;
    await Promise.all([
      t.api.post('/api/user/campaigns/update-status', { campaign_id, action: 'start' }),
      deleteAssistant(t.db, t.mine.account.id, { id }, t.clock()),
    ]);
    expect((await t.api.get(`/api/user/campaign/${campaign_id}`)).body.status).not.toBe('in-progress');
  }
});

test('an assistant that is changed and deleted at once stays deleted', async () => {
  const { id } = await buildAssistant(t.api);
  const answers = await Promise.all([
    put(id, { name: 'Changed' }),
    t.api.delete(`/api/user/assistant/${id}`),
    t.api.delete(`/api/user/assistant/${id}`),
  ]);
  expect(
    answers
      .slice(1)
      .map(({ status }) => status)
      .sort(),
  ).toEqual([200, 404]);
  expect((await t.api.get(`/api/user/assistant/${id}`)).status).toBe(404);
});
