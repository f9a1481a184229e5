// Jobs of the queue `webhooks`, written beside what they are about, in the same transaction: a job is one attempt of one
// message. pg-boss itself can only insert from an instance that was started, which whoever settles calls need not have.
import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../db/schema.ts';

/** The queue; migrations/0003_webhooks.sql makes it. */
export const QUEUE = 'webhooks';

/**
 * The end of a statement whose `with` names `due` (id, host, wait in milliseconds). The columns are those that pg-boss's own
 * insert fills, from the queue's options.
 */
export const insertJobsOfDue = (): RawBuilder<unknown> => sql`
  insert into pgboss.job (name, data, group_id, singleton_key, start_after, keep_until, expire_seconds, deletion_seconds,
    retry_limit, retry_delay, retry_backoff, retry_delay_max, heartbeat_seconds, policy, dead_letter)
  select q.name, jsonb_build_object('message', due.id), due.host, due.id::text, now() + due.wait * interval '1 millisecond',
    now() + due.wait * interval '1 millisecond' + q.retention_seconds * interval '1 second', q.expire_seconds, q.deletion_seconds,
    q.retry_limit, q.retry_delay, q.retry_backoff, q.retry_delay_max, q.heartbeat_seconds, q.policy, q.dead_letter
  from due cross join pgboss.queue q
  where q.name = ${QUEUE}`;

/** A job for one message. The database's clock only has to count the wait: when it is over, ours is asked again. */
export const insertJob = async (db: Db, messageId: number, host: string, waitMs: number): Promise<void> => {
  await sql`
    with due (id, host, wait) as (values (${messageId}::bigint, ${host}::text, ${waitMs}::float8))
    ${insertJobsOfDue()}`.execute(db);
};

/**
 * Jobs for messages that wait without one, after a restore of the one without the other, or a very long time off.
 * A job that is there stays alone.
 */
export const insertMissingJobs = async (db: Db, now: Date): Promise<void> => {
  await sql`
    with due (id, host, wait) as (
      select m.id, m.host, greatest(0, extract(epoch from m.next_attempt_at - ${now}::timestamptz) * 1000)::float8
      from webhook_messages m
      where m.state = 'pending'
        and not exists (select from pgboss.job j where j.name = ${QUEUE} and j.singleton_key = m.id::text and j.state < 'active')
        and not exists (select from pgboss.job j where j.name = ${QUEUE} and j.singleton_key = m.id::text and j.state = 'active')
    )
    ${insertJobsOfDue()}`.execute(db);
};
