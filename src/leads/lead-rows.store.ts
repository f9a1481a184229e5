// A lead as lists read it: with its campaign's name and its secondary contacts, in one row.
import { type RawBuilder, sql } from 'kysely';
import type { Db, Variables } from '../db/schema.ts';
import type { ContactRow, FoundLead, LeadStatus } from './lead.ts';
import { type LeadOrder, readOrder } from './lead-filter.ts';

/** What is read of a lead itself. */
export const LEAD_COLUMNS = sql`id, campaign_id, phone_number, variables, status, created_at, updated_at`;

/** An order as SQL, of columns of `of` (`page.`) where it has to be said. `reversed`: turned round once more. */
export const byOrder = (order: LeadOrder, { of = '', reversed = false } = {}): RawBuilder<unknown> => {
  const { column, descending } = readOrder(order);
  const way = sql.raw(descending === reversed ? 'asc' : 'desc');
  const id = sql`${sql.ref(`${of}id`)} ${way}`;
  return column === 'id' ? id : sql`${sql.ref(`${of}${column}`)} ${way}, ${id}`;
};

/** Contacts as `contactsBeside` has them: instants are text, as JSON has them. */
export type ContactsBeside = (Omit<ContactRow, 'created_at' | 'updated_at'> & { created_at: string; updated_at: string })[] | null;

/** The contacts of the row of `table` in calling order, as one value. */
export const contactsBeside = (table: string): RawBuilder<unknown> => sql`(
    select json_agg(json_build_object('id', c.id, 'phone_number', c.phone_number, 'variables', c.variables, 'status', c.status,
      'created_at', c.created_at, 'updated_at', c.updated_at) order by c.position)
    from leads c where c.primary_id = ${sql.ref(`${table}.id`)}
  )`;

/** Those contacts. */
export const toContacts = (contacts: ContactsBeside): ContactRow[] =>
  (contacts ?? []).map((contact) => ({
    ...contact,
    created_at: new Date(contact.created_at),
    updated_at: new Date(contact.updated_at),
  }));

/** A row as it comes. */
export interface ListedRow {
  /** Null: there is none, only what is asked beside the rows. */
  id: number | null;
  campaign_id: number;
  phone_number: string;
  variables: Variables;
  status: LeadStatus;
  created_at: Date;
  updated_at: Date;
  campaign_name: string;
  contacts: ContactsBeside;
}

const COMPANY = sql`campaigns.name as campaign_name, ${contactsBeside('page')} as contacts`;

/** A page of leads (LEAD_COLUMNS) with campaigns and contacts. Without an order of its own. */
export const withCompany = (page: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  select page.*, ${COMPANY}
  from (${page}) page join campaigns on campaigns.id = page.campaign_id`;

/** The same beside the one row `counted`, which is there also when the page is empty; in order. */
export const besideCounted = (page: RawBuilder<unknown>, order: LeadOrder): RawBuilder<unknown> => sql`
  select counted.total, page.*, ${COMPANY}
  from counted left join lateral (${page}) page on true left join campaigns on campaigns.id = page.campaign_id
  order by ${byOrder(order, { of: 'page.' })}`;

/** The lead of a row, or nothing. */
export const toLead = (row: ListedRow): FoundLead[] => {
  const { id, campaign_id, phone_number, variables, status, created_at, updated_at, campaign_name } = row;
  if (id === null) return [];
  return [{ id, campaign_id, phone_number, variables, status, created_at, updated_at, campaign_name, contacts: toContacts(row.contacts) }];
};

/** Secondary contacts by their primary's id, in calling order. */
export const contactsOf = async (db: Db, primaryIds: readonly number[]): Promise<Map<number, ContactRow[]>> => {
  if (primaryIds.length === 0) return new Map();
  const rows = await db
    .selectFrom('leads')
    .select(['id', 'primary_id', 'phone_number', 'variables', 'status', 'created_at', 'updated_at'])
    .where('primary_id', 'in', primaryIds)
    .orderBy('primary_id')
    .orderBy('position')
    .execute();
  return Map.groupBy(rows, (row) => row.primary_id ?? 0);
};
