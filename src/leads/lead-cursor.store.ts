// The leads list by cursor: what comes behind a row, or before it, at the same cost wherever that is. Nothing is counted.
import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../db/schema.ts';
import { readHorizon } from './id-horizon.store.ts';
import { gone } from './kept-counts.store.ts';
import type { FoundLead } from './lead.ts';
import { conditionsOf } from './lead-conditions.store.ts';
import { type LeadFilter, type LeadOrder, readOrder } from './lead-filter.ts';
import { byOrder, LEAD_COLUMNS, type ListedRow, toLead, withCompany } from './lead-rows.store.ts';

/** A row's place in an order: its id, and the ordering column's value as text where that is not the id. */
export interface LeadPlace {
  id: number;
  value?: string;
}

/** Behind which place a page begins, or, going back, before which it ends; undefined: it is the first one. */
export type LeadCursor = (LeadPlace & { forward: boolean }) | undefined;

interface PlacedRow extends ListedRow {
  place: string | null;
}

/** A page, and where the pages beside it begin. */
export interface CursorSlice {
  leads: FoundLead[];
  next: LeadCursor;
  previous: LeadCursor;
}

// Exact to the microsecond, which a Date is not.
const placeOf = (column: 'id' | 'created_at' | 'updated_at'): RawBuilder<unknown> =>
  column === 'id' ? sql`null` : sql`(${sql.ref(column)} at time zone 'UTC')::text`;

const beyond = (cursor: LeadCursor, order: LeadOrder): RawBuilder<unknown> => {
  if (cursor === undefined) return sql``;
  const { column, descending } = readOrder(order);
  const operator = sql.raw(cursor.forward === descending ? '<' : '>');
  if (column === 'id') return sql` and id ${operator} ${cursor.id}::bigint`;
  return sql` and (${sql.ref(column)}, id) ${operator} (${cursor.value ?? ''}::timestamp at time zone 'UTC', ${cursor.id}::bigint)`;
};

const readRows = async (db: Db, accountId: number, filter: LeadFilter, order: LeadOrder, cursor: LeadCursor, limit: number) => {
  const { column } = readOrder(order);
  const ordered = byOrder(order, { reversed: cursor?.forward === false });
  const { rows } = await sql<PlacedRow>`
    with ${gone(accountId)}
    ${withCompany(sql`
      select ${LEAD_COLUMNS}, ${placeOf(column)} as place from leads
      where ${conditionsOf(accountId, filter, { orderedById: column === 'id' })}${beyond(cursor, order)}
      order by ${ordered} limit ${sql.lit(limit)}`)}
    order by ${ordered}`.execute(db);
  return rows;
};

/**
 * A page of an account's primaries beside a cursor. In the order of ids no lead is passed over that is there when the last page is read:
 * a page ends before the first id that somebody has taken and not committed, and `next` leads to it.
 */
export const readBeside = async (
  db: Db,
  accountId: number,
  filter: LeadFilter,
  order: LeadOrder,
  cursor: LeadCursor,
  perPage: number,
): Promise<CursorSlice> => {
  // Only this order meets ids that are younger than the page.
  const horizon = order === 'id' ? await readHorizon(db) : Number.POSITIVE_INFINITY;
  const forward = cursor?.forward ?? true;
  const found = await readRows(db, accountId, filter, order, cursor, perPage + 1);
  const settled = found.filter(({ id }) => (id ?? 0) <= horizon);
  const page = settled.slice(0, perPage);
  const isMore = page.length < found.length;
  if (!forward) page.reverse();
  const beside = (row: PlacedRow | undefined, way: boolean): LeadCursor =>
    row?.id == null ? undefined : { id: row.id, ...(row.place === null ? {} : { value: row.place }), forward: way };
  const [first, last] = [page.at(0), page.at(-1)];
  // Nothing is settled yet, but something is there: the same place again.
  const again: LeadCursor = page.length === 0 && isMore ? (cursor ?? { id: 0, forward: true }) : undefined;
  return {
    leads: page.flatMap(toLead),
    next: forward && !isMore ? undefined : (beside(last, true) ?? again),
    previous: cursor === undefined || (!forward && !isMore) ? undefined : beside(first, false),
  };
};
