// The counts that the database keeps (migrations/0005): how many leads match campaign, status and days, and where in the ids a page
// of them begins. As SQL, to be part of the one statement that also reads the page, so that all is of one instant.
import { type RawBuilder, sql } from 'kysely';
import { isDated, type LeadFilter } from './lead-filter.ts';

/** Ids that a block has, as lead_block() divides them. */
export const BLOCK_IDS = 2048;

const SHIFT = sql.lit(Math.log2(BLOCK_IDS));
const NONE = sql``;

/** `gone`: the campaigns of an account that are deleted and wait for their purge. There is rarely one: `none`. */
export const gone = (accountId: number): RawBuilder<unknown> => sql`
  gone as materialized (
    select ids, ids = '{}' as none
    from (select array(select id from campaigns where account_id = ${accountId}::bigint and deleted_at is not null) as ids) deleted
  )`;

/**
 * The condition that a lead's campaign is none of those. As a case, since of a plain comparison with an unknown list the planner expects
 * that it leaves nearly nothing, and then plans for nearly nothing.
 */
export const isKept: RawBuilder<unknown> = sql`
  case when (select none from gone) then true else campaign_id <> all ((select ids from gone)::bigint[]) end`;

const isAlive = (accountId: number, campaignId: number): RawBuilder<boolean> => sql`
  exists (select from campaigns where id = ${campaignId}::bigint and account_id = ${accountId}::bigint and deleted_at is null)`;

const toDay = (date: Date): string => date.toISOString().slice(0, 10);

const onDays = ({ createdFrom, createdBefore }: LeadFilter): RawBuilder<unknown> =>
  sql`${
    createdFrom === undefined ? NONE : sql` and day >= ${toDay(createdFrom)}::date`
  }${createdBefore === undefined ? NONE : sql` and day < ${toDay(createdBefore)}::date`}`;

/**
 * Rows whose `n` adds up to how many match, with their `block`: kept counts, what has happened since, and both of deleted campaigns
 * taken off. Without blocks the totals say it, which know no days.
 */
const countsOf = (accountId: number, filter: LeadFilter, { blocks }: { blocks: boolean }): RawBuilder<unknown> => {
  const { campaignId, status } = filter;
  const kept = sql.table(blocks ? 'lead_cells' : 'lead_totals');
  const count = status === undefined ? sql.ref('n') : sql.ref(status);
  const block = blocks ? sql`block, ` : NONE;
  const account = sql`account_id = ${accountId}::bigint`;
  const days = onDays(filter);
  const since = sql`${account}${days}${status === undefined ? NONE : sql` and status = ${status}`}`;
  if (campaignId !== undefined) {
    const campaign = sql`campaign_id = ${campaignId}::bigint and ${isAlive(accountId, campaignId)}`;
    return sql`
      select ${block}${count}::bigint as n from ${kept} where ${account} and ${campaign}${days}
      union all
      select ${block}n from lead_count_changes where ${since} and ${campaign}`;
  }
  const ofGone = sql`campaign_id = any ((select ids from gone)::bigint[])`;
  return sql`
    select ${block}${count}::bigint as n from ${kept} where ${account} and campaign_id = 0${days}
    union all
    select ${block}n from lead_count_changes where ${since}
    union all
    select ${block}-${count}::bigint from ${kept} where ${account} and ${ofGone}${days}
    union all
    select ${block}-n from lead_count_changes where ${since} and ${ofGone}`;
};

/**
 * `counted`: one row with the `total` that matches, and with days also the ids between which those lie (`first_id`, `last_id`).
 * Needs `gone`.
 */
export const counted = (accountId: number, filter: LeadFilter): RawBuilder<unknown> =>
  isDated(filter)
    ? sql`
  counted as materialized (
    select coalesce(sum(n), 0)::bigint as total, min(block)::bigint << ${SHIFT} as first_id,
      (max(block)::bigint + 1 << ${SHIFT}) - 1 as last_id
    from (${countsOf(accountId, filter, { blocks: true })}) counts
  )`
    : sql`
  counted as materialized (
    select coalesce(sum(n), 0)::bigint as total from (${countsOf(accountId, filter, { blocks: false })}) counts
  )`;

// Blocks in one direction, with how many match up to and including each.
const summed = (accountId: number, filter: LeadFilter, direction: 'asc' | 'desc'): RawBuilder<unknown> => sql`
    select block, n, sum(n) over (order by block ${sql.raw(direction)} rows unbounded preceding)::bigint as upto
    from (
      select block, sum(n)::bigint as n from (${countsOf(accountId, filter, { blocks: true })}) counts group by block
    ) blocks`;

/**
 * `place`: where the page begins that passes over `offset` leads: its `block`, and how many of the block's leads it passes over.
 * No row where there are not so many leads. Blocks are added up from the nearer end. Needs `counted`.
 */
export const place = (accountId: number, filter: LeadFilter, offset: number, descending: boolean): RawBuilder<unknown> => {
  const [near, far] = descending ? (['desc', 'asc'] as const) : (['asc', 'desc'] as const);
  const passed = sql`${offset}::bigint`;
  const total = sql`(select total from counted)`;
  return sql`
  place as materialized (
    (
      select block, ${passed} - (upto - n) as skip from (${summed(accountId, filter, near)}) near
      where upto > ${passed} and ${passed} * 2 <= ${total}
      order by block ${sql.raw(near)} limit 1
    )
    union all
    (
      select block, upto - (${total} - ${passed}) as skip from (${summed(accountId, filter, far)}) far
      where upto >= ${total} - ${passed} and ${passed} < ${total} and ${passed} * 2 > ${total}
      order by block ${sql.raw(far)} limit 1
    )
  )`;
};

/** What the ids of a page sought by `place` are, as a condition. */
export const fromPlace = (descending: boolean): RawBuilder<unknown> =>
  descending ? sql`id < ((select block from place)::bigint + 1 << ${SHIFT})` : sql`id >= (select block from place)::bigint << ${SHIFT}`;

/**
 * The blocks in which an account, or a campaign of it, may have leads: `block`, each once. Reading leads block by block keeps to an index
 * where the planner would otherwise read the whole table, other accounts' leads too.
 */
export const blocksOf = (accountId: number, { campaignId = 0 }: LeadFilter): RawBuilder<unknown> => sql`
    select block from lead_cells where account_id = ${accountId}::bigint and campaign_id = ${campaignId}::bigint
    union
    select block from lead_count_changes where account_id = ${accountId}::bigint`;

/** The condition that ids lie in `blocks.block`. */
export const inBlock: RawBuilder<unknown> = sql`id >= blocks.block::bigint << ${SHIFT} and id < (blocks.block::bigint + 1 << ${SHIFT})`;
