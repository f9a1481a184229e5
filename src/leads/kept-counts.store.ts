// The counts that the database keeps (migrations/0005 and 0009): how many leads match campaign, status and days, and where in the ids a page
// of them begins. As SQL, to be part of the one statement that also reads the page, so that all is of one instant.
import { type RawBuilder, sql } from 'kysely';
import { isDated, type LeadFilter } from './lead-filter.ts';

/** Ids that a block has, as lead_block() divides them. */
export const BLOCK_IDS = 2048;

const BLOCK_SHIFT = sql.lit(Math.log2(BLOCK_IDS));
// Blocks that a span of lead_spans has: 64 (migrations/0009).
const SPAN_SHIFT = sql.lit(6);
const SPAN_BLOCKS = sql.lit(64);
const NONE = sql``;

/** `gone`: the campaigns of an account that are deleted and wait for their purge. There is rarely one: `none`. */
export const gone = (accountId: number): RawBuilder<unknown> => sql`
  gone as (
    select coalesce(array_agg(id), '{}') as ids, count(*) = 0 as none
    from campaigns where account_id = ${accountId}::bigint and deleted_at is not null
  )`;

/**
 * The condition that a lead's campaign is none of those. As a case, since of a plain comparison with an unknown list the planner expects
 * that it leaves nearly nothing, and then plans for nearly nothing.
 */
export const isKept: RawBuilder<unknown> = sql`
  case when (select none from gone) then true else campaign_id <> all ((select ids from gone)::bigint[]) end`;

/** The condition that a campaign is the account's and not deleted. */
export const isAlive = (accountId: number, campaignId: number): RawBuilder<boolean> => sql`
  exists (select from campaigns where id = ${campaignId}::bigint and account_id = ${accountId}::bigint and deleted_at is null)`;

const toDay = (date: Date): string => date.toISOString().slice(0, 10);

const onDays = ({ createdFrom, createdBefore }: LeadFilter): RawBuilder<unknown> =>
  sql`${
    createdFrom === undefined ? NONE : sql` and day >= ${toDay(createdFrom)}::date`
  }${createdBefore === undefined ? NONE : sql` and day < ${toDay(createdBefore)}::date`}`;

/** What counts are kept of. */
type Unit = 'span' | 'block';

const TABLES = { span: 'lead_spans', block: 'lead_cells' } as const;

// The journal knows blocks.
const UNITS_OF_CHANGES = { span: sql`block >> ${SPAN_SHIFT} as span`, block: sql`block` };

/**
 * Rows whose `n` adds up to how many match, each of a `span` or `block`: kept counts, what has happened since, and both of deleted
 * campaigns taken off. Spans know no days. `within`: a condition on the blocks.
 */
const countsOf = (accountId: number, filter: LeadFilter, unit: Unit, within = NONE): RawBuilder<unknown> => {
  const { campaignId, status } = filter;
  const kept = sql.table(TABLES[unit]);
  const [ofKept, ofChanges] = [sql.ref(unit), UNITS_OF_CHANGES[unit]];
  const count = status === undefined ? sql.ref('n') : sql.ref(status);
  const account = sql`account_id = ${accountId}::bigint${onDays(filter)}${within}`;
  const since = sql`${account}${status === undefined ? NONE : sql` and status = ${status}`}`;
  if (campaignId !== undefined) {
    const campaign = sql`campaign_id = ${campaignId}::bigint`;
    return sql`
      select * from (
        select ${ofKept}, ${count}::bigint as n from ${kept} where ${account} and ${campaign}
        union all
        select ${ofChanges}, n from lead_count_changes where ${since} and ${campaign}
      ) of_campaign where ${isAlive(accountId, campaignId)}`;
  }
  // Not even looked for where none is deleted.
  const ofGone = sql`not (select none from gone) and campaign_id = any ((select ids from gone)::bigint[])`;
  return sql`
    select ${ofKept}, ${count}::bigint as n from ${kept} where ${account} and campaign_id = 0
    union all
    select ${ofChanges}, n from lead_count_changes where ${since}
    union all
    select ${ofKept}, -${count}::bigint from ${kept} where ${account} and ${ofGone}
    union all
    select ${ofChanges}, -n from lead_count_changes where ${since} and ${ofGone}`;
};

