import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createCaller, startApp, type TestApp } from '../../test/support/app.ts';
import { START } from '../../test/support/clock.ts';
import { insertAssistant } from '../../test/support/insert-assistant.ts';

const KEYS = [
  'id',
  'phone_number',
  'nickname',
  'country_code',
  'type',
  'type_label',
  'sms_capable',
  'region',
  'has_active_subscription',
  'created_at',
];

let t: TestApp;
beforeAll(async () => {
  t = await startApp();
});

// One application, and for each test two accounts that have nothing yet.
beforeEach(async () => {
  t.clock.set(START);
  t.mine = await createCaller(t.app, t.db, t.clock, 'Mine');
  t.other = await createCaller(t.app, t.db, t.clock, 'Other');
  t.api = t.mine;
});

const add = (phone_number: unknown, fields: object = {}, api = t.mine) => api.post('/api/user/phone-numbers', { phone_number, ...fields });
const added = async (phone_number: string, api = t.mine): Promise<number> => (await add(phone_number, {}, api)).body.data.id;
const setType = (id: number, type: 'normal' | 'sip' | 'caller_id') =>
  t.db.updateTable('phone_numbers').set({ type }).where('id', '=', id).execute();

describe('add', () => {
  test('answers 201 with the number', async () => {
    const { status, body } = await add(' +1 (202) 555-0100', { nickname: ' Front desk ' });
    expect(status).toBe(201);
    expect(body.message).toBe('Phone number added successfully');
    expect(Object.keys(body.data)).toEqual(KEYS);
    expect(body.data).toEqual({
      id: body.data.id,
      phone_number: '+12025550100',
      nickname: 'Front desk',
      country_code: 'US',
      type: 'sip',
      type_label: 'SIP',
      sms_capable: false,
      region: null,
      has_active_subscription: true,
      created_at: '2026-03-02T08:15:40.000000Z',
    });
  });

  test('a number of no country is ZZ; no nickname is null', async () => {
    expect((await add('+1234567890')).body.data).toMatchObject({ country_code: 'ZZ', nickname: null });
    expect((await add('+12025550101', { nickname: null })).body.data.nickname).toBeNull();
    expect((await add('+12025550102', { nickname: '  ' })).body.data.nickname).toBeNull();
  });

  const required = ['The phone number field is required.'];
  test.each([
    [{}, 'Validation failed', { phone_number: required }],
    [{ phone_number: '' }, 'Validation failed', { phone_number: required }],
    [{ phone_number: '12025550100' }, 'Invalid phone number', { phone_number: ['Invalid phone number'] }],
    [{ phone_number: '+0202555' }, 'Invalid phone number', { phone_number: ['Invalid phone number'] }],
    [{ phone_number: ['+12025550100'] }, 'Validation failed', { phone_number: ['The phone number field must be a string.'] }],
    [
      { phone_number: '+12025550100', nickname: 'x'.repeat(51) },
      'Validation failed',
      { nickname: ['The nickname field must not be greater than 50 characters.'] },
    ],
    [{ phone_number: '+12025550100', nickname: 7 }, 'Validation failed', { nickname: ['The nickname field must be a string.'] }],
  ])('refuses %j', async (payload, message, errors) => {
    const { status, body } = await t.api.post('/api/user/phone-numbers', payload);
    expect({ status, body }).toEqual({ status: 422, body: { message, errors } });
    expect((await t.api.get('/api/user/phone-numbers')).body).toEqual([]);
  });

  test('a number that is there is refused, in whatever writing; another account may have it too', async () => {
    await add('+12025550100');
    const { status, body } = await add('+1 202.555.0100');
    const errors = { phone_number: ['The phone number has already been taken.'] };
    expect({ status, body }).toEqual({ status: 422, body: { message: 'Validation failed', errors } });
    expect((await add('+12025550100', {}, t.other)).status).toBe(201);
  });

  test('of adds that race one wins', async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => add('+12025550100')));
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, 422, 422, 422, 422, 422]);
  });
});

