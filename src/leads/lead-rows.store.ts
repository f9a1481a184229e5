// A lead as lists read it: with its campaign's name and its secondary contacts, in one row.
import { type RawBuilder, sql } from 'kysely';
import type { Db, Variables } from '../db/schema.ts';
import type { ContactRow, FoundLead, LeadStatus } from './lead.ts';

/** What is read of a lead itself. */
export const LEAD_COLUMNS = sql`id, campaign_id, phone_number, variables, status, created_at, updated_at`;

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
  /** As JSON has it: instants are text. */
  contacts: (Omit<ContactRow, 'created_at' | 'updated_at'> & { created_at: string; updated_at: string })[] | null;
}

const CONTACTS = sql`(
    select json_agg(json_build_object('id', c.id, 'phone_number', c.phone_number, 'variables', c.variables, 'status', c.status,
      'created_at', c.created_at, 'updated_at', c.updated_at) order by c.position)
    from leads c where c.primary_id = page.id
  ) as contacts`;

/** A page of leads (LEAD_COLUMNS) with campaigns and contacts. Without an order of its own. */
export const withCompany = (page: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  select page.*, campaigns.name as campaign_name, ${CONTACTS}
  from (${page}) page join campaigns on campaigns.id = page.campaign_id`;

/** The same beside the one row `counted`, which is there also when the page is empty; ordered by columns of the page. */
export const besideCounted = (page: RawBuilder<unknown>, order: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  select counted.total, page.*, campaigns.name as campaign_name, ${CONTACTS}
  from counted left join lateral (${page}) page on true left join campaigns on campaigns.id = page.campaign_id
  order by ${order}`;

/** The lead of a row, or nothing. */
export const toLead = (row: ListedRow): FoundLead[] => {
  const { id, campaign_id, phone_number, variables, status, created_at, updated_at, campaign_name } = row;
  if (id === null) return [];
  const contacts = (row.contacts ?? []).map((contact) => ({
    ...contact,
    created_at: new Date(contact.created_at),
    updated_at: new Date(contact.updated_at),
  }));
  return [{ id, campaign_id, phone_number, variables, status, created_at, updated_at, campaign_name, contacts }];
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
