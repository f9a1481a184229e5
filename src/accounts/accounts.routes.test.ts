import { beforeAll, describe, expect, test } from 'vitest';
import { type Answer, createApi, startApp, type TestApp } from '../../test/support/app.ts';
import { ensureFirstAccount, insertAccount, KeyIdTakenError, mintKey } from './accounts.store.ts';
import { hashSecret } from './api-key.ts';

const UNAUTHENTICATED = '{"message":"Unauthenticated."}';

let t: TestApp;

beforeAll(async () => {
  t = await startApp();
});

const ask = (authorization: string | undefined): Promise<Answer> =>
  createApi(t.app, undefined).get('/api/user/me', authorization === undefined ? {} : { authorization });
const mint = async (name = 'CI'): Promise<{ id: number; token: string; secret: string }> => {
  const { body } = await t.api.post('/api/user/api-keys', { name });
  const { token } = body.api_key;
  const [id = '', secret = ''] = token.split('|');
  return { id: Number(id), token, secret };
};

test('me: three keys, the balance a number', async () => {
  const { status, raw } = await t.api.get('/api/user/me');
  expect([status, raw]).toEqual([200, '{"name":"Mine","email":"mine@example.test","total_balance":0}']);
});

describe('the account', () => {
  const ACCOUNT = {
    name: 'Mine',
    email: 'mine@example.test',
    timezone: null,
    max_calls_in_parallel: 10,
    max_parallel_calls: 10,
    retention_months: 24,
  };

  test('is read and changed in part, by PUT and PATCH', async () => {
    const { id } = t.mine.account;
    expect((await t.api.get('/api/user/account')).body).toEqual({ id, ...ACCOUNT });
    const changed = { ...ACCOUNT, id, name: 'Renewals', timezone: 'Europe/Bucharest' };
    const { status, body } = await t.api.put('/api/user/account', { name: ' Renewals ', timezone: 'Europe/Bucharest', colour: 'red' });
    expect([status, body]).toEqual([200, { message: 'Account updated successfully', data: changed }]);
    expect((await t.api.get('/api/user/account')).body).toEqual(changed);
    expect((await t.api.patch('/api/user/account', { timezone: null, name: 'Mine' })).body.data).toEqual({ id, ...ACCOUNT });
    expect((await t.api.patch('/api/user/account', {})).body.data).toEqual({ id, ...ACCOUNT });
    expect((await t.api.put('/api/user/account', { retention_months: '6' })).body.data).toEqual({ id, ...ACCOUNT, retention_months: 6 });
    expect((await t.api.put('/api/user/account', { retention_months: 24 })).body.data).toEqual({ id, ...ACCOUNT });
    expect((await t.other.get('/api/user/account')).body.name).toBe('Other');
  });

  test.each<[object, string, string]>([
    [{ name: null }, 'name', 'The name field must be a string.'],
    [{ name: ' ' }, 'name', 'The name field must be a string.'],
    [{ email: '' }, 'email', 'The email field must be a string.'],
    [{ name: 'x'.repeat(256) }, 'name', 'The name field must not be greater than 255 characters.'],
    [{ name: 'a\0' }, 'name', 'The name field contains characters that are not allowed (NUL or a lone surrogate).'],
    [{ email: 'mine' }, 'email', 'The email field must be a valid email address.'],
    [{ timezone: 'Mars/Base' }, 'timezone', 'The timezone field must be a valid timezone.'],
    [{ timezone: '+02:00' }, 'timezone', 'The timezone field must be a valid timezone.'],
    [{ timezone: 5 }, 'timezone', 'The timezone field must be a string.'],
    [{ max_calls_in_parallel: 99 }, 'max_calls_in_parallel', 'The max calls in parallel field can only be changed by the operator.'],
    [{ retention_months: 0 }, 'retention_months', 'The retention months field must be at least 1.'],
    [{ retention_months: 25 }, 'retention_months', 'The retention months field must not be greater than 24.'],
    [{ retention_months: 1.5 }, 'retention_months', 'The retention months field must be an integer.'],
    [{ name: 'Hidden', max_parallel_calls: 99 }, 'max_parallel_calls', 'The max parallel calls field can only be changed by the operator.'],
  ])('%o is refused', async (fields, field, message) => {
    const { status, body } = await t.api.put('/api/user/account', fields);
    expect([status, body]).toEqual([422, { message: 'Validation failed', errors: { [field]: [message] } }]);
    expect((await t.api.get('/api/user/account')).body).toEqual({ id: t.mine.account.id, ...ACCOUNT });
  });
});

