// The tests' own ground: databases that start empty, and answers that cannot break the contract unseen.
import { sql } from 'kysely';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkInjected } from './contract/check-app.ts';
import { ContractViolation } from './contract/checker.ts';
import { startApp, type TestApp } from './support/app.ts';
import { START } from './support/clock.ts';
import { freshDatabase } from './support/db.ts';

describe('a fresh database', () => {
  test('is the one that its URL names', async () => {
    const { db, url } = await freshDatabase();
    const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(db);
    expect(new URL(url).pathname).toBe(`/${rows[0]?.name}`);
  });

  test('is migrated, empty and nobody else’s', async () => {
    const [one, other] = await Promise.all([freshDatabase(), freshDatabase()]);
    const account = { name: 'A', email: 'a@example.test', timezone: null, created_at: new Date(), updated_at: new Date() };
    await one.db.insertInto('accounts').values(account).execute();
    expect(await one.db.selectFrom('accounts').select('id').execute()).toEqual([{ id: 1 }]);
    expect(await other.db.selectFrom('accounts').select('id').execute()).toEqual([]);
  });

  const before: Awaited<ReturnType<typeof freshDatabase>>[] = [];
  test('is opened by one test …', async () => {
    before.push(await freshDatabase());
  });
  test('… and closed before the next', async () => {
    await expect(sql`select 1`.execute(before[0]?.db as never)).rejects.toThrow();
  });
});

describe('an application', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startApp();
  });

  test('has two accounts with keys of their own', async () => {
    const [mine, other] = await Promise.all([t.mine.get('/api/user/me'), t.other.get('/api/user/me')]);
    expect([mine.body.name, other.body.name]).toEqual(['Mine', 'Other']);
    expect(t.mine.account.id).not.toBe(t.other.account.id);
  });

  test('stays open between the tests of a file', async () => {
    expect((await t.api.get('/readyz')).body).toEqual({ status: 'ready' });
  });

  test('lives by the test’s clock', async () => {
    expect(t.clock.now.toISOString()).toBe(new Date(START).toISOString());
    t.clock.advance(1500);
    expect(t.clock().getTime() - Date.parse(START)).toBe(1500);
    t.clock.set('2027-01-01T00:00:00Z');
    const minted = await t.api.post('/api/user/api-keys', { name: 'later' });
    expect(minted.body.api_key.created_at).toBe('2027-01-01T00:00:00.000000Z');
  });
});

describe('an answer against the contract', () => {
  const LEAD_PATH = '/api/user/leads/5';

  // An application whose answers are made up, behind the same check.
  const answering = (status: number, body: unknown): TestApp['app'] => {
    const routeList = [{ method: 'GET', url: '/api/user/leads/:id', hidden: false }];
    const inject = async (options: { method?: string; url: string }) => ({
      statusCode: status,
      headers: { 'content-type': 'application/json' },
      payload: JSON.stringify(body),
      raw: { req: { method: options.method ?? 'GET', url: options.url, headers: {} } },
    });
    const app = { routeList, inject, ready: async () => {}, swagger: () => ({ paths: {} }) } as unknown as TestApp['app'];
    checkInjected(app);
    return app;
  };

  test('rejects the call that a test makes', async () => {
    await expect(answering(200, { id: 5 }).inject({ url: LEAD_PATH })).rejects.toThrow(
      /GET \/api\/user\/leads\/\{id\} answered 200[\s\S]*required property/,
    );
    await expect(answering(204, '').inject({ url: LEAD_PATH })).rejects.toThrow(ContractViolation);
  });

  test('lets pass what the contract lists', async () => {
    const app = answering(404, { message: 'Lead not found' });
    expect((await app.inject({ url: `${LEAD_PATH}?x=1` })).statusCode).toBe(404);
  });

  test('counts where no route is: a message, nothing else', async () => {
    await expect(answering(404, { message: 'Not Found' }).inject({ url: '/api/nothing' })).resolves.toBeDefined();
    await expect(answering(404, { error: 'Not Found' }).inject({ url: '/api/nothing' })).rejects.toThrow(ContractViolation);
    await expect(answering(200, { message: 'Hello' }).inject({ url: '/api/nothing' })).rejects.toThrow(ContractViolation);
  });

  test('cannot be avoided by another form of inject', async () => {
    const { app } = await startApp();
    await expect(async () => app.inject()).rejects.toThrow('no other form is checked');
  });

  test('refuses a route that is in no document', async () => {
    const app = answering(200, {});
    app.routeList.push({ method: 'GET', url: '/api/user/secret', hidden: false });
    await expect(app.inject({ url: '/api/user/secret' })).rejects.toThrow('in neither document');
  });
});
