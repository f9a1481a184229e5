// One call now: what is taken, what is refused, and the lines it takes.
import { sql } from 'kysely';
import { beforeEach, describe, expect, test } from 'vitest';
import { createCaller, startApp } from '../../test/support/app.ts';
import { insertAssistant } from '../../test/support/insert-assistant.ts';
import { insertCall } from '../../test/support/insert-calls.ts';
import { NUMBER, startMakingCalls } from '../../test/support/making-calls.ts';

const INITIATED = { message: 'Call initiated successfully', data: {}, call_id: expect.any(Number), status: 'initiated' };

const making = await startMakingCalls();
const { t, assistant, silent, inbound, foreign, withNumber, make, calls, decisions } = making;

beforeEach(making.clear);

describe('make_call', () => {
  test('answers when the call is reserved with its decision, and wakes the dialer', async () => {
    const { status, body, headers } = await make({ variables: { first_name: 'Iris' } });
    expect([status, body, headers['x-outdial-carrier'], making.woken]).toEqual([200, INITIATED, 'simulated', 1]);
    expect(Object.keys(body)).toEqual(['message', 'data', 'call_id', 'status']);
    const [call, ...others] = await calls();
    expect(others).toEqual([]);
    expect(call).toMatchObject({
      id: body.call_id,
      account_id: t.mine.account.id,
      assistant_id: assistant.id,
      campaign_id: null,
      lead_id: null,
      attempt_no: null,
      state: 'reserved',
      status: 'initiated',
      phone_number: NUMBER,
      caller_number: '+12025550100',
      carrier: 'simulated',
      simulated: true,
      worker: '',
      sent_at: null,
      variables: { company: 'Acme', first_name: 'Iris' },
      lease_until: new Date(t.clock().getTime() + 30_000),
    });
    expect(await decisions()).toMatchObject([
      {
        call_id: body.call_id,
        lead_id: null,
        campaign_id: null,
        verdict: 'dial',
        reason: 'make_call',
        times: 1,
        facts: { phone_number: NUMBER, caller_number: '+12025550100', blacklisted: false, account_lines: [1, 10] },
      },
    ]);
    expect((await t.api.get(`/api/user/calls/${body.call_id}`)).body).toMatchObject({ status: 'initiated', client_phone_number: NUMBER });
    expect((await t.api.get('/api/user/calls')).body.total).toBe(0);
  });

  test.each<[string, () => object, object]>([
    ['separators in the number', () => ({ phone_number: ' +1 (202) 555-01.43 ' }), { phone_number: NUMBER }],
    ['the assistant as text', () => ({ assistant_id: String(assistant.id) }), { assistant_id: 0 }],
    ['the assistant by its uuid', () => ({ assistant_id: assistant.uuid.toUpperCase() }), { assistant_id: 0 }],
    ['`variable`', () => ({ variable: { first_name: 'A' } }), { variables: { company: 'Acme', first_name: 'A' } }],
    [
      '`variable` beside variables',
      () => ({ variable: { first_name: 'A' }, variables: {} }),
      { variables: { company: 'Acme', first_name: 'you' } },
    ],
    ['a list of variables', () => ({ variables: [{ a: 1 }, { a: 2 }] }), { variables: { company: 'Acme', first_name: 'you', a: 2 } }],
    ['an empty list', () => ({ variables: [] }), { variables: { company: 'Acme', first_name: 'you' } }],
    ['null', () => ({ variables: null }), { variables: { company: 'Acme', first_name: 'you' } }],
    [
      'a null variable',
      () => ({ variables: { first_name: null, x: null } }),
      { variables: { company: 'Acme', first_name: 'you', x: null } },
    ],
    ['unknown keys', () => ({ webhook_url: 'https://example.test', id: 1, status: 'completed' }), { status: 'initiated' }],
    ['the documented sample', () => ({ phone_number: '+1234567890' }), { phone_number: '+1234567890' }],
  ])('takes %s', async (_name, fields, kept) => {
    expect((await make(fields())).status).toBe(200);
    expect((await calls())[0]).toMatchObject({ ...kept, assistant_id: assistant.id });
  });

  test('the lease runs on the database’s clock where it is told so', async () => {
    const real = await startApp({ databaseLeases: true });
    const number = await real.api.post('/api/user/phone-numbers', { phone_number: '+12025550100' });
    const { id } = await insertAssistant(real.db, real.mine.account.id, real.clock(), { phone_number_id: number.body.data.id });
    expect((await real.api.post('/api/user/make_call', { phone_number: NUMBER, assistant_id: id })).status).toBe(200);
    const { rows } = await sql<{
      left: number;
    }>`select extract(epoch from lease_until - clock_timestamp())::float as left from calls`.execute(real.db);
    expect(rows[0]?.left).toBeGreaterThan(0);
    expect(rows[0]?.left).toBeLessThanOrEqual(30);
  });

  test('a real carrier is not marked', async () => {
    const real = await startApp({ carrier: { kind: 'sip', simulated: false } });
    const now = real.clock();
    const number = await real.api.post('/api/user/phone-numbers', { phone_number: '+12025550100' });
    const { id } = await insertAssistant(real.db, real.mine.account.id, now, { phone_number_id: number.body.data.id });
    for (let round = 0; round < 2; round += 1) {
      const answer = await real.api.post('/api/user/make_call', { phone_number: NUMBER, assistant_id: id }, { 'idempotency-key': 'k' });
      expect([answer.status, answer.headers['x-outdial-carrier']]).toEqual([200, undefined]);
    }
    expect((await real.db.selectFrom('calls').select(['carrier', 'simulated']).execute())[0]).toEqual({ carrier: 'sip', simulated: false });
  });

  test.each<[string, object, Record<string, string>]>([
    ['no number', { phone_number: undefined }, { phone_number: 'The phone number field is required.' }],
    ['a blank number', { phone_number: ' ' }, { phone_number: 'The phone number field is required.' }],
    ['a number that is null', { phone_number: null }, { phone_number: 'The phone number field is required.' }],
    ['a number that is a number', { phone_number: 12025550143 }, { phone_number: 'The phone number field must be a string.' }],
    ['a number that is a list', { phone_number: [NUMBER] }, { phone_number: 'The phone number field must be a string.' }],
    ['no assistant', { assistant_id: undefined }, { assistant_id: 'The assistant id field is required.' }],
    ['an assistant that is half an id', { assistant_id: 1.5 }, { assistant_id: 'The assistant id field must be an integer.' }],
    ['an assistant that is a name', { assistant_id: 'Ava' }, { assistant_id: 'The assistant id field must be an integer.' }],
    ['variables that are text', { variables: 'a' }, { variables: 'The variables field must be an array.' }],
  ])('refuses %s with 422', async (_name, fields, errors) => {
    const { status, body } = await make(fields);
    const expected = Object.fromEntries(Object.entries(errors).map(([field, message]) => [field, [message]]));
    expect([status, body]).toEqual([422, { message: 'The given data was invalid.', errors: expected }]);
    expect([await calls(), await decisions(), making.woken]).toEqual([[], [], 0]);
  });

  test('nothing at all is 422 with both fields', async () => {
    for (const body of [undefined, {}, [] as unknown as object]) {
      const answer = await t.api.post('/api/user/make_call', body);
      expect([answer.status, Object.keys(answer.body.errors)]).toEqual([422, ['phone_number', 'assistant_id']]);
    }
  });

  test.each([
    '12025550143',
    '0012025550143',
    '+123456',
    '+1234567890123456',
    '+0123456789',
    'call me',
    '+1202555014x',
    '+'.repeat(900_000),
    '+١٢٣٤٥٦٧٨٩',
  ])('the number %.20s cannot be read: 400', async (phone_number) => {
    const { status, body } = await make({ phone_number });
    expect([status, body]).toEqual([400, { message: 'Invalid phone number format. Please use E.164 format (e.g. +1234567890)' }]);
  });

  test.each<[string, object]>([
    ['NUL', { variables: { a: '\0' } }],
    ['a lone surrogate', { variables: { a: '\ud800' } }],
    ['NUL in the number', { phone_number: '+1202\0' }],
  ])('%s is 422', async (_name, fields) => {
    const { status, body } = await make(fields);
    expect([status, body.message]).toEqual([422, 'The given data was invalid.']);
  });

  test('an unknown assistant, another account’s and a deleted one are 404; an inbound one calls nobody', async () => {
    const gone = await withNumber(t.mine.account.id, '+12025550109', { deleted_at: t.clock() });
    for (const assistant_id of [foreign.id, foreign.uuid, gone.id, 999_999, '9223372036854775807']) {
      const { status, body } = await make({ assistant_id });
      expect([status, body]).toEqual([404, { message: 'Assistant not found or does not belong to the authenticated user' }]);
    }
    const { status, body } = await make({ assistant_id: inbound.id });
    expect([status, body]).toEqual([404, { message: 'Assistant not found or not an outbound assistant.' }]);
    expect([await calls(), await decisions(), making.woken]).toEqual([[], [], 0]);
  });

  test('an assistant without a number is 422, and leaves a decision', async () => {
    const { status, body } = await make({ assistant_id: silent.id });
    expect([status, body]).toEqual([422, { message: 'Your agent does not have a phone number setup' }]);
    expect(await calls()).toEqual([]);
    expect(await decisions()).toMatchObject([
      { verdict: 'refuse', reason: 'no_number', facts: { phone_number: NUMBER, assistant_id: silent.id } },
    ]);
  });

  test('a blacklisted number is 422: a decision, no call; the same again only counts up', async () => {
    await t.api.post('/api/user/blacklist', { phone_number: NUMBER });
    for (let round = 0; round < 3; round += 1) {
      t.clock.advance(1000);
      const { status, body } = await make();
      expect([status, body]).toEqual([422, { message: 'Number is blacklisted.' }]);
    }
    expect(await calls()).toEqual([]);
    const [decision, ...others] = await decisions();
    expect(others).toEqual([]);
    expect(decision).toMatchObject({ verdict: 'refuse', reason: 'blacklisted', times: 3, last_at: t.clock(), call_id: null });
    expect(decision?.facts.phone_number).toBe(NUMBER);
    await make({ phone_number: '+12025550144' });
    expect((await make()).status).toBe(422);
    expect((await decisions()).map(({ reason, times }) => [reason, times])).toEqual([
      ['blacklisted', 3],
      ['make_call', 1],
      ['blacklisted', 1],
    ]);
    expect(making.woken).toBe(1);
  });

  test('another account’s blacklist is no matter', async () => {
    await t.other.post('/api/user/blacklist', { phone_number: NUMBER });
    expect((await make()).status).toBe(200);
  });
});

