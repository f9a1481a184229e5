// Checks that judge: whose fault a backlog of webhooks is, and since when a dialer stands.
import { sql } from 'kysely';
import { beforeEach, expect, test } from 'vitest';
import { freshDatabase } from '../../test/support/db.ts';
import { setUp } from '../../test/support/delivering.ts';
import type { Db } from '../db/schema.ts';
import { createChecks } from './checks.ts';
import type { CheckResult } from './readiness.ts';

const NOW = new Date('2026-03-02T10:00:00Z');
const ago = (seconds: number): Date => new Date(NOW.getTime() - seconds * 1000);

let db: Db;
beforeEach(async () => {
  db = (await freshDatabase()).db;
  const enqueue = await setUp(db);
  await enqueue('https://receiver.example.test/hook', 2);
  await sql`update webhook_messages set next_attempt_at = ${ago(-60)}`.execute(db);
});

const check = async (name: string, { uptimeMs = 3_600_000, roundAgeMs = 0 } = {}): Promise<CheckResult> => {
  const checks = createChecks({
    db,
    clock: () => NOW,
    does: { dialing: true, delivering: true, watching: false },
    roundAgeMs: () => roundAgeMs,
    carrier: () => undefined,
    unclaimed: () => 0,
    uptimeMs: () => uptimeMs,
    onUnwell: () => {},
  });
  const found = checks.find((one) => one.name === name);
  if (found === undefined) throw new Error('no such check');
  return found.run();
};
const checkWebhooks = (uptimeMs?: number) => check('webhooks', uptimeMs === undefined ? {} : { uptimeMs });

const due = async (since: Date): Promise<void> => {
  await sql`update webhook_messages set next_attempt_at = ${since} where id = (select min(id) from webhook_messages)`.execute(db);
};

const attempted = async (at: Date): Promise<void> => {
  await sql`
    insert into webhook_deliveries (message_id, attempt, at, url, request_headers, duration_ms)
    select min(id), 1, ${at}::timestamptz, 'https://receiver.example.test/hook', '{}', 5 from webhook_messages`.execute(db);
};

test('what waits for its next try is not due', async () => {
  expect(await checkWebhooks()).toEqual({ ok: true, required: true, figures: { oldest_due_seconds: 0 } });
});

test('one that is due for a while is in order', async () => {
  await due(ago(90));
  expect(await checkWebhooks()).toEqual({ ok: true, required: true, figures: { oldest_due_seconds: 90 } });
});

test('an overdue one that is being attempted is in order', async () => {
  await due(ago(600));
  await sql`update webhook_messages set lease_until = ${ago(-30)}`.execute(db);
  expect((await checkWebhooks()).ok).toBe(true);
});

test('a backlog that somebody works on only informs', async () => {
  await due(ago(600));
  await attempted(ago(20));
  const reason = 'Webhooks are overdue, and are being delivered.';
  expect(await checkWebhooks()).toEqual({ ok: false, required: false, reason, figures: { oldest_due_seconds: 600 } });
});

test('a backlog that nobody works on is this worker’s to answer for, once it has had the time', async () => {
  await due(ago(600));
  const reason = 'Webhooks are overdue, and nobody delivers any.';
  expect(await checkWebhooks()).toEqual({ ok: false, required: true, reason, figures: { oldest_due_seconds: 600 } });
  await attempted(ago(90));
  expect(await checkWebhooks()).toMatchObject({ ok: false, required: true });
  expect(await checkWebhooks(10_000)).toMatchObject({ ok: false, required: false });
});

test('a dialer that has ended no round for more than 15 seconds cannot work', async () => {
  expect(await check('dialer', { roundAgeMs: 15_000 })).toEqual({ ok: true, required: true, figures: { round_age_seconds: 15 } });
  const reason = 'The dialer has not ended a round for too long.';
  expect(await check('dialer', { roundAgeMs: 15_001 })).toMatchObject({ ok: false, required: true, reason });
});
