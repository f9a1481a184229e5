// What a filter asks of a row of `leads`, as SQL: for the list, its cursors and exports alike.
import { type RawBuilder, sql } from 'kysely';
import { type LeadFilter, windowsOf } from './lead-filter.ts';

const phoneCondition = (accountId: number, pattern: string): RawBuilder<unknown> => {
  const found = windowsOf(accountId, pattern);
  const like = sql`phone_number like ${pattern}`;
  if (found === undefined) return like;
  const operator = sql.raw(found.mode === 'all' ? '@>' : '&&');
  return sql`phone_windows(account_id, phone_number) ${operator} ${found.windows}::bigint[] and ${like}`;
};

// A page of some days in the order of ids is read in that order, between the ids that those days have. By the days' own index it
// would be found first and then sorted, all of it for one page; the idle sum keeps that index out of it.
const creation = (ordered: boolean): RawBuilder<unknown> => (ordered ? sql`created_at + interval '0'` : sql`created_at`);

/**
 * The primaries of an account that a filter lets through, as one condition on `leads`. The statement must have `gone` before it
 * (kept-counts.store.ts). `orderedById`: rows are to be read in the order of ids.
 */
export const conditionsOf = (accountId: number, filter: LeadFilter, { orderedById }: { orderedById: boolean }): RawBuilder<unknown> => {
  const { status, campaignId, phonePattern, createdFrom, createdBefore, updatedSince } = filter;
  const conditions = [sql`account_id = ${accountId}::bigint`, sql`primary_id is null`];
  if (campaignId !== undefined) conditions.push(sql`campaign_id = ${campaignId}::bigint`);
  conditions.push(
    campaignId === undefined
      ? sql`campaign_id <> all ((select ids from gone)::bigint[])`
      : sql`not ${campaignId}::bigint = any ((select ids from gone)::bigint[])`,
  );
  if (status !== undefined) conditions.push(sql`status = ${status}`);
  if (phonePattern !== undefined) conditions.push(phoneCondition(accountId, phonePattern));
  if (createdFrom !== undefined) conditions.push(sql`${creation(orderedById)} >= ${createdFrom}::timestamptz`);
  if (createdBefore !== undefined) conditions.push(sql`${creation(orderedById)} < ${createdBefore}::timestamptz`);
  if (updatedSince !== undefined) conditions.push(sql`updated_at >= ${updatedSince}::timestamptz`);
  return sql.join(conditions, sql` and `);
};