describe('lines', () => {
  const setLimit = (max_parallel_calls: number) =>
    t.db.updateTable('accounts').set({ max_parallel_calls }).where('id', '=', t.mine.account.id).execute();

  test('all in use is 429, in header and body, with a decision', async () => {
    await setLimit(4);
    for (const state of ['reserved', 'sending', 'live', 'unknown'] as const) {
      expect((await make()).status).toBe(200);
      await t.db.deleteFrom('calls').where('state', '=', 'reserved').where('worker', '=', '').execute();
      await insertCall(t.db, t.mine.account.id, assistant.id, { state });
    }
    for (const state of ['wrapping', 'ended'] as const) await insertCall(t.db, t.mine.account.id, assistant.id, { state });
    making.woken = 0;
    for (let round = 0; round < 2; round += 1) {
      const { status, body, headers } = await make();
      expect([status, body, headers['retry-after'], making.woken]).toEqual([
        429,
        { message: 'All lines are in use. Try again when a call has ended.', retry_after: 5 },
        '5',
        0,
      ]);
    }
    expect((await decisions()).at(-1)).toMatchObject({
      verdict: 'refuse',
      reason: 'account_lines_full',
      times: 2,
      facts: { account_lines: [4, 4] },
    });
    // Another account has lines of its own.
    expect((await make({ assistant_id: foreign.id }, {}, t.other)).status).toBe(200);
    await t.db.updateTable('calls').set({ state: 'ended' }).where('state', '=', 'live').execute();
    expect((await make()).status).toBe(200);
    await setLimit(10);
  });

  test('of many at once for the last lines exactly as many win as there are', async () => {
    await setLimit(3);
    const answers = await Promise.all(Array.from({ length: 12 }, (_, index) => make({ phone_number: `+1202555${2000 + index}` })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(9);
    expect(await calls()).toHaveLength(3);
    await setLimit(10);
  });

  test('two for the last line: one', async () => {
    await setLimit(1);
    for (let round = 0; round < 10; round += 1) {
      await t.db.deleteFrom('calls').execute();
      const answers = await Promise.all([make(), make({ phone_number: '+12025550144' })]);
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 429]);
    }
    await setLimit(10);
  });
});

describe('blacklisted while it is made', () => {
  test('either it is refused, or it was reserved before', async () => {
    for (let round = 0; round < 20; round += 1) {
      const phone_number = `+1202555${3000 + round}`;
      const [answer, blocked] = await Promise.all([make({ phone_number }), t.api.post('/api/user/blacklist', { phone_number })]);
      expect(blocked.status).toBe(201);
      expect([200, 422]).toContain(answer.status);
      const made = (await calls()).filter((call) => call.phone_number === phone_number);
      expect(made).toHaveLength(answer.status === 200 ? 1 : 0);
      expect((await make({ phone_number })).status).toBe(422);
      await t.db.deleteFrom('calls').execute();
    }
  });
});

test('another account sees nothing of it', async () => {
  const { body } = await make();
  const nobody = await createCaller(t.app, t.db, t.clock, 'Nobody');
  for (const api of [t.other, nobody]) expect((await api.get(`/api/user/calls/${body.call_id}`)).status).toBe(404);
});
