// Who comes first, and how much anybody may hold.
import { sql } from 'kysely';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { createClock, type TestClock } from '../../test/support/clock.ts';
import { freshDatabase } from '../../test/support/db.ts';
import { insertAssistant } from '../../test/support/insert-assistant.ts';
import { insertCall } from '../../test/support/insert-calls.ts';
import { insertAccount } from '../accounts/accounts.store.ts';
import { openDatabase } from '../db/open.ts';
import type { Db } from '../db/schema.ts';
import { givenClock } from '../dialer/lease.store.ts';
import { type ClaimTerms, claimMessages, LEASE_MS, renewLeases } from './claim.store.ts';
import { enqueuePostCalls } from './webhooks.store.ts';

let db: Db;
let database: Awaited<ReturnType<typeof freshDatabase>>;
let clock: TestClock;
let accounts: number[];

beforeAll(async () => {
  database = await freshDatabase();
  db = database.db;
});

beforeEach(async () => {
  await sql`delete from accounts`.execute(db);
  clock = createClock();
  accounts = [];
  for (const name of ['a', 'b']) accounts.push((await insertAccount(db, { name, email: `${name}@example.test` }, clock())).id);
});

/** Messages of the account with that index, due at the clock's time, one after the other. */
const enqueue = async (index: number, host: string, count: number): Promise<void> => {
  const account = accounts[index] ?? 0;
  const assistant = await insertAssistant(db, account, clock(), { is_webhook_active: true, webhook_url: `https://${host}/` });
  const calls: number[] = [];
  for (let i = 0; i < count; i++) calls.push(await insertCall(db, account, assistant.id));
  await enqueuePostCalls(db, calls, clock());
};

