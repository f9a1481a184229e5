// Leads one by one and in batches: find, insert, update, delete. Lead and contact are rows of one table.
import { sql } from 'kysely';
import { holdBlacklist, isBlacklisted } from '../blacklist/blacklist.store.ts';
import { callsBeingSent, revokeReserved } from '../calls/revoke.store.ts';
import type { Db, LeadRow, Variables } from '../db/schema.ts';
import { within } from '../db/transact.ts';
import { DomainError, ValidationError } from '../errors.ts';
import { isRecord } from '../is-record.ts';
import type { E164 } from '../phone.ts';
import { takeLeadIds } from './id-horizon.store.ts';
import type { FoundLead, LeadStatus, NewLead } from './lead.ts';
import { contactsOf } from './lead-rows.store.ts';
import { passTurn } from './turn.store.ts';

export const DUPLICATE_NUMBER = 'This phone number already exists in the campaign';
const REPEATED_NUMBER = 'The phone number field must differ from the other numbers of the lead.';
const STILL_BLACKLISTED = 'This number is on the blacklist: remove it there first.';

/** Where new leads go. Rows that are allowed to be duplicates stand outside the refusal. */
export interface InsertTarget {
  accountId: number;
  campaignId: number;
  allowDuplicate: boolean;
}

export interface InsertedLead {
  id: number;
  status: 'created' | 'blacklisted';
}

/**
 * Holds a campaign for the length of a transaction: while a lead is put into it, it cannot be deleted.
 * @throws DomainError campaign_not_found
 */
export const holdCampaign = async (trx: Db, accountId: number, campaignId: number): Promise<void> => {
  const row = await trx
    .selectFrom('campaigns')
    .select('id')
    .where('id', '=', campaignId)
    .where('account_id', '=', accountId)
    .where('deleted_at', 'is', null)
    .forShare()
    .executeTakeFirst();
  if (row === undefined) throw new DomainError('campaign_not_found');
};

interface IncomingRow {
  id: number;
  primary_id: number | null;
  position: number | null;
  phone_number: string;
  variables: Variables;
  external_id?: string | undefined;
}

/** Gives every lead and contact its id: a lead's, then its contacts', so that ids follow the order of the input. */
const withIds = (leads: readonly NewLead[], ids: readonly number[]): IncomingRow[][] => {
  let next = 0;
  const take = () => ids[next++] ?? 0;
  return leads.map(({ contacts, phone_number, variables, external_id }) => {
    const id = take();
    const primary: IncomingRow = { id, primary_id: null, position: null, phone_number, variables, external_id };
    return [primary, ...contacts.map((contact, index) => ({ ...contact, id: take(), primary_id: id, position: index + 1 }))];
  });
};

// The unique indexes refuse; the look for an earlier number in front of it only covers allowed duplicates, which the index
// leaves out. Rows go in by their numbers, whatever the order of the input: of two batches with the same numbers one then
// waits for the other, and not each for a number that the other has already put in.
const insertRows = async (trx: Db, target: InsertTarget, rows: readonly IncomingRow[], now: Date): Promise<InsertedLead[]> => {
  if (rows.length === 0) return [];
  const { accountId, campaignId, allowDuplicate } = target;
  const inserted = await sql<InsertedLead>`
    insert into leads
      (id, account_id, campaign_id, primary_id, position, phone_number, variables, external_id, status, due_at, duplicate_allowed,
        created_at, updated_at)
    select r.id, ${accountId}::bigint, ${campaignId}::bigint, r.primary_id, r.position, r.phone_number, r.variables, r.external_id,
      case when blocked.it then 'blacklisted' else 'created' end,
      case when r.primary_id is null and not blocked.it then ${now}::timestamptz end,
      ${allowDuplicate}::boolean, ${now}::timestamptz, ${now}::timestamptz
    from json_to_recordset(${JSON.stringify(rows)}::json)
      as r (id bigint, primary_id bigint, position integer, phone_number text, variables json, external_id text)
    cross join lateral (
      select exists (select from dnc_numbers d where d.account_id = ${accountId}::bigint and d.phone_number = r.phone_number) as it
    ) blocked
    where r.primary_id is not null or ${allowDuplicate}::boolean or not exists (
      select from leads l
      where l.campaign_id = ${campaignId}::bigint and l.phone_number = r.phone_number and l.primary_id is null
    )
    order by r.phone_number, r.id
    on conflict do nothing
    returning id, status`.execute(trx);
  return inserted.rows;
};

