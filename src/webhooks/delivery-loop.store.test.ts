// The worker as a whole, with receivers that are real.
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { createClock } from '../../test/support/clock.ts';
import { freshDatabase } from '../../test/support/db.ts';
import { now, setUp, start, states } from '../../test/support/delivering.ts';
import { insertAssistant } from '../../test/support/insert-assistant.ts';
import { insertCall } from '../../test/support/insert-calls.ts';
import { startReceiver } from '../../test/support/receiver.ts';
import { insertAccount } from '../accounts/accounts.store.ts';
import { LEASE_MS } from './claim.store.ts';
import { listAttempts } from './deliveries.store.ts';
import { allowance } from './delivery-loop.ts';
import { enqueuePostCalls } from './webhooks.store.ts';

test('what is enqueued arrives within two seconds, without being woken', async () => {
  const { db } = await freshDatabase();
  const enqueue = await setUp(db);
  const receiver = await startReceiver();
  const { errors } = start(db);
  const began = performance.now();
  await enqueue(receiver.url);
  await receiver.until(1);
  expect(performance.now() - began).toBeLessThan(3000);
  await expect.poll(() => states(db)).toEqual({ delivered: 1 });
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
  start(counting);
  await expect.poll(() => asked).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  expect(asked - 1).toBeLessThanOrEqual(3);
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
  start(db, { timeoutMs: 8000 });
  await quick.until(40);
  expect(performance.now() - began).toBeLessThan(6000);
  expect(slow.seen).toHaveLength(20);
});

test('one account’s slow endpoint at a host does not hold up another account’s at the same host', async () => {
  const { db } = await freshDatabase();
  const [enqueueA, enqueueB] = [await setUp(db), await setUp(db, 'other@example.test')];
  // One server: what A is sent it never answers.
  const host = await startReceiver((response, _count, path) => {
    if (path !== '/a') response.end();
  });
  const at = (path: string) => new URL(path, host.url).href;
  await enqueueA(at('/a'), 60);
  await enqueueB(at('/b'), 40);
  start(db, { timeoutMs: 8000 });
  await expect.poll(() => host.seen.filter(({ path }) => path === '/b').length, { timeout: 6000 }).toBe(40);
  expect(host.seen.filter(({ path }) => path === '/a')).toHaveLength(20);
});

test('however many slow receivers there are, a place is left for one that is new', async () => {
  const { db } = await freshDatabase();
  const receivers = await Promise.all(Array.from({ length: 8 }, () => startReceiver(() => {})));
  for (const [index, { url }] of receivers.entries()) await (await setUp(db, `slow-${index}@example.test`))(url, 25);
  const enqueue = await setUp(db);
  const quick = await startReceiver();
  start(db, { timeoutMs: 9000 });
  const held = () => receivers.reduce((sum, { seen }) => sum + seen.length, 0);
  await expect.poll(held, { timeout: 5000 }).toBeGreaterThan(50);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(held()).toBeLessThan(100);
  await enqueue(quick.url, 10);
  await expect.poll(() => quick.seen.length, { timeout: 5000 }).toBe(10);
});

test('the fewer places are free, the less of them may one have', () => {
  expect([100, 80, 40, 8, 3, 1].map(allowance)).toEqual([
    { limit: 50, perGroup: 20, perAccount: 100 },
    { limit: 50, perGroup: 20, perAccount: 80 },
    { limit: 40, perGroup: 10, perAccount: 40 },
    { limit: 8, perGroup: 2, perAccount: 8 },
    { limit: 3, perGroup: 1, perAccount: 3 },
    { limit: 1, perGroup: 1, perAccount: 1 },
  ]);
});

test('a delivery that takes longer than a lease stays with its worker', async () => {
  const { db } = await freshDatabase();
  const enqueue = await setUp(db);
  const receiver = await startReceiver((response) => setTimeout(() => response.end(), LEASE_MS + 2000));
  await enqueue(receiver.url);
  start(db);
  start(db);
  await expect.poll(() => states(db), { timeout: 15_000 }).toEqual({ delivered: 1 });
  expect(receiver.seen).toHaveLength(1);
});

