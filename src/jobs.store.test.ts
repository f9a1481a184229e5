// The queue as a whole: pg-boss on our connection, its tables from our migration, and the loop over it.
import { sql } from 'kysely';
import { fromKysely, PgBoss } from 'pg-boss';
import { expect, test } from 'vitest';
import { createClock } from '../test/support/clock.ts';
import { freshDatabase } from '../test/support/db.ts';
import { now, setUp, start, states } from '../test/support/delivering.ts';
import { insertAssistant } from '../test/support/insert-assistant.ts';
import { insertCall } from '../test/support/insert-calls.ts';
import { startReceiver } from '../test/support/receiver.ts';
import { insertAccount } from './accounts/accounts.store.ts';
import { splitScript } from './jobs.ts';
import { webhookWorker } from './webhooks/deliver.ts';
import { QUEUE } from './webhooks/delivery-jobs.store.ts';
import { enqueuePostCalls } from './webhooks/webhooks.store.ts';

test.each([
  ['select 1', ['select 1']],
  ["BEGIN;\n select 1;\n\n select ';';COMMIT;\n", ['select 1', "select ';'"]],
  ["do $$ begin a; b; end $$; select 'it''s; fine', \";\" -- ; no\n; /* ; */ select 2", 4],
  ['select $x$ ; $$ ; $x$; begin', 1],
] as [string, string[] | number][])('a script falls into its statements (%#)', (script, expected) => {
  const pieces = splitScript(script);
  if (typeof expected === 'number') expect(pieces.length).toBe(expected === 4 ? 3 : expected);
  else expect(pieces).toEqual(expected);
});

test('the tables are those of the pg-boss that is installed', async () => {
  const { db } = await freshDatabase();
  const boss = new PgBoss({ db: fromKysely(db), migrate: false, supervise: false, schedule: false });
  expect(await boss.schemaVersion()).toBe(46);
  expect(await boss.detectSchemaDrift()).toMatchObject({ ok: true });
});

test('a job of ours has what a job of pg-boss’s own insert has', async () => {
  const { db } = await freshDatabase();
  const enqueue = await setUp(db);
  await enqueue('https://a.example.test/');
  const boss = new PgBoss({ db: fromKysely(db), migrate: false, supervise: false, schedule: false, registerInstance: false });
  boss.on('error', () => {});
  await boss.start();
  await boss.insert(QUEUE, [{ data: { message: 1 }, singletonKey: '1', group: { id: 'a.example.test' } }]);
  await boss.stop({ close: false });
  const { rows } = await sql<{ job: Record<string, unknown>; keep: number }>`
    select to_jsonb(j) - array['id', 'data', 'singleton_key', 'start_after', 'created_on', 'keep_until'] as job,
      extract(epoch from keep_until - start_after)::float8 as keep from pgboss.job j`.execute(db);
  expect(rows).toHaveLength(2);
  expect(rows[0]).toEqual(rows[1]);
});

test('what is enqueued arrives within two seconds, without being woken', async () => {
  const { db } = await freshDatabase();
  const enqueue = await setUp(db);
  const receiver = await startReceiver();
  const { errors } = await start(db, webhookWorker({ db, clock: now, allowPrivate: true }));
  const began = performance.now();
  await enqueue(receiver.url);
  await receiver.until(1);
  expect(performance.now() - began).toBeLessThan(3000);
  await expect.poll(() => states(db)).toEqual({ delivered: 1 });
  await expect.poll(async () => (await sql`select 1 from pgboss.job`.execute(db)).rows.length).toBe(0);
  expect(errors).toEqual([]);
});

test('idle, it asks once a second', async () => {
  const { db } = await freshDatabase();
  let asked = 0;
  const counting = db.withPlugin({
    transformQuery: ({ node }) => {
      asked++;
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  await start(counting, { queue: QUEUE, concurrency: 5, perGroup: 5, work: async () => {} });
  const before = asked;
  await new Promise((resolve) => setTimeout(resolve, 3000));
  expect(asked - before).toBeLessThanOrEqual(3);
});

test('slow receivers do not hold up the others', async () => {
  const { db } = await freshDatabase();
  const enqueue = await setUp(db);
  const slow = await startReceiver(() => {});
  const quick = await startReceiver();
  // More than there are places.
  await enqueue(slow.url, 150);
  await enqueue(quick.url, 40);
  const began = performance.now();
  await start(db, webhookWorker({ db, clock: now, allowPrivate: true, timeoutMs: 8000 }));
  await quick.until(40);
  expect(performance.now() - began).toBeLessThan(6000);
  expect(slow.seen).toHaveLength(20);
});

test('a stop breaks off what takes too long, and it is sent again by the next', async () => {
  const { db } = await freshDatabase();
  const enqueue = await setUp(db);
  const receiver = await startReceiver((response, count) => {
    if (count > 1) response.end();
  });
  await enqueue(receiver.url);
  const first = await start(db, webhookWorker({ db, clock: now, allowPrivate: true }));
  await receiver.until(1);
  const began = performance.now();
  await first.stop();
  expect(performance.now() - began).toBeLessThan(4000);
  expect(await states(db)).toEqual({ pending: 1 });
  await start(db, webhookWorker({ db, clock: now, allowPrivate: true }));
  await receiver.until(2);
  await expect.poll(() => states(db)).toEqual({ delivered: 1 });
  expect(receiver.seen[0]?.headers['webhook-id']).toBe(receiver.seen[1]?.headers['webhook-id']);
});

test('a job that throws is told of, and tried again', async () => {
  const { db } = await freshDatabase();
  const enqueue = await setUp(db);
  await enqueue('https://a.example.test/');
  const { errors } = await start(db, {
    queue: QUEUE,
    concurrency: 1,
    perGroup: 1,
    work: async () => {
      throw new Error('no');
    },
  });
  await expect.poll(() => errors.length, { timeout: 5000 }).toBe(1);
  await expect.poll(async () => (await sql`select 1 from pgboss.job where state = 'retry'`.execute(db)).rows.length).toBe(1);
});

test('jobs wait for their time, by the clock of the worker', async () => {
  const { db } = await freshDatabase();
  const { id } = await insertAccount(db, { name: 'Mine', email: 'mine@example.test' }, now());
  const receiver = await startReceiver();
  const assistant = await insertAssistant(db, id, now(), { is_webhook_active: true, webhook_url: receiver.url });
  const clock = createClock();
  await enqueuePostCalls(db, [await insertCall(db, id, assistant.id)], new Date(clock().getTime() + 60_000));
  const { wake } = await start(db, webhookWorker({ db, clock, allowPrivate: true }));
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(receiver.seen).toHaveLength(0);
  // Put off, not lost.
  expect((await sql`select 1 from pgboss.job where state = 'created' and start_after > now()`.execute(db)).rows).toHaveLength(1);
  clock.advance(60_000);
  await sql`update pgboss.job set start_after = now() where state = 'created'`.execute(db);
  wake();
  await receiver.until(1);
});