/**
 * `counted`: one row with the `total` that matches, and with days also the ids between which those lie (`first_id`, `last_id`).
 * Needs `gone`.
 */
export const counted = (accountId: number, filter: LeadFilter): RawBuilder<unknown> =>
  isDated(filter)
    ? sql`
  counted as (
    select coalesce(sum(n), 0)::bigint as total, min(block)::bigint << ${BLOCK_SHIFT} as first_id,
      (max(block)::bigint + 1 << ${BLOCK_SHIFT}) - 1 as last_id
    from (${countsOf(accountId, filter, 'block')}) counts
  )`
    : sql`
  counted as (
    select coalesce(sum(n), 0)::bigint as total from (${countsOf(accountId, filter, 'span')}) counts
  )`;

// The unit in which the lead lies that is passed over last, added up in the order of the list, and how many of its leads are.
const unitAt = (unit: Unit, counts: RawBuilder<unknown>, passed: RawBuilder<unknown>, descending: boolean): RawBuilder<unknown> => {
  const name = sql.ref(unit);
  const order = sql`${name} ${sql.raw(descending ? 'desc' : 'asc')}`;
  return sql`
    select ${name}, ${passed} - (upto - n) as skip
    from (
      select ${name}, n, sum(n) over (order by ${order} rows unbounded preceding)::bigint as upto
      from (select ${name}, sum(n)::bigint as n from (${counts}) counts group by ${name}) units
    ) summed
    where upto > ${passed} order by ${order} limit 1`;
};

/**
 * `place`: where the page begins that passes over `offset` leads: its `block`, and how many of the block's leads it passes over.
 * No row where there are not so many leads. Needs `gone`.
 */
export const place = (accountId: number, filter: LeadFilter, offset: number, descending: boolean): RawBuilder<unknown> => {
  const passed = sql`${offset}::bigint`;
  if (isDated(filter)) {
    return sql`
  place as (${unitAt('block', countsOf(accountId, filter, 'block'), passed, descending)})`;
  }
  const first = sql`((select span from span_of_page) << ${SPAN_SHIFT})`;
  const within = sql` and block >= ${first} and block < ${first} + ${SPAN_BLOCKS}`;
  return sql`
  span_of_page as (${unitAt('span', countsOf(accountId, filter, 'span'), passed, descending)}),
  place as (${unitAt('block', countsOf(accountId, filter, 'block', within), sql`(select skip from span_of_page)`, descending)})`;
};

/** What the ids of a page sought by `place` are, as a condition. */
export const fromPlace = (descending: boolean): RawBuilder<unknown> =>
  descending
    ? sql`id < ((select block from place)::bigint + 1 << ${BLOCK_SHIFT})`
    : sql`id >= (select block from place)::bigint << ${BLOCK_SHIFT}`;

/**
 * The blocks in which an account, or a campaign of it, may have leads: `block`, each once. Reading leads block by block keeps to an index
 * where the planner would otherwise read the whole table, other accounts' leads too.
 */
export const blocksOf = (accountId: number, { campaignId = 0 }: LeadFilter): RawBuilder<unknown> => sql`
    select block from lead_cells where account_id = ${accountId}::bigint and campaign_id = ${campaignId}::bigint
    union
    select block from lead_count_changes where account_id = ${accountId}::bigint`;

/** The condition that ids lie in `blocks.block`. */
export const inBlock: RawBuilder<unknown> = sql`id >= blocks.block::bigint << ${BLOCK_SHIFT} and id < (blocks.block::bigint + 1 << ${BLOCK_SHIFT})`;
