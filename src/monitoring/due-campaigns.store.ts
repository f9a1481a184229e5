// Campaigns in progress with somebody due, who claims for them, and what is written into their history when nobody does.
import { sql } from 'kysely';
import { ON_LINE } from '../calls/lines.store.ts';
import type { CallingWindow } from '../campaigns/calling-window.ts';
import type { CampaignRow, Db } from '../db/schema.ts';
import { IS_ON_CALL } from '../dialer/claim.store.ts';
import { refuseCampaign } from '../dialer/decisions.store.ts';
import { windowOf } from '../dialer/settle-terms.store.ts';
import { DIALER_SILENCE_MS, type DialersAtWork, type DueCampaign, type Unclaimed } from './unclaimed.ts';

/** Campaigns that are looked at in one go; those who have waited longest come first. */
const MOST_CAMPAIGNS = 1000;
/** Rows of a campaign's history among which its last refusal is sought: five kinds may take turns, and ours come in between. */
const LAST_DECISIONS = 20;
/** Statements of the watch end by then, and it looks again. */
const STATEMENT_LIMIT_MS = 3000;

/** Runs reads that agree with each other, each of which the server ends after `limitMs`. */
export const readBounded = <Result>(db: Db, limitMs: number, read: (trx: Db) => Promise<Result>): Promise<Result> =>
  db
    .transaction()
    .setAccessMode('read only')
    .execute(async (trx) => {
      await sql`select set_config('statement_timeout', ${`${limitMs}ms`}, true)`.execute(trx);
      return read(trx);
    });

type WindowRow = Pick<CampaignRow, 'id' | 'timezone' | 'allowed_days' | 'allowed_hours_start_time' | 'allowed_hours_end_time'> & {
  account_zone: string | null;
  assistant_zone: string | null;
};

const WINDOW = sql`c.id, c.timezone, c.allowed_days, c.allowed_hours_start_time, c.allowed_hours_end_time,
  a.timezone as account_zone, s.timezone as assistant_zone`;
const IN_PROGRESS = sql`campaigns c join accounts a on a.id = c.account_id join assistants s on s.id = c.assistant_id`;

// Of a campaign no more than these columns is looked at.
const toWindow = (row: WindowRow): CallingWindow => windowOf(row as CampaignRow & WindowRow);

/** The windows of all campaigns in progress. */
export const listWindows = async (trx: Db): Promise<{ id: number; window: CallingWindow }[]> => {
  const { rows } = await sql<WindowRow>`
    select ${WINDOW} from ${IN_PROGRESS} where c.status = 'in-progress' and c.deleted_at is null`.execute(trx);
  return rows.map((row) => ({ id: row.id, window: toWindow(row) }));
};

/** The dialers whose last round ended a short while ago, by the database's clock. */
export const readDialers = async (trx: Db, now: Date): Promise<DialersAtWork> => {
  const { rows } = await sql<{ alive: number; free: number; last: Date | null }>`
    select count(*) filter (where fresh)::integer as alive,
      count(*) filter (where fresh and not exists (
        select from carrier_pauses p where p.carrier = d.carrier and p.paused_until > ${now}::timestamptz
      ))::integer as free,
      max(beat_at) as last
    from (
      select carrier, beat_at, beat_at > clock_timestamp() - ${DIALER_SILENCE_MS} * interval '1 millisecond' as fresh from dialers
    ) d`.execute(trx);
  return { alive: rows[0]?.alive ?? 0, free: rows[0]?.free ?? 0, lastAt: rows[0]?.last ?? undefined };
};

/** Campaigns in progress in which somebody has been due since `before` and is on no call. */
const listDue = async (trx: Db, before: Date): Promise<DueCampaign[]> => {
  const { rows } = await sql<WindowRow & { account_id: number; updated_at: Date; due_at: Date; full: boolean }>`
    with busy as materialized (
      select account_id, campaign_id, count(*) as lines from calls where state <> 'ended' and state in (${sql.join(ON_LINE)}) group by 1, 2
    ), busy_accounts as (
      select account_id, sum(lines) as lines from busy group by 1
    )
    select ${WINDOW}, c.account_id, c.updated_at, due.due_at,
      coalesce(own.lines >= c.max_calls_in_parallel, false) or coalesce(total.lines >= a.max_parallel_calls, false) as full
    from ${IN_PROGRESS}
    left join busy own on own.campaign_id = c.id
    left join busy_accounts total on total.account_id = c.account_id
    cross join lateral (
      select due_at from leads where campaign_id = c.id and due_at <= ${before}::timestamptz and not ${IS_ON_CALL} order by due_at limit 1
    ) due
    where c.status = 'in-progress' and c.deleted_at is null
    order by due.due_at limit ${MOST_CAMPAIGNS}`.execute(trx);
  return rows.map((row) => ({
    id: row.id,
    accountId: row.account_id,
    window: toWindow(row),
    dueAt: row.due_at,
    changedAt: row.updated_at,
    linesFull: row.full,
  }));
};

/** What one look of the watch sees. */
export const lookAtDue = (db: Db, before: Date, now: Date): Promise<{ campaigns: DueCampaign[]; dialers: DialersAtWork }> =>
  readBounded(db, STATEMENT_LIMIT_MS, async (trx) => ({ campaigns: await listDue(trx, before), dialers: await readDialers(trx, now) }));

/** When a dialer last showed that it had come to each campaign: it reserved a call, or said why it did not. */
export const readSigns = async (db: Db, campaignIds: readonly number[]): Promise<Map<number, Date>> => {
  if (campaignIds.length === 0) return new Map();
  const { rows } = await readBounded(db, STATEMENT_LIMIT_MS, (trx) =>
    sql<{ id: number; at: Date | null }>`
        select id, greatest(
          (select created_at from calls where campaign_id = c.id order by calls.id desc limit 1),
          (select max(last_at) from (
            select reason, last_at from decisions where campaign_id = c.id and lead_id is null order by decisions.id desc limit ${LAST_DECISIONS}
          ) last where reason not in ('no_dialer', 'not_claimed', 'campaign_not_running'))
        ) as at
        from unnest(${[...campaignIds]}::bigint[]) as c (id)`.execute(trx),
  );
  return new Map(rows.flatMap(({ id, at }): [number, Date][] => (at === null ? [] : [[id, at]])));
};

/**
 * Writes into a campaign's history that nobody claims for it. Nobody waits: what another process is writing is left to it, and a
 * campaign whose row somebody holds is told all the same, since that may be the very reason.
 */
export const tellUnclaimed = (db: Db, { campaign, reason, since, dueAt }: Unclaimed, now: Date): Promise<void> =>
  db.transaction().execute(async (trx) => {
    await sql`select set_config('statement_timeout', ${`${STATEMENT_LIMIT_MS}ms`}, true)`.execute(trx);
    const { rows } = await sql<{ mine: boolean }>`
      select pg_try_advisory_xact_lock(hashtextextended('unclaimed', ${campaign.id}::bigint)) as mine
      from campaigns where id = ${campaign.id}::bigint and status = 'in-progress' and deleted_at is null`.execute(trx);
    if (rows[0]?.mine !== true) return;
    // The same silence is the same row; the next one is another.
    const same = { last_sign_at: since?.toISOString() ?? null };
    await refuseCampaign(
      trx,
      { id: campaign.id, account_id: campaign.accountId },
      reason,
      { same, first: { due_at: dueAt.toISOString() } },
      now,
    );
  });
