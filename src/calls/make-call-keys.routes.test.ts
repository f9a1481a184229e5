// make_call repeated under one key: the first answer, and one call.
import { beforeEach, describe, expect, test } from 'vitest';
import { insertCall } from '../../test/support/insert-calls.ts';
import { NUMBER, startMakingCalls } from '../../test/support/making-calls.ts';

const making = await startMakingCalls();
const { t, assistant, silent, foreign, make, calls, decisions } = making;

beforeEach(making.clear);

describe('Idempotency-Key', () => {
  const KEY = { 'idempotency-key': '8e03978e-40d5-43e8-bc93-6894a57f9324' };

  test('the same again: the first answer, byte for byte, and one call', async () => {
    const first = await make({ variables: { a: 1, b: 2 } }, KEY);
    expect([first.status, first.headers['idempotent-replayed']]).toEqual([200, undefined]);
    t.clock.advance(60_000);
    for (const fields of [{ variables: { a: 1, b: 2 } }, { variables: { b: 2, a: 1 } }, { variable: { a: 1, b: 2 } }]) {
      const again = await make(fields, KEY);
      expect([again.status, again.raw, again.headers['idempotent-replayed']]).toEqual([200, first.raw, 'true']);
      expect(again.headers['x-outdial-carrier']).toBe('simulated');
      expect(again.headers['content-type']).toBe(first.headers['content-type']);
    }
    expect([(await calls()).length, (await decisions()).length, making.woken]).toEqual([1, 1, 1]);
  });

  test('the first answer stands whatever has changed since', async () => {
    const first = await make({}, KEY);
    await t.api.post('/api/user/blacklist', { phone_number: NUMBER });
    await t.api.delete(`/api/user/calls/${first.body.call_id}`);
    expect((await make({}, KEY)).raw).toBe(first.raw);
    expect((await make()).status).toBe(422);
  });

  test('with another body it is 409, and no call', async () => {
    await make({}, KEY);
    for (const fields of [{ phone_number: '+12025550144' }, { variables: { a: 1 } }, { extra: 1 }]) {
      const { status, body } = await make(fields, KEY);
      expect([status, body]).toEqual([409, { message: 'This Idempotency-Key belongs to a request that was different.' }]);
    }
    expect(await calls()).toHaveLength(1);
  });

  test('is the account’s own', async () => {
    await make({}, KEY);
    const other = await make({ assistant_id: foreign.id }, KEY, t.other);
    expect([other.status, other.headers['idempotent-replayed']]).toEqual([200, undefined]);
    expect(await calls()).toHaveLength(2);
  });

  test('twenty at once make one call', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => make({}, KEY)));
    expect(await calls()).toHaveLength(1);
    const given = answers.filter(({ status }) => status === 200);
    expect(new Set(given.map(({ raw }) => raw)).size).toBe(1);
    expect(given.filter(({ headers }) => headers['idempotent-replayed'] === undefined)).toHaveLength(1);
    for (const { status, body } of answers.filter((answer) => answer.status !== 200)) {
      expect([status, body]).toEqual([409, { message: 'A request with this Idempotency-Key is still running.' }]);
    }
    expect((await make({}, KEY)).raw).toBe(given[0]?.raw);
    expect(making.woken).toBe(1);
  });

  test('a refusal leaves it free: what was missing may be mended', async () => {
    await t.api.post('/api/user/blacklist', { phone_number: NUMBER });
    const { data } = (await t.api.get('/api/user/blacklist')).body;
    for (const [fields, status] of [
      [{ phone_number: undefined }, 422],
      [{ phone_number: 'x' }, 400],
      [{ assistant_id: 999_999 }, 404],
      [{ assistant_id: silent.id }, 422],
      [{}, 422],
    ] as const) {
      expect((await make(fields, KEY)).status).toBe(status);
    }
    await t.api.delete(`/api/user/blacklist/${data[0].id}`);
    const made = await make({}, KEY);
    expect([made.status, made.headers['idempotent-replayed']]).toEqual([200, undefined]);
  });

  test('a 429 leaves it free', async () => {
    await t.db.updateTable('accounts').set({ max_parallel_calls: 1 }).where('id', '=', t.mine.account.id).execute();
    const busy = await insertCall(t.db, t.mine.account.id, assistant.id, { state: 'live' });
    expect((await make({}, KEY)).status).toBe(429);
    await t.db.deleteFrom('calls').where('id', '=', busy).execute();
    expect((await make({}, KEY)).status).toBe(200);
    await t.db.updateTable('accounts').set({ max_parallel_calls: 10 }).where('id', '=', t.mine.account.id).execute();
  });

  test('is kept for a day', async () => {
    const first = await make({}, KEY);
    t.clock.advance(24 * 3_600_000 - 1000);
    expect((await make({}, KEY)).raw).toBe(first.raw);
    t.clock.advance(1000);
    const later = await make({ phone_number: '+12025550144' }, KEY);
    expect([later.status, later.headers['idempotent-replayed']]).toEqual([200, undefined]);
    expect(later.body.call_id).not.toBe(first.body.call_id);
    expect(await t.db.selectFrom('idempotency_keys').select('key').execute()).toHaveLength(1);
  });

  test('old keys go when new ones come', async () => {
    for (const key of ['a', 'b', 'c']) await make({}, { 'idempotency-key': key });
    t.clock.advance(25 * 3_600_000);
    await make({}, { 'idempotency-key': 'd' });
    expect(await t.db.selectFrom('idempotency_keys').select('key').execute()).toEqual([{ key: 'd' }]);
  });

  test.each([
    ['empty', ''],
    ['blank', '  '],
    ['too long', 'x'.repeat(256)],
  ])('%s is 400, and no call', async (_name, key) => {
    const { status, body } = await make({}, { 'idempotency-key': key });
    expect([status, body]).toEqual([400, { message: 'The Idempotency-Key header must have 1 to 255 characters.' }]);
    expect(await calls()).toEqual([]);
  });

  test.each(['x'.repeat(255), "'; drop table calls; --", '%00', '\xff\xfe', '{"a":1}'])('any other text is a key: %.20s', async (key) => {
    const [first, again] = [await make({}, { 'idempotency-key': key }), await make({}, { 'idempotency-key': key })];
    expect([first.status, again.raw]).toEqual([200, first.raw]);
    expect(await calls()).toHaveLength(1);
  });
});
