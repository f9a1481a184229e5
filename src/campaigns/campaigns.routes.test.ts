import { beforeAll, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../../test/support/app.ts';
import { buildCampaign } from '../../test/support/build.ts';
import { insertAssistant } from '../../test/support/insert-assistant.ts';

const KEYS = [
  'id',
  'name',
  'status',
  'max_calls_in_parallel',
  'mark_complete_when_no_leads',
  'allowed_hours_start_time',
  'allowed_hours_end_time',
  'allowed_days',
  'max_retries',
  'retry_interval',
  'created_at',
  'updated_at',
];
const DETAIL_KEYS = [
  ...KEYS,
  'assistant_id',
  'timezone',
  'retry_on_voicemail',
  'retry_on_goal_incomplete',
  'goal_completion_variable',
  'phone_number_ids',
];
const TOP = 'The given data was invalid.';
const BEYOND = '9223372036854775808';

let t: TestApp;
let assistant: { id: number; uuid: string };
let foreignAssistant: { id: number; uuid: string };

const SCHEMA = JSON.stringify([
  { name: 'booked', type: 'bool', description: 'Whether it was booked' },
  { name: 'notes', type: 'string', description: 'What was said' },
]);

beforeAll(async () => {
  t = await startApp();
  const now = t.clock();
  assistant = await insertAssistant(t.db, t.mine.account.id, now, { timezone: 'Europe/Bucharest', post_call_schema: SCHEMA });
  foreignAssistant = await insertAssistant(t.db, t.other.account.id, now);
});

const create = (fields: object = {}, path = '/api/user/campaign') =>
  t.api.post(path, { name: 'Spring', assistant_id: assistant.id, ...fields });
const created = async (fields: object = {}): Promise<number> => (await create(fields)).body.data.id;
const detail = async (id: number) => (await t.api.get(`/api/user/campaign/${id}`)).body;
let last = 100;
const addNumber = async (api = t.api): Promise<number> =>
  (await api.post('/api/user/phone-numbers', { phone_number: `+12025550${last++}` })).body.data.id;
const run = (id: number) => t.db.updateTable('campaigns').set({ status: 'in-progress' }).where('id', '=', id).execute();

describe('create', () => {
  test.each(['/api/user/campaign', '/api/user/campaigns'])('%s answers 201 with the twelve keys and the defaults', async (path) => {
    const { status, body } = await create({ name: '  Spring renewals ' }, path);
    expect(status).toBe(201);
    expect(body.message).toBe('Campaign created successfully');
    expect(Object.keys(body.data)).toEqual(KEYS);
    expect(body.data).toMatchObject({
      name: 'Spring renewals',
      status: 'draft',
      max_calls_in_parallel: 3,
      mark_complete_when_no_leads: true,
      allowed_hours_start_time: '00:00:00',
      allowed_hours_end_time: '23:59:00',
      allowed_days: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'],
      max_retries: 3,
      retry_interval: 60,
      created_at: '2026-03-02T08:15:40.000000Z',
      updated_at: '2026-03-02T08:15:40.000000Z',
    });
  });

  test('keeps every setting, however leniently it is written', async () => {
    const [first, second] = [await addNumber(), await addNumber()];
    const { status, body } = await create({
      assistant_id: assistant.uuid,
      timezone: 'Europe/Vienna',
      max_calls_in_parallel: '4',
      allowed_hours_start_time: '09:30',
      allowed_hours_end_time: '18:00:30',
      allowed_days: ['friday', 'monday'],
      max_retries: '2',
      retry_interval: 4320,
      retry_on_voicemail: 1,
      retry_on_goal_incomplete: 'true',
      goal_completion_variable: 'booked',
      mark_complete_when_no_leads: '0',
      phone_number_ids: [String(second), first],
      colour: 'blue',
      account_id: t.other.account.id,
      status: 'in-progress',
    });
    expect(status).toBe(201);
    const shown = await detail(body.data.id);
    expect(Object.keys(shown)).toEqual(DETAIL_KEYS);
    expect(shown).toMatchObject({
      status: 'draft',
      max_calls_in_parallel: 4,
      mark_complete_when_no_leads: false,
      allowed_hours_start_time: '09:30:00',
      allowed_hours_end_time: '18:00:30',
      allowed_days: ['friday', 'monday'],
      max_retries: 2,
      retry_interval: 4320,
      assistant_id: assistant.id,
      timezone: 'Europe/Vienna',
      retry_on_voicemail: true,
      retry_on_goal_incomplete: true,
      goal_completion_variable: 'booked',
      phone_number_ids: [second, first],
    });
  });

  test('copies the zone of the account, else of the assistant, else none', async () => {
    const zoneless = await insertAssistant(t.db, t.mine.account.id, t.clock());
    expect((await detail(await created())).timezone).toBe('Europe/Bucharest');
    expect((await detail(await created({ assistant_id: zoneless.id }))).timezone).toBeNull();
    await t.api.put('/api/user/account', { timezone: 'Asia/Tokyo' });
    const id = await created();
    await t.api.put('/api/user/account', { timezone: null });
    expect((await detail(id)).timezone).toBe('Asia/Tokyo');
  });

  const invalid = (field: string, message: string) => ({ [field]: [message] });
  test.each([
    [
      { name: undefined, assistant_id: undefined },
      { name: ['The name field is required.'], assistant_id: ['The assistant id field is required.'] },
    ],
    [{ name: ' ' }, invalid('name', 'The name field is required.')],
    [{ name: 7 }, invalid('name', 'The name field must be a string.')],
    [{ name: 'x'.repeat(256) }, invalid('name', 'The name field must not be greater than 255 characters.')],
    [{ assistant_id: 'ava' }, invalid('assistant_id', 'The assistant id field must be an integer.')],
    [{ assistant_id: [1] }, invalid('assistant_id', 'The assistant id field must be an integer.')],
    [{ timezone: 'Mars/Olympus' }, invalid('timezone', 'The timezone field must be a valid timezone.')],
    [{ timezone: null }, invalid('timezone', 'The timezone field must be a string.')],
    [{ max_calls_in_parallel: 0 }, invalid('max_calls_in_parallel', 'The max calls in parallel field must be at least 1.')],
    [{ max_calls_in_parallel: 11 }, invalid('max_calls_in_parallel', 'The max calls in parallel field must not be greater than 10.')],
    [{ max_calls_in_parallel: BEYOND }, invalid('max_calls_in_parallel', 'The max calls in parallel field must be an integer.')],
    [
      { allowed_hours_start_time: '25:00' },
      invalid('allowed_hours_start_time', 'The allowed hours start time field must match the format H:i.'),
    ],
    [{ allowed_hours_end_time: '9:00' }, invalid('allowed_hours_end_time', 'The allowed hours end time field must match the format H:i.')],
    [{ allowed_days: [] }, invalid('allowed_days', 'The allowed days field must have at least 1 items.')],
    [{ allowed_days: 'monday' }, invalid('allowed_days', 'The allowed days field must be an array.')],
    [{ allowed_days: ['monday', 'moonday'] }, invalid('allowed_days.1', 'The selected allowed_days.1 is invalid.')],
    [{ allowed_days: ['monday', 'monday'] }, invalid('allowed_days', 'The allowed days field has a duplicate value.')],
    [{ max_retries: 0 }, invalid('max_retries', 'The max retries field must be at least 1.')],
    [{ max_retries: 6 }, invalid('max_retries', 'The max retries field must not be greater than 5.')],
    [{ retry_interval: 9 }, invalid('retry_interval', 'The retry interval field must be at least 10.')],
    [{ retry_interval: 4321 }, invalid('retry_interval', 'The retry interval field must not be greater than 4320.')],
    [{ retry_interval: 10.5 }, invalid('retry_interval', 'The retry interval field must be an integer.')],
    [{ retry_on_voicemail: 'yes' }, invalid('retry_on_voicemail', 'The retry on voicemail field must be true or false.')],
    [{ phone_number_ids: 5 }, invalid('phone_number_ids', 'The phone number ids field must be an array.')],
    [{ phone_number_ids: [999_999] }, invalid('phone_number_ids.0', 'The selected phone_number_ids.0 is invalid.')],
    [{ phone_number_ids: ['9007199254740993'] }, invalid('phone_number_ids.0', 'The selected phone_number_ids.0 is invalid.')],
    [
      { retry_on_goal_incomplete: true },
      invalid('goal_completion_variable', 'The goal completion variable field is required when retry on goal incomplete is true.'),
    ],
    [
      { retry_on_goal_incomplete: true, goal_completion_variable: 'notes' },
      invalid('goal_completion_variable', 'The selected goal completion variable is invalid.'),
    ],
    [{ name: 'a\0b' }, invalid('name', 'The name field contains characters that are not allowed (NUL or a lone surrogate).')],
  ])('refuses %j', async (fields, errors) => {
    const { status, body } = await create(fields);
    expect({ status, body }).toEqual({ status: 422, body: { message: TOP, errors } });
  });

  test('names every looked-up field that is wrong, and only then looks for the assistant', async () => {
    const foreign = await addNumber(t.other);
    const own = await addNumber();
    const { status, body } = await create({ timezone: 'x', phone_number_ids: [own, foreign], assistant_id: 999_999 });
    expect(status).toBe(422);
    expect(Object.keys(body.errors)).toEqual(['timezone', 'phone_number_ids.1']);
  });

  test.each([[undefined], [[]], ['text']])('a body of %j has no fields', async (payload) => {
    const { status, body } = await t.api.post('/api/user/campaign', payload === undefined ? undefined : JSON.stringify(payload), {
      'content-type': 'application/json',
    });
    expect(status).toBe(422);
    expect(Object.keys(body.errors)).toEqual(['name', 'assistant_id']);
  });

  test('an assistant that is unknown, inbound, deleted or of another account is not found', async () => {
    const inbound = await insertAssistant(t.db, t.mine.account.id, t.clock(), { type: 'inbound' });
    const deleted = await insertAssistant(t.db, t.mine.account.id, t.clock(), { deleted_at: t.clock() });
    const uuid = '00000000-0000-4000-8000-000000000000';
    for (const id of [
      999_999,
      BEYOND,
      uuid,
      inbound.id,
      inbound.uuid,
      deleted.id,
      deleted.uuid,
      foreignAssistant.id,
      foreignAssistant.uuid,
    ]) {
      const { status, body } = await create({ assistant_id: id });
      expect({ id, status, body }).toEqual({ id, status: 404, body: { message: 'Assistant not found or not an outbound assistant.' } });
    }
  });
});

describe('read', () => {
  test('the list is a bare array by ascending id, of the account only', async () => {
    const { mine, other } = await (async () => {
      const fresh = await startApp();
      const own = await insertAssistant(fresh.db, fresh.mine.account.id, fresh.clock());
      for (const name of ['B', 'A']) await fresh.mine.post('/api/user/campaign', { name, assistant_id: own.id });
      return fresh;
    })();
    const { status, body } = await mine.get('/api/user/campaigns?page=2&per_page=1');
    expect(status).toBe(200);
    expect(body.map((row: { name: string }) => row.name)).toEqual(['B', 'A']);
    expect(Object.keys(body[0])).toEqual(KEYS);
    expect((await other.get('/api/user/campaigns')).body).toEqual([]);
  });

  test.each(['campaign', 'campaigns'])("%s/{id} answers the detail; what is not one's own is not found", async (word) => {
    const id = await created();
    expect((await t.api.get(`/api/user/${word}/${id}`)).status).toBe(200);
    for (const [caller, path] of [
      [t.other, id],
      [t.mine, 999_999],
      [t.mine, BEYOND],
      [t.mine, 'abc'],
      [t.mine, 0],
    ] as const) {
      const { status, body } = await caller.get(`/api/user/${word}/${path}`);
      expect({ status, body }).toEqual({ status: 404, body: { message: 'Campaign not found' } });
    }
  });
});

describe('update', () => {
  test.each([
    ['put', 'campaign'],
    ['put', 'campaigns'],
    ['patch', 'campaign'],
    ['patch', 'campaigns'],
  ] as const)('%s %s changes what is named and nothing else', async (method, word) => {
    const number = await addNumber();
    const id = await created({ max_retries: 2, timezone: 'Europe/Vienna', phone_number_ids: [number], mark_complete_when_no_leads: false });
    const before = await detail(id);
    t.clock.advance(60_000);
    const { status, body } = await t.api[method](`/api/user/${word}/${id}`, { retry_interval: '90', allowed_days: ['sunday'] });
    expect(status).toBe(200);
    expect(body.message).toBe('Campaign updated successfully');
    expect(Object.keys(body.data)).toEqual(KEYS);
    const after = await detail(id);
    expect(after).toEqual({ ...before, retry_interval: 90, allowed_days: ['sunday'], updated_at: after.updated_at });
    expect(after.updated_at > before.updated_at).toBe(true);
  });

  test('replaces the pool, empties it, and moves to another assistant and zone', async () => {
    const [first, second] = [await addNumber(), await addNumber()];
    const another = await insertAssistant(t.db, t.mine.account.id, t.clock());
    const id = await created({ phone_number_ids: [first] });
    const change = { phone_number_ids: [second, first], assistant_id: another.uuid, timezone: 'UTC', allowed_hours_end_time: '20:00' };
    await t.api.put(`/api/user/campaign/${id}`, change);
    expect(await detail(id)).toMatchObject({ ...change, assistant_id: another.id, allowed_hours_end_time: '20:00:00' });
    await t.api.put(`/api/user/campaign/${id}`, { phone_number_ids: [] });
    expect((await detail(id)).phone_number_ids).toEqual([]);
  });

  test('a body without fields changes nothing', async () => {
    const id = await created();
    const before = await detail(id);
    t.clock.advance(60_000);
    expect((await t.api.put(`/api/user/campaign/${id}`, {})).status).toBe(200);
    expect(await detail(id)).toEqual(before);
  });

  test.each([
    [{ timezone: null }, { timezone: ['The timezone field must be a string.'] }],
    [{ name: null }, { name: ['The name field must be a string.'] }],
    [{ timezone: 'x' }, { timezone: ['The timezone field must be a valid timezone.'] }],
    [{ max_calls_in_parallel: 11 }, { max_calls_in_parallel: ['The max calls in parallel field must not be greater than 10.'] }],
    [{ phone_number_ids: [999_999] }, { 'phone_number_ids.0': ['The selected phone_number_ids.0 is invalid.'] }],
    [{ allowed_days: [] }, { allowed_days: ['The allowed days field must have at least 1 items.'] }],
  ])('refuses %j and leaves the campaign as it is', async (fields, errors) => {
    const id = await created();
    const before = await detail(id);
    const { status, body } = await t.api.put(`/api/user/campaign/${id}`, { max_retries: 1, ...fields });
    expect({ status, body }).toEqual({ status: 422, body: { message: TOP, errors } });
    expect(await detail(id)).toEqual(before);
  });

  test.each(['name', 'timezone', 'allowed_hours_start_time', 'assistant_id'])('a blank %s is a wrong value', async (field) => {
    const { id, body: before } = await buildCampaign(t.api);
    const { status, body } = await t.api.put(`/api/user/campaign/${id}`, { max_retries: 5, [field]: ' ' });
    expect([status, Object.keys(body.errors)]).toEqual([422, [field]]);
    expect((await t.api.get(`/api/user/campaign/${id}`)).body.max_retries).toBe(before.max_retries);
  });

  test('judges the goal as it will stand', async () => {
    const put = (id: number, body: object) => t.api.put(`/api/user/campaign/${id}`, body);
    const id = await created();
    expect((await put(id, { retry_on_goal_incomplete: true })).body.errors).toHaveProperty('goal_completion_variable');
    expect((await put(id, { goal_completion_variable: 'anything' })).status).toBe(200);
    expect((await put(id, { retry_on_goal_incomplete: true })).body.errors).toHaveProperty('goal_completion_variable');
    expect((await put(id, { retry_on_goal_incomplete: true, goal_completion_variable: 'booked' })).status).toBe(200);
    expect((await put(id, { goal_completion_variable: null })).status).toBe(422);
    const without = await insertAssistant(t.db, t.mine.account.id, t.clock());
    expect((await put(id, { assistant_id: without.id })).status).toBe(422);
    expect((await put(id, { assistant_id: without.id, retry_on_goal_incomplete: false })).status).toBe(200);
  });

  test('a goal field that the assistant has lost does not keep the campaign from being renamed', async () => {
    const own = await insertAssistant(t.db, t.mine.account.id, t.clock(), { post_call_schema: SCHEMA });
    const id = await created({ assistant_id: own.id, retry_on_goal_incomplete: true, goal_completion_variable: 'booked' });
    await t.db.updateTable('assistants').set({ post_call_schema: '[]' }).where('id', '=', own.id).execute();
    expect((await t.api.put(`/api/user/campaign/${id}`, { name: 'Other' })).status).toBe(200);
  });

  test('a running campaign is not edited', async () => {
    const id = await created();
    await run(id);
    const { status, body } = await t.api.put(`/api/user/campaign/${id}`, { name: 'Other' });
    expect({ status, body }).toEqual({ status: 409, body: { message: 'Campaign is already in progress' } });
    expect((await detail(id)).name).toBe('Spring');
  });

  test("what is not one's own is not found, in the path and in the body", async () => {
    const id = await created();
    for (const [caller, path] of [
      [t.other, id],
      [t.mine, BEYOND],
    ] as const) {
      const { status, body } = await caller.put(`/api/user/campaigns/${path}`, { name: 'Other' });
      expect({ status, body }).toEqual({ status: 404, body: { message: 'Campaign not found' } });
    }
    const { status, body } = await t.api.put(`/api/user/campaign/${id}`, { assistant_id: foreignAssistant.id, name: 'Other' });
    expect({ status, body }).toEqual({ status: 404, body: { message: 'Assistant not found or not an outbound assistant.' } });
    expect((await detail(id)).name).toBe('Spring');
  });
});

describe('delete', () => {
  test.each(['campaign', 'campaigns'])('%s/{id} is gone at once, also a running one', async (word) => {
    const number = await addNumber();
    const id = await created({ phone_number_ids: [number] });
    await run(id);
    expect((await t.other.delete(`/api/user/${word}/${id}`)).status).toBe(404);
    expect((await detail(id)).phone_number_ids).toEqual([number]);
    const { status, body } = await t.api.delete(`/api/user/${word}/${id}`);
    expect({ status, body }).toEqual({ status: 200, body: { message: 'Campaign deleted successfully' } });
    const row = await t.db.selectFrom('campaigns').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
    expect(row.status).toBe('stopped');
    const again = await Promise.all([
      t.api.get(`/api/user/campaign/${id}`),
      t.api.put(`/api/user/campaign/${id}`, { name: 'x' }),
      t.api.delete(`/api/user/campaign/${id}`),
      t.api.post('/api/user/campaigns/update-status', { campaign_id: id, action: 'start' }),
    ]);
    expect(again.map((answer) => answer.status)).toEqual([404, 404, 404, 404]);
    expect((await t.api.get('/api/user/campaigns')).body.map((one: { id: number }) => one.id)).not.toContain(id);
    expect((await t.api.delete(`/api/user/phone-numbers/${number}`)).status).toBe(200);
  });

  test('of two that race one deletes', async () => {
    const id = await created();
    const answers = await Promise.all([1, 2, 3].map(() => t.api.delete(`/api/user/campaign/${id}`)));
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 404, 404]);
  });

  test('asks for the purge once it has deleted, not before', async () => {
    let asked = 0;
    const fresh = await startApp({ purge: () => asked++ });
    const own = await insertAssistant(fresh.db, fresh.mine.account.id, fresh.clock());
    const { body } = await fresh.api.post('/api/user/campaign', { name: 'A', assistant_id: own.id });
    await fresh.api.delete('/api/user/campaign/999999');
    expect(asked).toBe(0);
    await fresh.api.delete(`/api/user/campaign/${body.data.id}`);
    expect(asked).toBe(1);
  });
});
