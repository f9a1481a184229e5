// One attempt in the database: begun under a lease, recorded with what it came to, and the next one arranged for.
import { type NotNull, sql } from 'kysely';
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

/** A message that has a text to send. */
export type FullMessage = WebhookMessageRow & { payload: string };

/**
 * Begins an attempt on a message that is due and that nobody is at; undefined when it is not.
 * Two who try at once: one succeeds. `attempts` of the answer is the attempt's number.
 */
export const beginAttempt = (db: Db, messageId: number, now: Date): Promise<FullMessage | undefined> =>
  db
    .updateTable('webhook_messages')
    .set((eb) => ({ attempts: eb('attempts', '+', 1), lease_until: new Date(now.getTime() + LEASE_MS) }))
    .where('id', '=', messageId)
    .where('state', '=', 'pending')
    .where('next_attempt_at', '<=', now)
    .where((eb) => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<=', now)]))
    .returningAll()
    // One that is pending has it.
    .$narrowType<{ payload: NotNull }>()
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

// A replay has begun anew meanwhile, a deletion has ended it, or a lease ran out and may have passed to another: then only a
// success counts, since that cannot be taken back.
const isDecidedBy = (current: WebhookMessageRow, message: WebhookMessageRow, verdict: Verdict): boolean =>
  current.state === 'pending' &&
  current.replays === message.replays &&
  (verdict.state === 'delivered' || current.attempts === message.attempts);

/** Logs an attempt and moves its message on, with the next job if there is to be one. */
export const recordAttempt = (db: Db, message: WebhookMessageRow, log: AttemptLog, verdict: Verdict, now: Date): Promise<void> =>
  db.transaction().execute(async (trx) => {
    // Held, so that neither a replay nor a deletion comes in between.
    const current = await trx.selectFrom('webhook_messages').selectAll().where('id', '=', message.id).forNoKeyUpdate().executeTakeFirst();
    // Gone with its account.
    if (current === undefined) return;
    await trx
      .insertInto('webhook_deliveries')
      .values({
        message_id: message.id,
        attempt: message.attempts,
        at: log.at,
        url: log.url,
        request_headers: JSON.stringify(log.headers),
        status: log.status ?? null,
        // An answer may repeat what it was sent.
        response_body: current.payload === null ? null : (log.body ?? null),
        error: log.error ?? null,
        duration_ms: log.durationMs,
      })
      .execute();
    if (!isDecidedBy(current, message, verdict)) return;
    await trx
      .updateTable('webhook_messages')
      .set({ ...stateAfter(verdict, now), lease_until: null, updated_at: now })
      .where('id', '=', message.id)
      .execute();
    if (verdict.state === 'pending') await insertJob(trx, message.id, message.host, verdict.waitMs);
  });