test('a stop breaks off what takes too long, and it is sent again by the next', async () => {
  const { db } = await freshDatabase();
  const enqueue = await setUp(db);
  const receiver = await startReceiver((response, count) => {
    if (count > 1) response.end();
  });
  await enqueue(receiver.url);
  const first = start(db);
  await receiver.until(1);
  const began = performance.now();
  await first.stop();
  expect(performance.now() - began).toBeLessThan(4000);
  expect(await states(db)).toEqual({ pending: 1 });
  start(db);
  await receiver.until(2);
  await expect.poll(() => states(db)).toEqual({ delivered: 1 });
  expect(receiver.seen[0]?.headers['webhook-id']).toBe(receiver.seen[1]?.headers['webhook-id']);
});

test('halted, it begins nothing more, and finishes what it has', async () => {
  const { db } = await freshDatabase();
  const enqueue = await setUp(db);
  const answers: (() => void)[] = [];
  const receiver = await startReceiver((response) => answers.push(() => response.end()));
  await enqueue(receiver.url);
  const worker = start(db, { graceMs: 20_000 });
  await receiver.until(1);
  worker.halt();
  await enqueue(receiver.url);
  worker.wake();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(receiver.seen).toHaveLength(1);
  for (const answer of answers) answer();
  await worker.stop();
  expect(await states(db)).toEqual({ delivered: 1, pending: 1 });
});

test('an attempt that the database will not take is told of, and neither repeated every few seconds nor forgotten', async () => {
  const { db } = await freshDatabase();
  const enqueue = await setUp(db);
  const receiver = await startReceiver();
  await sql`alter table webhook_deliveries add constraint refused check (false) not valid`.execute(db);
  await enqueue(receiver.url);
  const { errors } = start(db);
  await expect.poll(() => errors.length, { timeout: 5000 }).toBe(1);
  await expect
    .poll(async () => {
      const { lease_until: lease } = await db.selectFrom('webhook_messages').select('lease_until').executeTakeFirstOrThrow();
      return (lease?.getTime() ?? 0) - Date.now();
    })
    .toBeGreaterThan(40_000);
  expect(await states(db)).toEqual({ pending: 1 });
  expect(receiver.seen).toHaveLength(1);
});

test('a database that is away for a moment when an attempt ends: it is recorded afterwards, and not sent again', async () => {
  const { db } = await freshDatabase();
  const enqueue = await setUp(db);
  let away = false;
  const failing = db.withPlugin({
    transformQuery: ({ node }) => {
      // As soon as it was sent, and until told otherwise.
      if (away) throw Object.assign(new Error('terminating connection'), { code: '57P01' });
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  const receiver = await startReceiver((response) => {
    away = true;
    setTimeout(() => {
      away = false;
    }, 2500);
    response.end();
  });
  await enqueue(receiver.url);
  start(failing);
  await expect.poll(() => states(db), { timeout: 15_000 }).toEqual({ delivered: 1 });
  expect(receiver.seen).toHaveLength(1);
  const { id } = await db.selectFrom('webhook_messages').select('id').executeTakeFirstOrThrow();
  expect(await listAttempts(db, id)).toHaveLength(1);
});

test('messages wait for their time, by the clock of the worker', async () => {
  const { db } = await freshDatabase();
  const { id } = await insertAccount(db, { name: 'Mine', email: 'mine@example.test' }, now());
  const receiver = await startReceiver();
  const assistant = await insertAssistant(db, id, now(), { is_webhook_active: true, webhook_url: receiver.url });
  const clock = createClock();
  await enqueuePostCalls(db, [await insertCall(db, id, assistant.id)], new Date(clock().getTime() + 60_000));
  const { wake } = start(db, { clock });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(receiver.seen).toHaveLength(0);
  clock.advance(60_000);
  wake();
  await receiver.until(1);
});
