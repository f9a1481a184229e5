// The secondary contacts of an existing lead: add and reorder. Changing and removing one is leads.store's, by its id.
import { holdBlacklist, isBlacklisted } from '../blacklist/blacklist.store.ts';
import type { Db } from '../db/schema.ts';
import { within } from '../db/transact.ts';
import { DomainError, ValidationError } from '../errors.ts';
import { type ContactRow, MAX_CONTACTS, type NewContact } from './lead.ts';
import { lockFamily, touchLead } from './leads.store.ts';
import { passTurn } from './turn.store.ts';

// A contact has no contacts: to these routes its id is no lead's.
const lockLead = async (trx: Db, accountId: number, leadId: number) => {
  const { row, family } = await lockFamily(trx, accountId, leadId);
  if (row.primary_id !== null) throw new DomainError('lead_not_found');
  const contacts = family.filter((one) => one.primary_id !== null).sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
  return { lead: row, contacts };
};

/**
 * Appends a contact to a lead.
 * @throws DomainError lead_not_found; ValidationError when there are ten already or the lead has the number.
 */
export const addContact = (db: Db, accountId: number, leadId: number, contact: NewContact, now: Date): Promise<ContactRow> =>
  within(db, async (trx) => {
    await holdBlacklist(trx, accountId);
    const { lead, contacts } = await lockLead(trx, accountId, leadId);
    if (contacts.length >= MAX_CONTACTS) {
      throw new ValidationError({ phone_number: [`A lead must not have more than ${MAX_CONTACTS} secondary contacts.`] });
    }
    if ([lead, ...contacts].some((one) => one.phone_number === contact.phone_number)) {
      throw new ValidationError({ phone_number: ['The phone number field must differ from the other numbers of the lead.'] });
    }
    await touchLead(trx, leadId, now);
    const contactRow = await trx
      .insertInto('leads')
      .values({
        account_id: accountId,
        campaign_id: lead.campaign_id,
        primary_id: leadId,
        position: (contacts.at(-1)?.position ?? 0) + 1,
        phone_number: contact.phone_number,
        variables: JSON.stringify(contact.variables),
        status: (await isBlacklisted(trx, accountId, contact.phone_number)) ? 'blacklisted' : 'created',
        created_at: now,
        updated_at: now,
      })
      .returning(['id', 'phone_number', 'variables', 'status', 'created_at', 'updated_at'])
      .executeTakeFirstOrThrow();
    await passTurn(trx, new Map([[leadId, now]]));
    return contactRow;
  });

/**
 * Puts a lead's contacts into the calling order of `ids`, which must name each of them once.
 * @throws DomainError lead_not_found; ValidationError when it does not.
 */
export const reorderContacts = (db: Db, accountId: number, leadId: number, ids: readonly number[], now: Date): Promise<void> =>
  db.transaction().execute(async (trx) => {
    const { contacts } = await lockLead(trx, accountId, leadId);
    const complete = contacts.length === ids.length && contacts.every(({ id }) => ids.includes(id));
    if (!complete) throw new ValidationError({ contact_ids: ['The contact ids field must name every contact of the lead once.'] });
    for (const [index, id] of ids.entries()) {
      await trx
        .updateTable('leads')
        .set({ position: index + 1, updated_at: now })
        .where('id', '=', id)
        .execute();
    }
    await touchLead(trx, leadId, now);
    await passTurn(trx, new Map([[leadId, now]]));
  });