/**
 * Adds leads with their contacts, in the order given. A number that is blocked comes in as `blacklisted`.
 * @returns for each lead its id and status, or `'duplicate'` where the campaign already had its number or its external id.
 * @throws DomainError campaign_not_found
 */
export const insertLeads = async (
  db: Db,
  target: InsertTarget,
  leads: readonly NewLead[],
  now: Date,
): Promise<(InsertedLead | 'duplicate')[]> => {
  const insert = async (trx: Db): Promise<(InsertedLead | 'duplicate')[]> => {
    await holdBlacklist(trx, target.accountId);
    await holdCampaign(trx, target.accountId, target.campaignId);
    const count = leads.reduce((sum, { contacts }) => sum + 1 + contacts.length, 0);
    const groups = withIds(leads, await takeLeadIds(trx, count));
    const primaries = await insertRows(
      trx,
      target,
      groups.flatMap(([primary]) => primary ?? []),
      now,
    );
    const byId = new Map(primaries.map((lead) => [lead.id, lead]));
    const contacts = groups.filter(([primary]) => byId.has(primary?.id ?? 0)).flatMap(([, ...rest]) => rest);
    await insertRows(trx, target, contacts, now);
    return groups.map(([primary]) => byId.get(primary?.id ?? 0) ?? 'duplicate');
  };
  return within(db, insert);
};

/** A lead, or a contact in the shape of one; undefined when the account has no such row. */
export const findLead = async (db: Db, accountId: number, id: number): Promise<FoundLead | undefined> => {
  const row = await db
    .selectFrom('leads')
    .innerJoin('campaigns', 'campaigns.id', 'leads.campaign_id')
    .select(['leads.id', 'leads.campaign_id', 'leads.phone_number', 'leads.variables', 'leads.status'])
    .select(['leads.created_at', 'leads.updated_at', 'campaigns.name as campaign_name'])
    .where('leads.id', '=', id)
    .where('leads.account_id', '=', accountId)
    .where('campaigns.deleted_at', 'is', null)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const contacts = await contactsOf(db, [id]);
  return { ...row, contacts: contacts.get(id) ?? [] };
};

/** A lead or contact, and its whole family, primary first. */
export interface LockedFamily {
  row: LeadRow;
  family: LeadRow[];
}

/**
 * The row of a lead or contact with its family, all locked in the order of their ids.
 * @throws DomainError lead_not_found
 */
export const lockFamily = async (trx: Db, accountId: number, id: number): Promise<LockedFamily> => {
  const seen = await trx
    .selectFrom('leads')
    .innerJoin('campaigns', 'campaigns.id', 'leads.campaign_id')
    .select(['leads.id', 'leads.primary_id'])
    .where('leads.id', '=', id)
    .where('leads.account_id', '=', accountId)
    .where('campaigns.deleted_at', 'is', null)
    .executeTakeFirst();
  if (seen === undefined) throw new DomainError('lead_not_found');
  const primaryId = seen.primary_id ?? seen.id;
  // The primary first and alone: whoever adds a contact holds it, so that nobody adds one between the two locks.
  const lock = (column: 'id' | 'primary_id') =>
    trx.selectFrom('leads').selectAll().where(column, '=', primaryId).orderBy('id').forUpdate().execute();
  const family = [...(await lock('id')), ...(await lock('primary_id'))];
  const row = family.find((one) => one.id === id);
  if (row === undefined) throw new DomainError('lead_not_found');
  return { row, family };
};