describe('keys', () => {
  test('are minted, shown once, listed without their token', async () => {
    const { status, body } = await t.api.post('/api/user/api-keys', { name: ' Zapier ' });
    expect(status).toBe(201);
    expect(body).toEqual({
      message: 'API key created successfully.',
      api_key: { name: 'Zapier', token: expect.stringMatching(/^[1-9]\d*\|[A-Za-z0-9]{40}$/), created_at: '2026-03-02T08:15:40.000000Z' },
    });
    const { raw, body: listed } = await t.api.get('/api/user/api-keys');
    expect(listed.api_keys.at(-1)).toEqual({
      id: Number(body.api_key.token.split('|')[0]),
      name: 'Zapier',
      last_used_at: null,
      created_at: '2026-03-02T08:15:40.000000Z',
    });
    const secret: string = body.api_key.token.split('|')[1];
    expect(raw).not.toContain(secret);
    expect(raw).not.toContain(hashSecret(secret));
    expect(listed.api_keys.map(({ id }: { id: number }) => id)).not.toContain(Number(t.other.token.split('|')[0]));
  });

  test('need a name; the top line repeats what is wrong', async () => {
    for (const fields of [{}, { name: ' ' }]) {
      const { status, body } = await t.api.post('/api/user/api-keys', fields);
      const message = 'The name field is required.';
      expect([status, body]).toEqual([422, { message, errors: { name: [message] } }]);
    }
  });

  test('work in every spelling that clients use', async () => {
    const { token, secret, id } = await mint();
    for (const header of [`Bearer ${token}`, `bearer ${token}`, `BEARER  ${token} `, `Bearer ${secret}`, `Bearer ${token}, Basic x`]) {
      expect((await ask(header)).status, header).toBe(200);
    }
    const refused = [
      undefined,
      '',
      token,
      secret,
      `Basic ${token}`,
      `Bearer`,
      `Bearer ${id}|`,
      `Bearer ${id}`,
      `Bearer ${id + 1}|${secret}`,
      `Bearer |${secret}`,
      `Bearer 0${token}`,
      `Bearer ${token}x`,
      `Bearer ${secret.toLowerCase()}`,
      `Bearer ${hashSecret(secret)}`,
      `Bearer ,${token}`,
      `Token ${token}`,
    ];
    for (const header of refused) {
      const { status, raw, headers } = await ask(header);
      expect([status, raw, headers['x-ratelimit-limit'], headers['www-authenticate']], header).toEqual([
        401,
        UNAUTHENTICATED,
        undefined,
        undefined,
      ]);
    }
    expect((await createApi(t.app, undefined).get(`/api/user/me?api_token=${token}&token=${secret}`)).status).toBe(401);
  });

  test('are gone the moment they are deleted, and are not another’s to delete', async () => {
    const { id, token } = await mint();
    expect((await t.other.delete(`/api/user/api-keys/${id}`)).body).toEqual({ message: 'API key not found.' });
    expect((await ask(`Bearer ${token}`)).status).toBe(200);
    const deleted = await t.api.delete(`/api/user/api-keys/${id}`);
    expect([deleted.status, deleted.body]).toEqual([200, { message: 'API key deleted successfully.' }]);
    expect((await ask(`Bearer ${token}`)).raw).toBe(UNAUTHENTICATED);
    expect((await t.api.delete(`/api/user/api-keys/${id}`)).status).toBe(404);
  });

  test('may delete themselves, and only answer that', async () => {
    const { id, token } = await mint();
    const own = createApi(t.app, token);
    expect((await own.delete(`/api/user/api-keys/${id}`)).status).toBe(200);
    expect((await own.get('/api/user/me')).status).toBe(401);
  });

  test('are stored as the hash of their secret, and nothing else', async () => {
    const { id, secret } = await mint();
    const row = await t.db.selectFrom('api_keys').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
    expect(row.secret_hash).toBe(hashSecret(secret));
    expect(JSON.stringify(row)).not.toContain(secret);
  });

  test('last_used_at is written once a minute, not once a request', async () => {
    const { id, token } = await mint();
    const lastUsed = async () =>
      (
        await t.db.selectFrom('api_keys').select(['last_used_at']).where('id', '=', id).executeTakeFirstOrThrow()
      ).last_used_at?.toISOString();
    const use = () => ask(`Bearer ${token}`);
    expect(await lastUsed()).toBeUndefined();
    const first = t.clock.now.toISOString();
    await use();
    expect(await lastUsed()).toBe(first);
    t.clock.advance(59_999);
    await use();
    expect(await lastUsed()).toBe(first);
    t.clock.advance(1);
    await use();
    expect(await lastUsed()).toBe(t.clock.now.toISOString());
    expect((await t.api.get('/api/user/api-keys')).body.api_keys.find((key: { id: number }) => key.id === id).last_used_at).toMatch(
      /^2026-03-02T08:16:40\.000000Z$/,
    );
  });
});

