// One attempt after another, on the test's clock, against receivers that are real.
import { sql } from 'kysely';
import { Webhook } from 'standardwebhooks';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createClock, type TestClock } from '../../test/support/clock.ts';
import { freshDatabase } from '../../test/support/db.ts';
import { insertAssistant } from '../../test/support/insert-assistant.ts';
import { insertCall } from '../../test/support/insert-calls.ts';
import { type Received, startReceiver } from '../../test/support/receiver.ts';
import { insertAccount } from '../accounts/accounts.store.ts';
import { deleteCall } from '../calls/calls.store.ts';
import type { Db } from '../db/schema.ts';
import { givenClock } from '../dialer/lease.store.ts';
import { recordAttempt } from './attempts.store.ts';
import { claimMessages, LEASE_MS, renewLeases } from './claim.store.ts';
import { deliver as attempt, type DeliveryDeps } from './deliver.ts';
import { listAttempts, replayDeliveries } from './deliveries.store.ts';
import { WAITS } from './retries.ts';
import { OVERLAP_MS, rotateSecret, signingSecrets } from './secrets.store.ts';
import { enqueuePostCalls } from './webhooks.store.ts';

let db: Db;
let clock: TestClock;
let account: number;
let deps: DeliveryDeps;
const never = new AbortController().signal;

beforeAll(async () => {
  ({ db } = await freshDatabase());
});

beforeEach(async () => {
  await sql`delete from accounts`.execute(db);
  clock = createClock();
  account = (await insertAccount(db, { name: 'Mine', email: 'mine@example.test' }, clock())).id;
  deps = { db, clock, allowPrivate: true, timeoutMs: 2000 };
});

const enqueue = async (url: string): Promise<number> => {
  const assistant = await insertAssistant(db, account, clock(), { is_webhook_active: true, webhook_url: url });
  const call = await insertCall(db, account, assistant.id);
  await enqueuePostCalls(db, [call], clock());
  const { id } = await db.selectFrom('webhook_messages').select('id').where('call_id', '=', call).executeTakeFirstOrThrow();
  return id;
};
const message = (id: number) => db.selectFrom('webhook_messages').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
const claim = async (limit = 20) =>
  (await claimMessages(db, givenClock, { limit, perGroup: 20, perAccount: 100, held: [] }, clock())).claimed;

/** What a worker does: claims the message if it is due and nobody is at it, and makes an attempt on it. */
const deliver = async (given: DeliveryDeps, id: number, signal: AbortSignal): Promise<void> => {
  const { claimed } = await claimMessages(db, givenClock, { limit: 20, perGroup: 20, perAccount: 100, held: [] }, given.clock());
  expect(claimed.map((one) => one.id)).toEqual(claimed.length === 0 ? [] : [id]);
  await Promise.all(claimed.map((one) => attempt(given, one, signal)));
};

// The package asks the machine's clock about the timestamp, so only the signature can be compared here.
const isSignedWith = (secret: string, { headers, body }: Received): boolean => {
  const at = new Date(Number(headers['webhook-timestamp']) * 1000);
  const signature = new Webhook(secret).sign(headers['webhook-id'] ?? '', at, body);
  return (headers['webhook-signature'] ?? '').split(' ').includes(signature);
};