/** Moves a primary's `updated_at` along with a change to one of its contacts. */
export const touchLead = async (trx: Db, id: number, now: Date): Promise<void> => {
  await trx.updateTable('leads').set({ updated_at: now }).where('id', '=', id).execute();
};

/** What may be changed of a lead; of a contact all but the campaign. Variables are merged key by key. */
export interface LeadChanges {
  campaign_id?: number;
  phone_number?: E164;
  status?: LeadStatus;
  variables?: Variables;
}

const duplicate = (): ValidationError => new ValidationError({ phone_number: [DUPLICATE_NUMBER] });

const refuseDuplicate = async (trx: Db, id: number, campaignId: number, number: string): Promise<void> => {
  const other = await trx
    .selectFrom('leads')
    .select('id')
    .where('campaign_id', '=', campaignId)
    .where('phone_number', '=', number)
    .where('primary_id', 'is', null)
    .where('id', '!=', id)
    .executeTakeFirst();
  if (other !== undefined) throw duplicate();
};

/** The status that a change leads to. A blocked number cannot be set going again, and a new number may be a blocked one. */
const statusAfter = async (trx: Db, row: LeadRow, changes: LeadChanges, number: string): Promise<LeadStatus> => {
  const asked = changes.status ?? row.status;
  if (changes.status !== 'created' && number === row.phone_number) return asked;
  if (!(await isBlacklisted(trx, row.account_id, number))) return asked;
  if (changes.status === 'created') throw new ValidationError({ status: [STILL_BLACKLISTED] });
  return asked === 'completed' || asked === 'reached-max-retries' ? asked : 'blacklisted';
};

const takenExternalId = (): ValidationError =>
  new ValidationError({ campaign_id: ['The campaign already has a lead with the external id of this one.'] });

const refuseTakenExternalId = async (trx: Db, campaignId: number, externalId: string): Promise<void> => {
  const other = await trx
    .selectFrom('leads')
    .select('id')
    .where('campaign_id', '=', campaignId)
    .where('external_id', '=', externalId)
    .executeTakeFirst();
  if (other !== undefined) throw takenExternalId();
};

/** What a violation of one of the two unique indexes is told: somebody was first, between the look and the change. */
const asDuplicate = (error: unknown): unknown => {
  if (!isRecord(error) || error.code !== '23505') return error;
  return error.constraint === 'leads_external_id_once' ? takenExternalId() : duplicate();
};

// A person's act comes before the dialer's: what it has reserved in the family is taken back, and decided anew afterwards.
const lockAndRevoke = async (trx: Db, accountId: number, id: number, reason: string, now: Date): Promise<LockedFamily> => {
  const locked = await lockFamily(trx, accountId, id);
  if (!locked.family.some(({ status }) => status === 'scheduled')) return locked;
  await revokeReserved(trx, { leadIds: locked.family.map((one) => one.id) }, reason, now);
  return lockFamily(trx, accountId, id);
};

/** @throws DomainError lead_not_found */
const isPrimary = async (trx: Db, accountId: number, id: number): Promise<boolean> => {
  const seen = await trx
    .selectFrom('leads')
    .innerJoin('campaigns', 'campaigns.id', 'leads.campaign_id')
    .select('leads.primary_id')
    .where('leads.id', '=', id)
    .where('leads.account_id', '=', accountId)
    .where('campaigns.deleted_at', 'is', null)
    .executeTakeFirst();
  if (seen === undefined) throw new DomainError('lead_not_found');
  return seen.primary_id === null;
};