describe('the three lists', () => {
  test('have their own shapes, by ascending id, of the account only', async () => {
    const [first, second] = [await added('+12025550109'), await added('+12025550101')];
    await added('+12025550102', t.other);
    const all = await t.api.get('/api/user/phone-numbers/all');
    expect(Object.keys(all.body)).toEqual(['data']);
    expect(all.body.data.map((row: { id: number }) => row.id)).toEqual([first, second]);
    expect(Object.keys(all.body.data[0])).toEqual(KEYS);
    expect((await t.api.get('/api/user/phone-numbers')).body).toEqual(all.body.data);
    expect((await t.api.get('/api/user/assistants/phone-numbers')).body).toEqual([
      { id: first, phone_number: '+12025550109', country_code: 'US', type_label: 'SIP', is_available: true },
      { id: second, phone_number: '+12025550101', country_code: 'US', type_label: 'SIP', is_available: true },
    ]);
  });

  test('the first knows what is free for an inbound assistant', async () => {
    const names = ['free', 'taken', 'outbound', 'deleted', 'shown', 'dedicated'] as const;
    const ids = new Map<string, number>();
    for (const [index, name] of names.entries()) ids.set(name, await added(`+1202555010${index}`));
    const id = (name: (typeof names)[number]): number => ids.get(name) ?? 0;
    const give = (fields: Parameters<typeof insertAssistant>[3]) => insertAssistant(t.db, t.mine.account.id, t.clock(), fields);
    await give({ type: 'inbound', phone_number_id: id('taken') });
    await give({ type: 'outbound', phone_number_id: id('outbound') });
    await give({ type: 'inbound', phone_number_id: id('deleted'), deleted_at: t.clock() });
    await setType(id('shown'), 'caller_id');
    await setType(id('dedicated'), 'normal');
    const read = async (query: string) => (await t.api.get(`/api/user/assistants/phone-numbers${query}`)).body;
    const labels = (await read('')).map((row: { type_label: string; is_available: boolean }) => [row.type_label, row.is_available]);
    expect(labels).toEqual([
      ['SIP', true],
      ['SIP', false],
      ['SIP', true],
      ['SIP', true],
      ['Caller ID', false],
      ['Normal', true],
    ]);
    const inbound = (await read('?type=inbound')).map((row: { id: number }) => row.id);
    expect(inbound).toEqual([id('free'), id('outbound'), id('deleted'), id('dedicated')]);
    expect(await read('?type=outbound')).toHaveLength(6);
    expect(await read('?type=')).toHaveLength(6);
    const all = (await t.api.get('/api/user/phone-numbers/all')).body.data;
    expect(all.map((row: { type_label: string }) => row.type_label).slice(4)).toEqual(['Caller ID', 'Dedicated Number']);
  });

  test('another type is refused', async () => {
    const { status, body } = await t.api.get('/api/user/assistants/phone-numbers?type=web');
    expect({ status, errors: body.errors }).toEqual({ status: 422, errors: { type: ['The selected type is invalid.'] } });
  });
});

describe('rename', () => {
  test.each(['put', 'patch'] as const)('%s sets the nickname and clears it', async (method) => {
    const id = await added('+12025550100');
    const { status, body } = await t.api[method](`/api/user/phone-numbers/${id}`, { nickname: ' Sales ' });
    expect(status).toBe(200);
    expect(body.message).toBe('Phone number updated successfully');
    expect(body.data).toMatchObject({ id, nickname: 'Sales', phone_number: '+12025550100' });
    expect((await t.api[method](`/api/user/phone-numbers/${id}`, { nickname: null })).body.data.nickname).toBeNull();
    expect((await t.api[method](`/api/user/phone-numbers/${id}`, { nickname: '' })).body.data.nickname).toBeNull();
  });

  test('the whole number may be sent back, another number is refused', async () => {
    const id = await added('+12025550100');
    const [shown] = (await t.api.get('/api/user/phone-numbers')).body;
    expect((await t.api.put(`/api/user/phone-numbers/${id}`, { ...shown, nickname: 'A' })).status).toBe(200);
    for (const phone_number of ['+12025550101', null, 7, ['+12025550100']]) {
      const { status, body } = await t.api.put(`/api/user/phone-numbers/${id}`, { nickname: 'B', phone_number });
      expect({ status, errors: body.errors }).toEqual({
        status: 422,
        errors: { phone_number: ['The phone number field cannot be changed.'] },
      });
    }
    expect((await t.api.get('/api/user/phone-numbers')).body[0].nickname).toBe('A');
  });

  test.each([
    [{}, { nickname: ['The nickname field is required.'] }],
    [{ nickname: 'x'.repeat(51) }, { nickname: ['The nickname field must not be greater than 50 characters.'] }],
    [{ nickname: 5 }, { nickname: ['The nickname field must be a string.'] }],
    [{ nickname: 'a\0' }, { nickname: ['The nickname field contains characters that are not allowed (NUL or a lone surrogate).'] }],
  ])('refuses %j', async (payload, errors) => {
    const { status, body } = await t.api.put(`/api/user/phone-numbers/${await added('+12025550100')}`, payload);
    expect({ status, errors: body.errors }).toEqual({ status: 422, errors });
  });
});