const claim = async (terms: Partial<ClaimTerms> = {}, on = db) => {
  const { claimed } = await claimMessages(on, givenClock, { limit: 100, perGroup: 5, perAccount: 100, held: [], ...terms }, clock());
  const counts: Record<string, number> = {};
  for (const { account_id, host } of claimed) {
    const key = `${'ab'[accounts.indexOf(account_id)]} ${host}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
};

test('each account has places of its own at the same host', async () => {
  await enqueue(0, 'big.example.test', 20);
  clock.advance(1000);
  await enqueue(1, 'big.example.test', 3);
  expect(await claim()).toEqual({ 'a big.example.test': 5, 'b big.example.test': 3 });
  // What is held counts, whoever holds it.
  expect(await claim()).toEqual({});
  await enqueue(1, 'big.example.test', 3);
  expect(await claim()).toEqual({ 'b big.example.test': 2 });
});

test('what a dead worker held is nobody’s after its lease, its places too', async () => {
  await enqueue(0, 'big.example.test', 20);
  expect(await claim()).toEqual({ 'a big.example.test': 5 });
  clock.advance(LEASE_MS - 1);
  expect(await claim()).toEqual({});
  clock.advance(1);
  expect(await claim()).toEqual({ 'a big.example.test': 5 });
});

test('whoever holds least comes first, and whoever has waited longest among those', async () => {
  await enqueue(0, 'long.example.test', 20);
  clock.advance(1000);
  await enqueue(1, 'late.example.test', 20);
  expect(await claim({ limit: 2 })).toEqual({ 'a long.example.test': 1, 'b late.example.test': 1 });
  expect(await claim({ limit: 1 })).toEqual({ 'a long.example.test': 1 });
  expect(await claim({ limit: 1 })).toEqual({ 'b late.example.test': 1 });
});

test('an account with many hosts does not take all', async () => {
  for (let i = 0; i < 6; i += 1) await enqueue(0, `h${i}.example.test`, 5);
  await enqueue(1, 'one.example.test', 5);
  const counts = await claim({ perAccount: 8 });
  const { 'b one.example.test': other, ...own } = counts;
  expect([other, Object.keys(own).length, Object.values(own).reduce((sum, n) => sum + n, 0)]).toEqual([5, 6, 8]);
  expect(await claim({ perAccount: 8 })).toEqual({});
});

test('an account that has all that it may have does not keep others out, however many hosts it has', async () => {
  for (let i = 0; i < 8; i += 1) await enqueue(0, `h${i}.example.test`, 2);
  clock.advance(1000);
  await enqueue(1, 'one.example.test', 2);
  const own = await claim({ limit: 4, perAccount: 4 });
  expect(Object.values(own).reduce((sum, n) => sum + n, 0)).toBe(4);
  expect(await claim({ limit: 4, perAccount: 4 })).toEqual({ 'b one.example.test': 2 });
});

test('what is not due, delivered or cancelled is left alone', async () => {
  await enqueue(0, 'a.example.test', 3);
  const [later, done] = await db.selectFrom('webhook_messages').select('id').orderBy('id').execute();
  await db
    .updateTable('webhook_messages')
    .set({ next_attempt_at: new Date(clock().getTime() + 1) })
    .where('id', '=', later?.id ?? 0)
    .execute();
  await db
    .updateTable('webhook_messages')
    .set({ next_attempt_at: null, state: 'delivered' })
    .where('id', '=', done?.id ?? 0)
    .execute();
  expect(await claim()).toEqual({ 'a a.example.test': 1 });
});

test('a message that somebody has locked keeps neither a claim nor a renewal waiting', async () => {
  await enqueue(0, 'a.example.test', 2);
  await enqueue(1, 'b.example.test', 1);
  const other = await openDatabase(database.source);
  try {
    await other.db.transaction().execute(async (trx) => {
      const { id } = await trx.selectFrom('webhook_messages').select('id').orderBy('id').limit(1).forUpdate().executeTakeFirstOrThrow();
      const first = await claimMessages(db, givenClock, { limit: 9, perGroup: 9, perAccount: 9, held: [] }, clock());
      expect([first.claimed.length, first.contended]).toEqual([2, true]);
      await trx
        .selectFrom('webhook_messages')
        .select('id')
        .where('id', '=', first.claimed[0]?.id ?? 0)
        .forUpdate()
        .execute();
      clock.advance(LEASE_MS - 1);
      await renewLeases(db, givenClock, first.claimed, clock());
      const leases = await db.selectFrom('webhook_messages').select('lease_until').where('id', '<>', id).orderBy('lease_until').execute();
      expect(leases.map(({ lease_until }) => (lease_until?.getTime() ?? 0) - clock().getTime())).toEqual([1, LEASE_MS]);
    });
  } finally {
    await other.close();
  }
});

test('a claim among a hundred thousand that wait for a full group, or for their time, reads little', async () => {
  await enqueue(0, 'busy.example.test', 1);
  await sql`
    with template as (select * from webhook_messages limit 1), calls_of as (
      insert into calls (account_id, assistant_id, state, status, phone_number, caller_number, carrier, simulated, worker, variables, created_at, updated_at)
      select c.account_id, c.assistant_id, c.state, c.status, c.phone_number, c.caller_number, c.carrier, c.simulated, c.worker, '{}',
        c.created_at, c.updated_at
      from calls c cross join generate_series(1, 20000) limit 20000 returning id
    )
    insert into webhook_messages (account_id, call_id, event, url, host, payload, next_attempt_at, created_at, updated_at)
    select t.account_id, c.id, t.event, t.url, t.host, '{}', t.next_attempt_at + case when c.id % 2 = 0 then interval '1 hour' else '0' end,
      t.created_at, t.updated_at
    from calls_of c cross join template t`.execute(db);
  await sql`analyze webhook_messages`.execute(db);
  await claim();
  await enqueue(1, 'quick.example.test', 1);
  const read = async () => {
    const { rows } = await sql<{ n: number }>`select (pg_stat_get_xact_tuples_returned('webhook_messages'::regclass)
      + pg_stat_get_xact_tuples_fetched('webhook_messages'::regclass))::int as n`.execute(trxDb);
    return rows[0]?.n ?? 0;
  };
  let trxDb: Db = db;
  await db.transaction().execute(async (trx) => {
    trxDb = trx;
    expect(await claim({}, trx)).toEqual({ 'b quick.example.test': 1 });
    expect(await read()).toBeLessThan(500);
  });
});
