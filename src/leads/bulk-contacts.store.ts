// New contacts for many known leads at once, as addContact gives one to each: for the reason of bulk-numbers.store.ts.
import { sql } from 'kysely';
import type { Db } from '../db/schema.ts';
import { type KnownItem, newContactsOf } from './bulk.ts';
import { passTurn } from './turn.store.ts';

// Leads whose contacts are in memory at once.
const EXTENDED_AT_ONCE = 200;

const insertContacts = async (trx: Db, items: readonly KnownItem[], now: Date): Promise<void> => {
  const rows = items.flatMap((one) =>
    newContactsOf(one).map((contact, index) => ({ ...contact, primary_id: one.known.id, place: index + 1 })),
  );
  await sql`
    insert into leads (account_id, campaign_id, primary_id, position, phone_number, variables, status, created_at, updated_at)
    select lead.account_id, lead.campaign_id, lead.id,
      coalesce((select max(contact.position) from leads contact where contact.primary_id = lead.id), 0) + r.place,
      r.phone_number, r.variables,
      case when exists (select from dnc_numbers d where d.account_id = lead.account_id and d.phone_number = r.phone_number)
        then 'blacklisted' else 'created' end,
      ${now}::timestamptz, ${now}::timestamptz
    from json_to_recordset(${JSON.stringify(rows)}::json) as r (primary_id bigint, place integer, phone_number text, variables json)
    join leads lead on lead.id = r.primary_id
    order by lead.id, r.place`.execute(trx);
  await passTurn(trx, new Map(items.map(({ known }) => [known.id, now])));
};

/** Appends to leads the contacts that they have not. The caller holds them with their families, and none is there twice. */
export const extendLeads = async (trx: Db, items: readonly KnownItem[], now: Date): Promise<void> => {
  for (let at = 0; at < items.length; at += EXTENDED_AT_ONCE) await insertContacts(trx, items.slice(at, at + EXTENDED_AT_ONCE), now);
};
