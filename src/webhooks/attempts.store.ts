// One attempt in the database: begun under a lease, recorded with what it came to, and the next one arranged for.
import { sql } from 'kysely';
import type { Db, WebhookMessageRow } from '../db/schema.ts';
import { insertJob, QUEUE } from './delivery-jobs.store.ts';
import type { SendResult, Verdict } from './retries.ts';

/** Longer than an attempt can take, shorter than its job's life: whoever holds a lease that is over has died. */
export const LEASE_MS = 45_000;

/** What there is to log of an attempt. */
export interface AttemptLog extends SendResult {
  at: Date;
  url: string;
  headers: Record<string, string>;
  body: string | undefined;
  durationMs: number;
}

/**
 * Begins an attempt on a message that is due and that nobody is at; undefined when it is not.
 * Two who try at once: one succeeds. `attempts` of the answer is the attempt's number.
 */
export const beginAttempt = (db: Db, messageId: number, now: Date): Promise<WebhookMessageRow | undefined> =>
  db
    .updateTable('webhook_messages')
    .set((eb) => ({ attempts: eb('attempts', '+', 1), lease_until: new Date(now.getTime() + LEASE_MS) }))
    .where('id', '=', messageId)
    .where('state', '=', 'pending')
    .where('next_attempt_at', '<=', now)
    .where((eb) => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<=', now)]))
    .returningAll()
    .executeTakeFirst();

/**
 * Sees to it that a message that could not be begun has a job for when it can: another process is at it and may die, or the
 * database's clock is ahead of ours.
 */
export const postpone = async (db: Db, messageId: number, now: Date): Promise<void> => {
  const message = await db
    .selectFrom('webhook_messages')
    .select(['host', 'next_attempt_at', 'lease_until'])
    .where('id', '=', messageId)
    .where('state', '=', 'pending')
    .executeTakeFirst();
  if (message === undefined) return;
  const { rows } = await sql`
    select 1 as found from pgboss.job where name = ${QUEUE} and singleton_key = ${String(messageId)} and state < 'active' limit 1`.execute(
    db,
  );
  if (rows.length > 0) return;
  const at = Math.max(message.next_attempt_at?.getTime() ?? 0, message.lease_until?.getTime() ?? 0);
  await insertJob(db, messageId, message.host, Math.max(1000, at - now.getTime()));
};

const stateAfter = (verdict: Verdict, now: Date) =>
  verdict.state === 'pending'
    ? { state: verdict.state, step: verdict.step, next_attempt_at: new Date(now.getTime() + verdict.waitMs) }
    : { state: verdict.state, next_attempt_at: null };

/** Logs an attempt and moves its message on, with the next job if there is to be one. */
export const recordAttempt = (db: Db, message: WebhookMessageRow, log: AttemptLog, verdict: Verdict, now: Date): Promise<void> =>
  db.transaction().execute(async (trx) => {
    await trx
      .insertInto('webhook_deliveries')
      .values({
        message_id: message.id,
        attempt: message.attempts,
        at: log.at,
        url: log.url,
        request_headers: JSON.stringify(log.headers),
        status: log.status ?? null,
        response_body: log.body ?? null,
        error: log.error ?? null,
        duration_ms: log.durationMs,
      })
      .execute();
    const moved = await trx
      .updateTable('webhook_messages')
      .set({ ...stateAfter(verdict, now), lease_until: null, updated_at: now })
      .where('id', '=', message.id)
      .where('state', '=', 'pending')
      // A lease that ran out may have passed to another: then only a success counts, since that cannot be taken back.
      .$if(verdict.state !== 'delivered', (query) => query.where('attempts', '=', message.attempts))
      .returning('id')
      .executeTakeFirst();
    if (moved !== undefined && verdict.state === 'pending') await insertJob(trx, message.id, message.host, verdict.waitMs);
  });
