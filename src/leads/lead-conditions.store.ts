// What a filter asks of a row of `leads`, as SQL: for the list, its cursors and exports alike.
import { type RawBuilder, sql } from 'kysely';
import { toPhonePattern } from '../phone.ts';
import { isAlive, isKept } from './kept-counts.store.ts';
import { isFoundByNumber, type LeadFilter, windowsOf } from './lead-filter.ts';

const phoneCondition = (accountId: number, pattern: string): RawBuilder<unknown> => {
  const found = windowsOf(accountId, pattern);
  const like = sql`phone_number like ${pattern}`;
  if (found === undefined) return like;
  const operator = sql.raw(found.mode === 'all' ? '@>' : '&&');
  return sql`phone_windows(account_id, phone_number) ${operator} ${found.windows}::bigint[] and ${like}`;
};

// A value that reads as a number, a boolean or null may be kept as one; a text that reads so may, too.
const valuesOf = (text: string): unknown[] => (/^(-?(0|[1-9]\d*)(\.\d+)?|true|false|null)$/.test(text) ? [text, JSON.parse(text)] : [text]);

const variableCondition = (accountId: number, name: string, text: string): RawBuilder<unknown> => {
  const either = valuesOf(text).map((value) => {
    const document = JSON.stringify({ [accountId]: { [name]: value } });
    return sql`scoped_variables(account_id, variables) @> ${document}::jsonb`;
  });
  return sql`(${sql.join(either, sql` or `)})`;
};

// A word as PostgreSQL divides it, each part as a beginning; or as it stands, since an address is one word and half of one is several. A
// word that has no parts, punctuation alone, is found nowhere.
const beginnings = (word: string): RawBuilder<unknown> => {
  const quoted = `'${word.toLowerCase().replace(/['\\]/g, '$&$&')}':*`;
  return sql`(
    select case when numnode(parts) = 0 then null else (replace(parts::text, ''' & ''', ''':* & ''') || ':*')::tsquery || ${quoted}::tsquery end
    from plainto_tsquery('simple', ${word}) parts
  )`;
};

const wordConditions = (accountId: number, words: readonly string[]): RawBuilder<unknown>[] => {
  const isNumber = (word: string): boolean => windowsOf(accountId, toPhonePattern(word)) !== undefined;
  // Together, so that the index looks for leads with all of them.
  const plain = words.filter((word) => !isNumber(word)).map(beginnings);
  const numbers = words
    .filter(isNumber)
    .map((word) => sql`(lead_words(variables) @@ ${beginnings(word)} or (${phoneCondition(accountId, toPhonePattern(word))}))`);
  return [...(plain.length === 0 ? [] : [sql`lead_words(variables) @@ (${sql.join(plain, sql` && `)})`]), ...numbers];
};

// A page of some days in the order of ids is read in that order, between the ids that those days have. By the days' own index it
// would be found first and then sorted, all of it for one page; the idle sum keeps that index out of it.
const creation = (ordered: boolean): RawBuilder<unknown> => (ordered ? sql`created_at + interval '0'` : sql`created_at`);

/** How the rows are read that a condition is for. */
interface Reading {
  /** In the order of ids. */
  orderedById: boolean;
  /** All that match, and only then a page of them. */
  foundFirst?: boolean;
}

/**
 * The primaries of an account that a filter lets through, as one condition on `leads`. The statement must have `gone` before it
 * (kept-counts.store.ts). Where all are found first and a part of a number finds them, idle sums keep the planner from beginning with
 * all leads of the account or the campaign, as it would for a plan that does not know yet which they are.
 */
export const conditionsOf = (accountId: number, filter: LeadFilter, { orderedById, foundFirst = false }: Reading): RawBuilder<unknown> => {
  const { status, campaignId, phonePattern, createdFrom, createdBefore, updatedSince, variables = {}, words = [] } = filter;
  const idle = foundFirst && isFoundByNumber(accountId, filter) ? sql` + 0` : sql``;
  const conditions = [sql`account_id${idle} = ${accountId}::bigint`, sql`primary_id is null`];
  if (campaignId !== undefined) conditions.push(sql`campaign_id${idle} = ${campaignId}::bigint`);
  conditions.push(campaignId === undefined ? isKept : isAlive(accountId, campaignId));
  if (status !== undefined) conditions.push(sql`status = ${status}`);
  if (phonePattern !== undefined) conditions.push(phoneCondition(accountId, phonePattern));
  if (createdFrom !== undefined) conditions.push(sql`${creation(orderedById)} >= ${createdFrom}::timestamptz`);
  if (createdBefore !== undefined) conditions.push(sql`${creation(orderedById)} < ${createdBefore}::timestamptz`);
  for (const [name, value] of Object.entries(variables)) conditions.push(variableCondition(accountId, name, value));
  conditions.push(...wordConditions(accountId, words));
  if (updatedSince !== undefined) conditions.push(sql`updated_at >= ${updatedSince}::timestamptz`);
  return sql.join(conditions, sql` and `);
};