test('an account may be sent back as it was read', async () => {
  const { api } = await startApp();
  const { body } = await api.get('/api/user/account');
  const answer = await api.put('/api/user/account', { ...body, name: 'Renamed' });
  expect([answer.status, answer.body.data]).toEqual([200, { ...body, name: 'Renamed' }]);
});

describe('keys that the operator chose', () => {
  const secret = 'abcdefghijklmnopqrstuvwxyz';

  test('get exactly their id, and the next key a later one', async () => {
    const account = await insertAccount(t.db, { name: 'Given', email: 'given@example.test' }, t.clock());
    const given = await mintKey(t.db, account.id, 'Given', t.clock(), { id: 5000, secret });
    expect(given.token).toBe(`5000|${secret}`);
    expect((await ask(`Bearer 5000|${secret}`)).body.name).toBe('Given');
    expect((await ask(`Bearer ${secret}`)).body.name).toBe('Given');
    expect((await mint()).id).toBeGreaterThan(5000);
    const low = await mintKey(t.db, account.id, 'Low', t.clock(), { id: 4000, secret: `${secret}2` });
    expect([low.id, (await mint()).id > 5001]).toEqual([4000, true]);
    await expect(mintKey(t.db, account.id, 'Again', t.clock(), { id: 5000, secret: `${secret}3` })).rejects.toThrow(KeyIdTakenError);
    await expect(mintKey(t.db, account.id, 'Same', t.clock(), { id: 6000, secret })).rejects.toThrow(KeyIdTakenError);
    expect((await ask(`Bearer 5000|${secret}`)).status).toBe(200);
  });

  test('twenty at once get twenty ids', async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, () => mint()));
    expect(new Set(keys.map(({ id }) => id)).size).toBe(20);
  });

  test('a new database gets one first account, also when two processes start at once', async () => {
    const fresh = await startApp();
    await fresh.db.deleteFrom('accounts').execute();
    const made = await Promise.all([1, 2, 3].map(() => ensureFirstAccount(fresh.db, { id: 42, secret }, fresh.clock())));
    expect(made.filter((key) => key !== undefined).map((key) => key?.token)).toEqual([`42|${secret}`]);
    expect(await ensureFirstAccount(fresh.db, undefined, fresh.clock())).toBeUndefined();
    expect((await createApi(fresh.app, secret).get('/api/user/me')).body).toEqual({
      name: 'Outdial',
      email: 'owner@outdial.example',
      total_balance: 0,
    });
  });
});
