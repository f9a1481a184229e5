// What is to be delivered: written with the end of the call, in its transaction.
import { sql } from 'kysely';
import type { Db } from '../db/schema.ts';
import { type CallingCampaign, type DialedContact, isDue, postCallPayload, postCallSettings } from './payload.ts';

const ofCalls = (trx: Db, callIds: readonly number[]) =>
  trx
    .selectFrom('calls as c')
    .innerJoin('assistants as a', 'a.id', 'c.assistant_id')
    .leftJoin('leads as l', 'l.id', 'c.lead_id')
    .leftJoin('campaigns as g', 'g.id', 'c.campaign_id')
    .selectAll('c')
    .select(['a.is_webhook_active', 'a.webhook_url', 'a.settings'])
    .select([
      'l.id as l_id',
      'l.phone_number as l_phone_number',
      'l.variables as l_variables',
      'l.status as l_status',
      'l.call_tries as l_call_tries',
      'l.created_at as l_created_at',
      'l.updated_at as l_updated_at',
    ])
    .select([
      'g.id as g_id',
      'g.name as g_name',
      'g.status as g_status',
      'g.allowed_hours_start_time as g_start',
      'g.allowed_hours_end_time as g_end',
      'g.allowed_days as g_days',
      'g.max_calls_in_parallel as g_parallel',
      'g.max_retries as g_max_retries',
      'g.retry_interval as g_retry_interval',
      'g.created_at as g_created_at',
      'g.updated_at as g_updated_at',
    ])
    .where('c.id', '=', sql<number>`any(${[...callIds]}::bigint[])`)
    .where('c.state', '=', 'ended')
    .where('c.deleted_at', 'is', null)
    .where('a.is_webhook_active', '=', true)
    .where('a.webhook_url', 'is not', null)
    .orderBy('c.id');

type Found = Awaited<ReturnType<ReturnType<typeof ofCalls>['execute']>>[number];

/** A row of which a left join has found everything: its id is there, so all is. */
type Complete<Row> = { [Key in keyof Row]: Exclude<Row[Key], null> };

const contactOf = (row: Found): DialedContact | undefined => {
  if (row.l_id === null) return undefined;
  // The join's other columns are not null in the table.
  const l = row as Complete<Found>;
  return {
    id: l.l_id,
    phone_number: l.l_phone_number,
    variables: l.l_variables,
    status: l.l_status,
    call_tries: l.l_call_tries,
    created_at: l.l_created_at,
    updated_at: l.l_updated_at,
  };
};

const campaignOf = (row: Found): CallingCampaign | undefined => {
  if (row.g_id === null) return undefined;
  const g = row as Complete<Found>;
  return {
    id: g.g_id,
    name: g.g_name,
    status: g.g_status,
    allowed_hours_start_time: g.g_start,
    allowed_hours_end_time: g.g_end,
    allowed_days: g.g_days,
    max_calls_in_parallel: g.g_parallel,
    max_retries: g.g_max_retries,
    retry_interval: g.g_retry_interval,
    created_at: g.g_created_at,
    updated_at: g.g_updated_at,
  };
};

/** The url's host and port; a url that is none will fail when it is sent. */
export const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : '') || 'none';

const toMessage = (row: Found) => {
  const settings = postCallSettings(row);
  if (!isDue(row, settings)) return [];
  const payload = JSON.stringify(postCallPayload(row, contactOf(row), campaignOf(row), settings));
  return [{ account_id: row.account_id, call_id: row.id, url: settings.url, host: hostOf(settings.url), payload }];
};

/**
 * Enqueues the post-call webhooks of those calls that have ended and whose assistant wants one. To be called in the
 * transaction that ends them, holding them, after their rows, leads and campaigns were written: what they say then is what is sent.
 * A call that was enqueued before stays as it was. Two statements, however many calls.
 */
export const enqueuePostCalls = async (trx: Db, callIds: readonly number[], now: Date): Promise<void> => {
  if (callIds.length === 0) return;
  const messages = (await ofCalls(trx, callIds).execute()).flatMap(toMessage);
  if (messages.length === 0) return;
  const column = <Name extends keyof (typeof messages)[number]>(name: Name) => messages.map((message) => message[name]);
  await sql`
    insert into webhook_messages (account_id, call_id, event, url, host, payload, next_attempt_at, created_at, updated_at)
    select m.account_id, m.call_id, 'post_call', m.url, m.host, m.payload, ${now}::timestamptz, ${now}::timestamptz, ${now}::timestamptz
    from unnest(${column('account_id')}::bigint[], ${column('call_id')}::bigint[], ${column('url')}::text[],
      ${column('host')}::text[], ${column('payload')}::text[]) as m (account_id, call_id, url, host, payload)
    on conflict (call_id, event) do nothing`.execute(trx);
};

/** The same for one call. */
export const enqueuePostCall = (trx: Db, callId: number, now: Date): Promise<void> => enqueuePostCalls(trx, [callId], now);
