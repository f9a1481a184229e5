// The deliveries of an account as its API shows them, and what sends them again.
import { sql } from 'kysely';
import type { Db, WebhookDeliveryRow, WebhookMessageRow } from '../db/schema.ts';
import type { Slice } from '../db/slice.ts';
import { inSnapshot } from '../db/snapshot.ts';
import { hostOf } from './webhooks.store.ts';

/** Which deliveries a list shows. */
export interface DeliveryFilter {
  callId: number | undefined;
  state: WebhookMessageRow['state'] | undefined;
}

const filtered = (db: Db, accountId: number, { callId, state }: DeliveryFilter) => {
  let query = db.selectFrom('webhook_messages').where('account_id', '=', accountId);
  if (callId !== undefined) query = query.where('call_id', '=', callId);
  if (state !== undefined) query = query.where('state', '=', state);
  return query;
};

/** One page of deliveries, the newest first, and how many match in all. */
export const listDeliveries = (
  db: Db,
  accountId: number,
  filter: DeliveryFilter,
  { offset, limit }: Slice,
): Promise<{ rows: WebhookMessageRow[]; total: number }> =>
  inSnapshot(db, async (trx) => {
    const query = filtered(trx, accountId, filter);
    const { total } = await query.select((eb) => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow();
    if (offset >= total) return { rows: [], total };
    return { rows: await query.selectAll().orderBy('id', 'desc').offset(offset).limit(limit).execute(), total };
  });

/** One delivery. */
export const findDelivery = (db: Db, accountId: number, id: number): Promise<WebhookMessageRow | undefined> =>
  db.selectFrom('webhook_messages').selectAll().where('account_id', '=', accountId).where('id', '=', id).executeTakeFirst();

/** The log of a delivery, the oldest attempt first. */
export const listAttempts = (db: Db, messageId: number): Promise<WebhookDeliveryRow[]> =>
  db.selectFrom('webhook_deliveries').selectAll().where('message_id', '=', messageId).orderBy('id').execute();

/** Which deliveries to send again: one, or those of a time (from included, to not) that are no longer pending. */
export type ReplayFilter = { id: number } | { from: Date; to: Date; state: 'delivered' | 'failed' | undefined };

const matching = (accountId: number, filter: ReplayFilter) => {
  if ('id' in filter) return sql`m.account_id = ${accountId} and m.id = ${filter.id}`;
  const states = filter.state === undefined ? ['delivered', 'failed'] : [filter.state];
  return sql`m.account_id = ${accountId} and m.created_at >= ${filter.from} and m.created_at < ${filter.to}
    and m.state = any(${states}::text[])`;
};

// To where the assistant's calls are reported now: often the address is what was wrong. `host` must follow, and only a URL
// parser knows it, so the few distinct addresses come in from outside.
const currentUrls = async (db: Db, accountId: number): Promise<Map<number, string>> => {
  const rows = await db
    .selectFrom('assistants')
    .select(['id', 'webhook_url'])
    .where('account_id', '=', accountId)
    .where('is_webhook_active', '=', true)
    .where('webhook_url', 'is not', null)
    .execute();
  return new Map(rows.flatMap(({ id, webhook_url: url }) => (url === null ? [] : [[id, url]])));
};

/**
 * Sends deliveries again: now, from the beginning of the schedule, with the same webhook-id and text, to the address that the
 * assistant has now (the former one where it has none). An attempt that is under way is logged when it ends, and decides
 * nothing. What a deleted call has said is not sent again.
 * @returns how many.
 */
export const replayDeliveries = (db: Db, accountId: number, filter: ReplayFilter, now: Date): Promise<number> =>
  db.transaction().execute(async (trx) => {
    const urls = [...(await currentUrls(trx, accountId))];
    const { rows } = await sql<{ count: number }>`
      with targets as (
        select * from unnest(${urls.map(([id]) => id)}::bigint[], ${urls.map(([, url]) => url)}::text[],
          ${urls.map(([, url]) => hostOf(url))}::text[]) as t (assistant_id, url, host)
      ), due as (
        update webhook_messages m
        set state = 'pending', step = 0, replays = m.replays + 1, lease_until = null, next_attempt_at = ${now}::timestamptz, updated_at = ${now}::timestamptz,
          url = coalesce(t.url, m.url), host = coalesce(t.host, m.host)
        from calls c left join targets t on t.assistant_id = c.assistant_id
        where c.id = m.call_id and m.payload is not null and ${matching(accountId, filter)}
        returning m.id
      )
      select count(*)::int as count from due`.execute(trx);
    return rows[0]?.count ?? 0;
  });
