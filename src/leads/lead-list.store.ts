// The leads list: a page, and how many match. One statement, so of one instant, whose cost does not grow with the account.
import { type RawBuilder, sql } from 'kysely';
import { PREPARED } from '../db/prepared.ts';
import type { Db } from '../db/schema.ts';
import type { Slice } from '../db/slice.ts';
import { BLOCK_IDS, blocksOf, counted, fromPlace, gone, inBlock, place } from './kept-counts.store.ts';
import type { FoundLead } from './lead.ts';
import { conditionsOf } from './lead-conditions.store.ts';
import {
  DEFAULT_ORDER,
  isCounted,
  isDated,
  isFoundByNumber,
  isIndexed,
  type LeadFilter,
  type LeadOrder,
  readOrder,
} from './lead-filter.ts';
import { besideCounted, byOrder, LEAD_COLUMNS, type ListedRow, toLead } from './lead-rows.store.ts';

/** What is asked of a list. */
interface Asked extends Slice {
  accountId: number;
  filter: LeadFilter;
  order: LeadOrder;
}

interface CountedRow extends ListedRow {
  total: number;
}

// No list is so long; and a bigint holds it.
const FARTHEST = 2 ** 40;

// The planner has to know a limit, so it is part of the text; only usual ones make texts whose plans are kept.
const USUAL_LIMITS = [15, 25, 50, 100];

const NONE = sql``;

const marked = (limit: number): RawBuilder<unknown> => (USUAL_LIMITS.includes(limit) ? sql.raw(PREPARED) : NONE);

const isById = ({ order }: Asked): boolean => readOrder(order).column === 'id';
const isSought = (asked: Asked): boolean => isById(asked) && isCounted(asked.filter) && asked.offset >= BLOCK_IDS;

// The rows of ids. What a page passes over is read from an index alone, without its rows.
const rowsOf = (ids: RawBuilder<unknown>): RawBuilder<unknown> => sql`select ${LEAD_COLUMNS} from (${ids}) ids join leads using (id)`;

/** A page of what the kept counts know, read in its order. */
const keptPage = (asked: Asked): RawBuilder<unknown> => {
  const { accountId, filter, order, offset, limit } = asked;
  const { descending } = readOrder(order);
  const within =
    isDated(filter) && isById(asked) ? sql` and id >= (select first_id from counted) and id <= (select last_id from counted)` : NONE;
  const from = isSought(asked) ? sql` and ${fromPlace(descending)}` : NONE;
  const found = (columns: RawBuilder<unknown>, skip: RawBuilder<unknown>) => sql`
    select ${columns} from leads where ${conditionsOf(accountId, filter, { orderedById: isById(asked) })}${within}${from}
    order by ${byOrder(order)} ${skip} limit ${sql.lit(limit)}`;
  // Whatever is passed over, leads of other days too, is passed over in the index alone.
  if (offset === 0 && !isDated(filter)) return found(LEAD_COLUMNS, NONE);
  return rowsOf(found(sql`id`, isSought(asked) ? sql`offset (select skip from place)` : sql`offset ${offset}::bigint`));
};

const keptStatement = (asked: Asked): RawBuilder<CountedRow> => {
  const { accountId, filter, order, offset, limit } = asked;
  const sought = isSought(asked) ? sql`, ${place(accountId, filter, offset, readOrder(order).descending)}` : NONE;
  return sql<CountedRow>`${marked(limit)} with ${gone(accountId)}, ${counted(accountId, filter)}${sought} ${besideCounted(keptPage(asked), order)}`;
};

const columnsOf = (order: LeadOrder): RawBuilder<unknown> => {
  const { column } = readOrder(order);
  return column === 'id' ? sql`id` : sql`id, ${sql.ref(column)}`;
};

// All that match: by an index that finds them, or, where none does, by passing over the account's leads block by block.
const allFound = ({ accountId, filter, order }: Asked): RawBuilder<unknown> => {
  const found = sql`select ${columnsOf(order)} from leads where ${conditionsOf(accountId, filter, { orderedById: false, foundFirst: true })}`;
  if (isIndexed(accountId, filter)) return found;
  return sql`select found.* from (${blocksOf(accountId, filter)}) blocks cross join lateral (${found} and ${inBlock} offset 0) found`;
};

// Found in the same way whatever the number is. All else the planner has to see, or it is rarely asked.
const isPlainSearch = ({ accountId, filter, order }: Asked): boolean => {
  const { updatedSince, variables, words } = filter;
  const others = updatedSince !== undefined || variables !== undefined || words !== undefined || isDated(filter);
  return isFoundByNumber(accountId, filter) && !others && order === DEFAULT_ORDER;
};

/** What the kept counts do not know has to be found to be counted: once, and then the page is taken of what was found. */
const foundStatement = (asked: Asked): RawBuilder<CountedRow> => {
  const { accountId, order, offset, limit } = asked;
  const ids = sql`select id from found order by ${byOrder(order)} offset ${offset}::bigint limit ${sql.lit(limit)}`;
  return sql<CountedRow>`${isPlainSearch(asked) ? marked(limit) : NONE} with ${gone(accountId)}, found as materialized (${allFound(asked)}),
  counted as (select count(*) as total from found) ${besideCounted(rowsOf(ids), order)}`;
};

/** One page of an account's primaries, and how many match in all. */
export const listLeads = async (
  db: Db,
  accountId: number,
  filter: LeadFilter,
  { offset, limit }: Slice,
  order: LeadOrder = DEFAULT_ORDER,
): Promise<{ leads: FoundLead[]; total: number }> => {
  const asked: Asked = { accountId, filter, order, offset: Math.min(offset, FARTHEST), limit };
  const { rows } = await (isCounted(filter) ? keptStatement(asked) : foundStatement(asked)).execute(db);
  return { leads: rows.flatMap(toLead), total: Number(rows[0]?.total ?? 0) };
};