describe('remove', () => {
  test('it leaves every list, pool and assistant, and may be added again', async () => {
    const [id, kept] = [await added('+12025550100'), await added('+12025550101')];
    const own = await insertAssistant(t.db, t.mine.account.id, t.clock(), { phone_number_id: id });
    const campaign = await t.api.post('/api/user/campaign', { name: 'A', assistant_id: own.id, phone_number_ids: [id, kept] });
    const { status, body } = await t.api.delete(`/api/user/phone-numbers/${id}`);
    expect({ status, body }).toEqual({ status: 200, body: { message: 'Phone number deleted successfully' } });
    expect((await t.api.get(`/api/user/campaign/${campaign.body.data.id}`)).body.phone_number_ids).toEqual([kept]);
    const row = await t.db.selectFrom('assistants').selectAll().where('id', '=', own.id).executeTakeFirstOrThrow();
    expect(row.phone_number_id).toBeNull();
    expect((await t.api.delete(`/api/user/phone-numbers/${id}`)).status).toBe(404);
    expect((await add('+12025550100')).status).toBe(201);
  });

  const campaignOf = async (assistantId: number, pool: number[]): Promise<number> => {
    const fields = { name: 'A', assistant_id: assistantId, phone_number_ids: pool, timezone: 'UTC', mark_complete_when_no_leads: false };
    return (await t.api.post('/api/user/campaign', fields)).body.data.id;
  };
  const statusOf = async (id: number) => (await t.api.get(`/api/user/campaign/${id}`)).body.status;
  const start = (id: number) => t.api.post('/api/user/campaigns/update-status', { campaign_id: id, action: 'start' });

  test('what runs with no number left is stopped; what has another, and what does not run, stays', async () => {
    const [gone, kept] = [await added('+12025550100'), await added('+12025550101')];
    const bare = await insertAssistant(t.db, t.mine.account.id, t.clock());
    const withGone = await insertAssistant(t.db, t.mine.account.id, t.clock(), { phone_number_id: gone });
    const withKept = await insertAssistant(t.db, t.mine.account.id, t.clock(), { phone_number_id: kept });
    const stopped = [await campaignOf(bare.id, [gone]), await campaignOf(withGone.id, []), await campaignOf(withGone.id, [gone])];
    const running = [await campaignOf(bare.id, [gone, kept]), await campaignOf(withKept.id, [gone]), await campaignOf(withGone.id, [kept])];
    for (const id of [...stopped, ...running]) expect((await start(id)).status).toBe(200);
    const draft = await campaignOf(bare.id, [gone]);
    await t.api.delete(`/api/user/phone-numbers/${gone}`);
    expect(await Promise.all(stopped.map(statusOf))).toEqual(['stopped', 'stopped', 'stopped']);
    expect(await Promise.all(running.map(statusOf))).toEqual(['in-progress', 'in-progress', 'in-progress']);
    expect(await statusOf(draft)).toBe('draft');
    expect((await start(draft)).body.message).toBe('Your agent does not have a phone number setup');
  });

  test('a start that races never leaves a campaign running without a number', async () => {
    const bare = await insertAssistant(t.db, t.mine.account.id, t.clock());
    for (let round = 0; round < 8; round++) {
      const number = await added(`+1202555020${round}`);
      const campaigns = await Promise.all([1, 2, 3].map(() => campaignOf(bare.id, [number])));
      const acts = campaigns.map((id) => start(id));
      const answers = await Promise.all([...acts, t.api.delete(`/api/user/phone-numbers/${number}`)]);
      expect(answers.at(-1)?.status).toBe(200);
      expect(answers.every(({ status }) => status === 200 || status === 400)).toBe(true);
      expect(await Promise.all(campaigns.map(statusOf))).not.toContain('in-progress');
    }
  });

  test('a pool that is written while its number goes is whole, or refused', async () => {
    const bare = await insertAssistant(t.db, t.mine.account.id, t.clock());
    for (let round = 0; round < 8; round++) {
      const number = await added(`+1202555020${round}`);
      const id = await campaignOf(bare.id, []);
      const [put, deleted] = await Promise.all([
        t.api.put(`/api/user/campaign/${id}`, { phone_number_ids: [number] }),
        t.api.delete(`/api/user/phone-numbers/${number}`),
      ]);
      expect([200, 422]).toContain(put.status);
      expect(deleted.status).toBe(200);
      expect((await t.api.get(`/api/user/campaign/${id}`)).body.phone_number_ids).toEqual([]);
    }
  });
});

test('a number of another account is not found, nor is what was never one', async () => {
  const foreign = await added('+12025550100', t.other);
  for (const id of [foreign, 999_999, '9223372036854775808', 'abc']) {
    for (const answer of [
      await t.api.put(`/api/user/phone-numbers/${id}`, { nickname: 'x' }),
      await t.api.patch(`/api/user/phone-numbers/${id}`, { nickname: 'x' }),
      await t.api.delete(`/api/user/phone-numbers/${id}`),
    ]) {
      expect({ status: answer.status, body: answer.body }).toEqual({ status: 404, body: { message: 'Phone number not found' } });
    }
  }
  expect((await t.other.get('/api/user/phone-numbers')).body).toHaveLength(1);
});

test.each(['search', 'purchase', 'release'])('%s is out of scope and answers as any unknown route', async (word) => {
  for (const answer of [await t.api.get(`/api/user/phone-numbers/${word}`), await t.api.post(`/api/user/phone-numbers/${word}`, {})]) {
    expect([answer.status, answer.body]).toEqual([404, { message: 'Not Found' }]);
  }
});
