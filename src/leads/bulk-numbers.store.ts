// New numbers for many known leads at once, as updateLead gives one to each. One by one, ten thousand of them take a minute and more,
// and for as long as a bulk request takes, opt-outs of its account wait for it.
import { sql } from 'kysely';
import type { Db, Variables } from '../db/schema.ts';
import type { BulkOutcome, KnownItem } from './bulk.ts';
import { DUPLICATE_NUMBER } from './leads.store.ts';
import { passTurn } from './turn.store.ts';

// Leads whose variables are in memory at once.
const RENUMBERED_AT_ONCE = 200;
const UNIQUE_VIOLATION = '23505';

interface FoundRow {
  id: number;
  variables: Variables;
  taken: boolean;
  blocked: boolean;
}

const look = async (trx: Db, items: readonly KnownItem[]): Promise<Map<number, FoundRow>> => {
  const asked = items.map(({ item, known }) => ({ id: known.id, phone_number: item.lead.phone_number }));
  const { rows } = await sql<FoundRow>`
    select leads.id, leads.variables,
      exists (
        select from leads other
        where other.campaign_id = leads.campaign_id and other.phone_number = r.phone_number and other.primary_id is null and other.id <> leads.id
      ) as taken,
      exists (select from dnc_numbers d where d.account_id = leads.account_id and d.phone_number = r.phone_number) as blocked
    from json_to_recordset(${JSON.stringify(asked)}::json) as r (id bigint, phone_number text) join leads on leads.id = r.id`.execute(trx);
  return new Map(rows.map((row) => [row.id, row]));
};

// What changeLead sets: a blocked number takes who waits out of the queue, and from here on the index watches the row.
const write = async (trx: Db, items: readonly KnownItem[], found: ReadonlyMap<number, FoundRow>, now: Date): Promise<void> => {
  const rows = items.map(({ item: { lead }, known: { id } }) => ({
    id,
    phone_number: lead.phone_number,
    variables: { ...found.get(id)?.variables, ...lead.variables },
    blocked: found.get(id)?.blocked === true,
  }));
  await sql`
    update leads set phone_number = r.phone_number, variables = r.variables, duplicate_allowed = false, updated_at = ${now}::timestamptz,
      status = case when r.leaves then 'blacklisted' else leads.status end, due_at = case when r.leaves then null else leads.due_at end
    from (
      select asked.*, asked.blocked and now.status not in ('completed', 'reached-max-retries', 'blacklisted') as leaves
      from json_to_recordset(${JSON.stringify(rows)}::json) as asked (id bigint, phone_number text, variables json, blocked boolean)
      join leads now on now.id = asked.id
    ) r
    where leads.id = r.id`.execute(trx);
  await passTurn(trx, new Map(rows.map(({ id }) => [id, now])));
};

const isUniqueViolation = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === UNIQUE_VIOLATION;

/** Of leads that are to have new numbers: what became of them, by the index of the item; and those that have to be tried one by one. */
interface Renumbered {
  outcomes: Map<number, BulkOutcome>;
  rest: KnownItem[];
}

const renumberSome = async (trx: Db, items: readonly KnownItem[], now: Date): Promise<Renumbered> => {
  const found = await look(trx, items);
  const isTaken = ({ known }: KnownItem): boolean => found.get(known.id)?.taken === true;
  const free = items.filter((one) => !isTaken(one));
  await sql`savepoint bulk_numbers`.execute(trx);
  try {
    if (free.length > 0) await write(trx, free, found, now);
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    // Somebody has put in one of the numbers at this moment.
    await sql`rollback to savepoint bulk_numbers`.execute(trx);
    return { outcomes: new Map(), rest: [...items] };
  }
  await sql`release savepoint bulk_numbers`.execute(trx);
  const refused: BulkOutcome = { status: 'invalid', errors: { phone_number: [DUPLICATE_NUMBER] } };
  const outcomeOf = (one: KnownItem): BulkOutcome => {
    const { id } = one.known;
    return isTaken(one) ? { ...refused, id } : { status: 'updated', id };
  };
  return { outcomes: new Map(items.map((one) => [one.item.index, outcomeOf(one)])), rest: [] };
};

/**
 * Gives leads their new numbers and variables. The caller holds them with their families, and has none of two that have a lead or a
 * number in common (`divideChanges`).
 */
export const renumberLeads = async (trx: Db, items: readonly KnownItem[], now: Date): Promise<Renumbered> => {
  const all: Renumbered = { outcomes: new Map(), rest: [] };
  for (let at = 0; at < items.length; at += RENUMBERED_AT_ONCE) {
    const { outcomes, rest } = await renumberSome(trx, items.slice(at, at + RENUMBERED_AT_ONCE), now);
    for (const [index, outcome] of outcomes) all.outcomes.set(index, outcome);
    all.rest.push(...rest);
  }
  return all;
};
