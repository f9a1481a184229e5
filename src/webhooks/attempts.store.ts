// What an attempt came to, in the database: logged, and its message moved on.
import { sql } from 'kysely';
import type { Db, WebhookMessageRow } from '../db/schema.ts';
import type { SendResult, Verdict } from './retries.ts';

/** What there is to log of an attempt. */
export interface AttemptLog extends SendResult {
  at: Date;
  url: string;
  headers: Record<string, string>;
  body: string | undefined;
  durationMs: number;
}

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

/** Logs an attempt and moves its message on. To record the same attempt twice is to record it once. */
export const recordAttempt = (db: Db, message: WebhookMessageRow, log: AttemptLog, verdict: Verdict, now: Date): Promise<void> =>
  db.transaction().execute(async (trx) => {
    // Held, so that neither a replay nor a deletion comes in between.
    const current = await trx.selectFrom('webhook_messages').selectAll().where('id', '=', message.id).forNoKeyUpdate().executeTakeFirst();
    // Gone with its account.
    if (current === undefined) return;
    // An answer may repeat what it was sent.
    const body = current.payload === null ? null : (log.body ?? null);
    await sql`
      insert into webhook_deliveries (message_id, attempt, at, url, request_headers, status, response_body, error, duration_ms)
      select ${message.id}::bigint, ${message.attempts}::int, ${log.at}::timestamptz, ${log.url}::text, ${JSON.stringify(log.headers)}::json,
        ${log.status ?? null}::int, ${body}::text, ${log.error ?? null}::text, ${log.durationMs}::int
      where not exists (select from webhook_deliveries where message_id = ${message.id}::bigint and attempt = ${message.attempts}::int)`.execute(
      trx,
    );
    if (!isDecidedBy(current, message, verdict)) return;
    await trx
      .updateTable('webhook_messages')
      .set({ ...stateAfter(verdict, now), lease_until: null, updated_at: now })
      .where('id', '=', message.id)
      .execute();
  });