test('what arrives is signed, and the log tells what was sent and answered', async () => {
  const receiver = await startReceiver((response) => response.writeHead(200, { 'x-any': '1' }).end('thank you'));
  const id = await enqueue(receiver.url);
  await deliver(deps, id, never);
  const { webhook_id, payload, ...after } = await message(id);
  expect(after).toMatchObject({ state: 'delivered', attempts: 1, next_attempt_at: null, lease_until: null });
  const [got] = receiver.seen;
  expect(got?.body).toBe(payload);
  expect(got?.headers).toMatchObject({
    'content-type': 'application/json',
    'webhook-id': webhook_id,
    'webhook-timestamp': String(Date.parse('2026-03-02T08:15:40Z') / 1000),
  });
  const [secret] = await signingSecrets(db, account, clock());
  expect(secret?.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(got !== undefined && isSignedWith(secret?.secret ?? '', got)).toBe(true);
  const [attempt, ...more] = await listAttempts(db, id);
  expect(more).toEqual([]);
  expect(attempt).toMatchObject({ attempt: 1, url: receiver.url, status: 200, response_body: 'thank you', error: null, at: clock() });
  expect(attempt?.request_headers['webhook-id']).toBe(webhook_id);
  expect(JSON.stringify(attempt)).not.toContain('whsec_');
  // Delivered is delivered.
  await deliver(deps, id, never);
  expect(receiver.seen).toHaveLength(1);
});

test("a receiver's own library accepts it", async () => {
  const receiver = await startReceiver();
  deps = { ...deps, clock: () => new Date(Date.now()) };
  clock.set(new Date(Date.now() - 1000));
  await deliver(deps, await enqueue(receiver.url), never);
  const [secret] = await signingSecrets(db, account, clock());
  const [got] = receiver.seen;
  expect(new Webhook(secret?.secret ?? '').verify(got?.body ?? '', got?.headers ?? {})).toMatchObject({ status: 'completed' });
});

test('during a rotation both secrets sign, a day later only the new one', async () => {
  const receiver = await startReceiver();
  const [old] = await signingSecrets(db, account, clock());
  const [current, previous] = await rotateSecret(db, account, clock());
  expect([previous?.secret, current?.secret === old?.secret]).toEqual([old?.secret, false]);
  await deliver(deps, await enqueue(receiver.url), never);
  clock.advance(OVERLAP_MS);
  await deliver(deps, await enqueue(receiver.url), never);
  const signed = receiver.seen.map((got) => [old, current].map((one) => isSignedWith(one?.secret ?? '', got)));
  expect(signed).toEqual([
    [true, true],
    [false, true],
  ]);
  for (let i = 0; i < 9; i++) await rotateSecret(db, account, clock());
  expect(await signingSecrets(db, account, clock())).toHaveLength(4);
});

test('the first secret is made once, however many ask', async () => {
  const all = await Promise.all(Array.from({ length: 8 }, () => signingSecrets(db, account, clock())));
  expect(new Set(all.map(([first]) => first?.secret)).size).toBe(1);
});

test('of rotations at once each makes one, and one is current', async () => {
  await Promise.all(Array.from({ length: 4 }, () => rotateSecret(db, account, clock())));
  const rows = await db.selectFrom('webhook_secrets').select('expires_at').execute();
  expect(rows.filter(({ expires_at }) => expires_at === null)).toHaveLength(1);
});

describe('the schedule', () => {
  test('500, then 200: tried again when it is due and not before, under the same id', async () => {
    const receiver = await startReceiver((response, count) => response.writeHead(count === 1 ? 500 : 200).end());
    const id = await enqueue(receiver.url);
    await deliver(deps, id, never);
    expect(await message(id)).toMatchObject({ state: 'pending', attempts: 1, next_attempt_at: new Date('2026-03-02T08:16:10Z') });
    clock.advance(29_999);
    await deliver(deps, id, never);
    expect(receiver.seen).toHaveLength(1);
    clock.advance(1);
    await deliver(deps, id, never);
    expect(await message(id)).toMatchObject({ state: 'delivered', attempts: 2 });
    expect(receiver.seen[0]?.headers['webhook-id']).toBe(receiver.seen[1]?.headers['webhook-id']);
    expect(receiver.seen[0]?.headers['webhook-timestamp']).not.toBe(receiver.seen[1]?.headers['webhook-timestamp']);
    expect(receiver.seen[0]?.body).toBe(receiver.seen[1]?.body);
    expect((await listAttempts(db, id)).map(({ attempt, status }) => [attempt, status])).toEqual([
      [1, 500],
      [2, 200],
    ]);
  });

  test('is gone through to its end over days', async () => {
    const receiver = await startReceiver((response) => response.writeHead(503).end());
    const id = await enqueue(receiver.url);
    for (const wait of WAITS) {
      await deliver(deps, id, never);
      expect((await message(id)).next_attempt_at).toEqual(new Date(clock().getTime() + wait));
      clock.advance(wait);
    }
    await deliver(deps, id, never);
    expect(await message(id)).toMatchObject({ state: 'failed', attempts: 12, next_attempt_at: null });
    expect(receiver.seen).toHaveLength(12);
    clock.advance(1_000_000_000);
    await deliver(deps, id, never);
    expect(receiver.seen).toHaveLength(12);
  });

  test('ends at a 410', async () => {
    const receiver = await startReceiver((response) => response.writeHead(410).end());
    const id = await enqueue(receiver.url);
    await deliver(deps, id, never);
    expect(await message(id)).toMatchObject({ state: 'failed', attempts: 1 });
  });

  test('begins anew with a replay, to the address of now', async () => {
    const gone = await startReceiver((response) => response.writeHead(410).end());
    const receiver = await startReceiver();
    const id = await enqueue(gone.url);
    await deliver(deps, id, never);
    await db.updateTable('assistants').set({ webhook_url: receiver.url }).execute();
    expect(await replayDeliveries(db, account, { id }, clock())).toBe(1);
    await deliver(deps, id, never);
    expect(await message(id)).toMatchObject({ state: 'delivered', attempts: 2, url: receiver.url });
    expect(receiver.seen[0]?.headers['webhook-id']).toBe(gone.seen[0]?.headers['webhook-id']);
  });
});

describe('a replay while an attempt is under way', () => {
  test.each<[string, number, Partial<{ step: number }>]>([
    ['fails for good', 410, {}],
    ['fails for now', 500, {}],
    ['fails at the end of the schedule', 500, { step: WAITS.length }],
    ['delivers', 200, {}],
  ])('that %s sends it again, at once and to the address of now', async (_, status, fields) => {
    const held: (() => void)[] = [];
    const before = await startReceiver((response) => held.push(() => response.writeHead(status).end()));
    const after = await startReceiver();
    const id = await enqueue(before.url);
    await db
      .updateTable('webhook_messages')
      .set({ attempts: 0, ...fields })
      .where('id', '=', id)
      .execute();
    const slow = deliver(deps, id, never);
    await before.until(1);
    await db.updateTable('assistants').set({ webhook_url: after.url }).execute();
    await replayDeliveries(db, account, { id }, clock());
    held[0]?.();
    await slow;
    expect(await message(id)).toMatchObject({ state: 'pending', step: 0, next_attempt_at: clock(), url: after.url });
    expect(await listAttempts(db, id)).toMatchObject([{ attempt: 1, url: before.url, status }]);
    await deliver(deps, id, never);
    expect(await message(id)).toMatchObject({ state: 'delivered', attempts: 2 });
    expect([before.seen.length, after.seen.length]).toEqual([1, 1]);
  });

  test('need not wait for it, and its late end changes nothing', async () => {
    const held: (() => void)[] = [];
    const receiver = await startReceiver((response, count) => {
      if (count === 1) held.push(() => response.writeHead(410).end());
      else response.writeHead(500).end();
    });
    const id = await enqueue(receiver.url);
    const slow = deliver(deps, id, never);
    await receiver.until(1);
    await replayDeliveries(db, account, { id }, clock());
    await deliver(deps, id, never);
    const settled = await message(id);
    expect(settled).toMatchObject({ state: 'pending', step: 1, attempts: 2 });
    held[0]?.();
    await slow;
    expect(await message(id)).toEqual(settled);
    expect((await listAttempts(db, id)).map(({ attempt, status }) => [attempt, status])).toEqual([
      [2, 500],
      [1, 410],
    ]);
  });
});

describe('an attempt without an answer', () => {
  test.each<[string, (deps: DeliveryDeps) => Promise<[string, Partial<DeliveryDeps>]>, string]>([
    ['times out', async () => [(await startReceiver(() => {})).url, { timeoutMs: 200 }], 'timeout'],
    ['is closed', async () => [(await startReceiver((response) => response.destroy())).url, {}], 'connection_closed'],
    ['is refused a private address', async () => [(await startReceiver()).url, { allowPrivate: false }], 'forbidden_destination'],
    [
      'is refused a name for a private address',
      async () => ['http://hook.example.test/', { allowPrivate: false, resolve: async () => [{ address: '10.1.2.3', family: 4 }] }],
      'forbidden_destination',
    ],
  ])('%s, is logged so and tried again', async (_, arrange, error) => {
    const [url, change] = await arrange(deps);
    const id = await enqueue(url);
    await deliver({ ...deps, ...change }, id, never);
    expect(await message(id)).toMatchObject({ state: 'pending', step: 1 });
    expect(await listAttempts(db, id)).toMatchObject([{ attempt: 1, status: null, response_body: null, error }]);
  });

  test('because we stop is due again at once', async () => {
    const stop = new AbortController();
    const receiver = await startReceiver(() => stop.abort());
    const id = await enqueue(receiver.url);
    await deliver(deps, id, stop.signal);
    expect(await message(id)).toMatchObject({ state: 'pending', step: 0, next_attempt_at: clock(), lease_until: null });
    expect(await listAttempts(db, id)).toMatchObject([{ error: 'interrupted' }]);
  });
});

describe('after its call was deleted', () => {
  const forget = async (id: number) => deleteCall(db, account, (await message(id)).call_id, clock());

  test('a message that waits is not sent, by itself or by a replay', async () => {
    const receiver = await startReceiver();
    const id = await enqueue(receiver.url);
    await forget(id);
    expect(await message(id)).toMatchObject({ state: 'cancelled', payload: null, next_attempt_at: null, attempts: 0 });
    await deliver(deps, id, never);
    expect(await replayDeliveries(db, account, { id }, clock())).toBe(0);
    await deliver(deps, id, never);
    expect(receiver.seen).toEqual([]);
  });

  test.each([200, 500, 410])('an attempt under way that ends with %i is logged without what was answered', async (status) => {
    const held: (() => void)[] = [];
    const receiver = await startReceiver((response) => held.push(() => response.writeHead(status).end('You sent me: Hi.')));
    const id = await enqueue(receiver.url);
    const slow = deliver(deps, id, never);
    await receiver.until(1);
    await forget(id);
    held[0]?.();
    await slow;
    expect(await message(id)).toMatchObject({ state: 'cancelled', payload: null, next_attempt_at: null, attempts: 1 });
    expect(await listAttempts(db, id)).toMatchObject([{ attempt: 1, status, response_body: null }]);
  });
});

describe('two at once', () => {
  test('deliver once', async () => {
    const receiver = await startReceiver((response) => setTimeout(() => response.end(), 100));
    const id = await enqueue(receiver.url);
    await Promise.all(Array.from({ length: 6 }, () => deliver(deps, id, never)));
    expect(receiver.seen).toHaveLength(1);
    expect(await message(id)).toMatchObject({ state: 'delivered', attempts: 1 });
  });

  test('twice when the first dies between the post and the record, under the same id', async () => {
    const receiver = await startReceiver();
    const id = await enqueue(receiver.url);
    // Its record fails: for the database it is as if the process had died there.
    await sql`alter table webhook_deliveries add constraint dead check (attempt > 1) not valid`.execute(db);
    await expect(deliver(deps, id, never)).rejects.toThrow();
    await sql`alter table webhook_deliveries drop constraint dead`.execute(db);
    expect(await message(id)).toMatchObject({ state: 'pending', attempts: 1 });
    // Not while its lease lasts.
    clock.advance(LEASE_MS - 1);
    await deliver(deps, id, never);
    expect(receiver.seen).toHaveLength(1);
    clock.advance(1);
    await deliver(deps, id, never);
    expect(receiver.seen).toHaveLength(2);
    expect(new Set(receiver.seen.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(await message(id)).toMatchObject({ state: 'delivered', attempts: 2 });
  });

  test.each([
    [500, { state: 'pending', attempts: 2, step: 0, lease_until: expect.any(Date) }, { state: 'pending', step: 1 }],
    [200, { state: 'delivered', attempts: 2 }, { state: 'delivered' }],
  ])('a %i that comes late, while another is at it', async (status, before, after) => {
    const answers: (() => void)[] = [];
    const receiver = await startReceiver((response, count) => {
      answers[count - 1] = () => response.writeHead(count === 1 ? status : 500).end();
    });
    const id = await enqueue(receiver.url);
    const slow = deliver(deps, id, never);
    await receiver.until(1);
    clock.advance(LEASE_MS);
    const second = deliver(deps, id, never);
    await receiver.until(2);
    answers[0]?.();
    await slow;
    expect(await message(id)).toMatchObject(before);
    answers[1]?.();
    await second;
    expect(await message(id)).toMatchObject(after);
  });

  test('a late failure does not undo what another has delivered', async () => {
    const answers: (() => void)[] = [];
    const receiver = await startReceiver((response, count) => {
      answers[count - 1] = () => response.writeHead(count === 1 ? 500 : 200).end();
    });
    const id = await enqueue(receiver.url);
    const slow = deliver(deps, id, never);
    await receiver.until(1);
    clock.advance(LEASE_MS);
    const second = deliver(deps, id, never);
    await receiver.until(2);
    answers[1]?.();
    await second;
    answers[0]?.();
    await slow;
    expect(await message(id)).toMatchObject({ state: 'delivered', attempts: 2 });
    expect(await listAttempts(db, id)).toHaveLength(2);
  });

  test('what a living worker is at stays its own; what a dead one was at is free within seconds', async () => {
    const id = await enqueue('http://hook.example.test/');
    const [own] = await claim();
    if (own === undefined) throw new Error('nothing was claimed');
    for (let seconds = 0; seconds < 60; seconds += 2) {
      clock.advance(2000);
      await renewLeases(db, givenClock, [own], clock());
      expect(await claim()).toEqual([]);
    }
    clock.advance(LEASE_MS);
    expect(LEASE_MS).toBeLessThan(10_000);
    expect(await claim()).toMatchObject([{ id, attempts: 2 }]);
  });

  test('a worker that was frozen does not hold what another has, or what a replay has begun again', async () => {
    const id = await enqueue('http://hook.example.test/');
    const [frozen] = await claim();
    clock.advance(LEASE_MS);
    const [other] = await claim();
    if (frozen === undefined || other === undefined) throw new Error('nothing was claimed');
    const held = await message(id);
    clock.advance(1000);
    await renewLeases(db, givenClock, [frozen], clock());
    expect(await message(id)).toEqual(held);
    await replayDeliveries(db, account, { id }, clock());
    await renewLeases(db, givenClock, [frozen, other], clock());
    expect(await claim()).toMatchObject([{ id, attempts: 3 }]);
  });

  test('a worker does not take from itself what it could not renew', async () => {
    await enqueue('http://hook.example.test/');
    const [own] = await claim();
    clock.advance(LEASE_MS);
    const again = await claimMessages(db, givenClock, { limit: 20, perGroup: 20, perAccount: 100, held: [own?.id ?? 0] }, clock());
    expect(again).toEqual({ claimed: [], contended: false });
    expect(await claim()).toHaveLength(1);
  });

  test('to record an attempt twice, since nobody knew whether it was recorded, is to record it once', async () => {
    const receiver = await startReceiver();
    const id = await enqueue(receiver.url);
    const [own] = await claim();
    if (own === undefined) throw new Error('nothing was claimed');
    const log = { at: clock(), url: own.url, headers: {}, body: undefined, durationMs: 1, status: 500, error: undefined };
    for (let i = 0; i < 2; i++) await recordAttempt(db, own, log, { state: 'pending', waitMs: 30_000, step: 1 }, clock());
    expect(await listAttempts(db, id)).toHaveLength(1);
    expect(await message(id)).toMatchObject({ state: 'pending', attempts: 1, step: 1 });
  });
});
