// What a filter asks of a row of `leads`, as SQL.
import { type RawBuilder, sql } from 'kysely';
import type { LeadFilter } from './lead-filter.ts';

// The idle sum keeps the index by days out of a read that goes by ids.
const creation = (ordered: boolean): RawBuilder<unknown> => (ordered ? sql`created_at + interval '0'` : sql`created_at`);

/**
 * The primaries of an account that a filter lets through, as one condition on `leads`. The statement must have `gone` before it
 * (kept-counts.store.ts). `orderedById`: rows are to be read in the order of ids.
 */
export const conditionsOf = (accountId: number, filter: LeadFilter, { orderedById }: { orderedById: boolean }): RawBuilder<unknown> => {
  const { status, campaignId, phonePattern, createdFrom, createdBefore } = filter;
  const conditions = [
    sql`account_id = ${accountId}::bigint`,
    sql`primary_id is null`,
    sql`campaign_id <> all ((select ids from gone)::bigint[])`,
  ];
  if (campaignId !== undefined) conditions.push(sql`campaign_id = ${campaignId}::bigint`);
  if (status !== undefined) conditions.push(sql`status = ${status}`);
  if (phonePattern !== undefined) conditions.push(sql`phone_number like ${phonePattern}`);
  if (createdFrom !== undefined) conditions.push(sql`${creation(orderedById)} >= ${createdFrom}::timestamptz`);
  if (createdBefore !== undefined) conditions.push(sql`${creation(orderedById)} < ${createdBefore}::timestamptz`);
  return sql.join(conditions, sql` and `);
};