const changeLead = async (trx: Db, accountId: number, id: number, changes: LeadChanges, now: Date): Promise<void> => {
  await holdBlacklist(trx, accountId);
  // The campaign before its leads, as everywhere.
  if (changes.campaign_id !== undefined && (await isPrimary(trx, accountId, id))) await holdCampaign(trx, accountId, changes.campaign_id);
  const { row, family } = await lockAndRevoke(trx, accountId, id, 'lead_changed', now);
  if (row.primary_id !== null && changes.campaign_id !== undefined) {
    throw new ValidationError({ campaign_id: ['A secondary contact follows its lead: move the lead itself.'] });
  }
  const campaignId = changes.campaign_id ?? row.campaign_id;
  const number = changes.phone_number ?? row.phone_number;
  if (family.some((other) => other.id !== id && other.phone_number === number)) {
    throw new ValidationError({ phone_number: [REPEATED_NUMBER] });
  }
  const moved = campaignId !== row.campaign_id || number !== row.phone_number;
  const refusesDuplicates = row.primary_id === null && moved;
  if (refusesDuplicates) await refuseDuplicate(trx, id, campaignId, number);
  if (campaignId !== row.campaign_id && row.external_id !== null) await refuseTakenExternalId(trx, campaignId, row.external_id);
  const status = await statusAfter(trx, row, changes, number);
  const restarts = changes.status === 'created';
  await trx
    .updateTable('leads')
    .set({
      campaign_id: campaignId,
      phone_number: number,
      status,
      // Set to created it is tried afresh, without a wait; the turn decides from when.
      ...(restarts ? { call_tries: 0 } : {}),
      due_at: restarts || status !== row.status ? null : row.due_at,
      variables: JSON.stringify({ ...row.variables, ...changes.variables }),
      updated_at: now,
      // A move has no way to allow a duplicate, so from here on the index watches the row.
      ...(refusesDuplicates ? { duplicate_allowed: false } : {}),
    })
    .where('id', '=', id)
    .execute();
  if (row.primary_id !== null) await touchLead(trx, row.primary_id, now);
  else if (campaignId !== row.campaign_id) {
    await trx.updateTable('leads').set({ campaign_id: campaignId }).where('primary_id', '=', id).execute();
  }
  await passTurn(trx, new Map([[row.primary_id ?? id, now]]));
};

/**
 * Changes a lead or a contact. Moving a lead moves its contacts; a change to a contact moves its primary's `updated_at`.
 * In a transaction of the caller's a refusal needs a savepoint to go back to.
 * @throws DomainError lead_not_found, campaign_not_found; ValidationError for a duplicate or a blocked number.
 */
export const updateLead = async (db: Db, accountId: number, id: number, changes: LeadChanges, now: Date): Promise<void> => {
  try {
    await within(db, (trx) => changeLead(trx, accountId, id, changes, now));
  } catch (error) {
    throw asDuplicate(error);
  }
};

// Whoever is on a call when deleted may just be speaking: the next contact waits as if that call had come to nothing.
const afterDeletion = async (trx: Db, row: LeadRow, now: Date): Promise<Date> => {
  if (row.status !== 'processing') return now;
  const campaign = await trx.selectFrom('campaigns').select('retry_interval').where('id', '=', row.campaign_id).executeTakeFirstOrThrow();
  return new Date(now.getTime() + campaign.retry_interval * 60_000);
};

/**
 * Deletes a lead with its contacts, or one contact.
 * @returns the calls to it that are being sent at this instant, for waitUntilSent: afterwards nobody could find them.
 * @throws DomainError lead_not_found
 */
export const deleteLead = (db: Db, accountId: number, id: number, now: Date): Promise<number[]> =>
  db.transaction().execute(async (trx) => {
    const { row } = await lockAndRevoke(trx, accountId, id, 'lead_deleted', now);
    const sending = await callsBeingSent(trx, { leadIds: [id] });
    const next = await afterDeletion(trx, row, now);
    await trx.deleteFrom('leads').where('id', '=', id).execute();
    if (row.primary_id === null) return sending;
    await touchLead(trx, row.primary_id, now);
    await passTurn(trx, new Map([[row.primary_id, next]]));
    return sending;
  });
