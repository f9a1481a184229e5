// Many leads in one transaction: new ones go in together, known ones are updated. Bulk requests of an account go one after the
// other, so that none of them meets half of another; everybody else is waited for in the order of all locks.
import { sql } from 'kysely';
import { holdBlacklist } from '../blacklist/blacklist.store.ts';
import { revokeReserved } from '../calls/revoke.store.ts';
import { inTurn } from '../db/in-turn.ts';
import type { Db, Variables } from '../db/schema.ts';
import { RACED, transact } from '../db/transact.ts';
import { DomainError, type FieldErrors, ValidationError } from '../errors.ts';
import { type BulkItem, type BulkOutcome, divideChanges, externalKey, type KnownItem, type KnownLead, planRound } from './bulk.ts';
import { extendLeads } from './bulk-contacts.store.ts';
import { renumberLeads } from './bulk-numbers.store.ts';
import { addContact } from './contacts.store.ts';
import { type InsertTarget, insertLeads, updateLead } from './leads.store.ts';
import { passTurn } from './turn.store.ts';

// The first of two keys: such locks are none of those that hold the horizon (id-horizon.store.ts).
const BULK_LOCK = 7_246_007;
// A request whose leads depend on each other in longer chains than that is saved one lead after the other from there on.
const BATCH_ROUNDS = 8;
// Leads whose variables are in memory at once.
const MERGED_AT_ONCE = 200;

const UNKNOWN_CAMPAIGN = 'The selected campaign id is invalid.';

type Outcomes = Map<number, BulkOutcome>;

interface Saving {
  trx: Db;
  accountId: number;
  now: Date;
  outcomes: Outcomes;
}

/** Holds those of the campaigns that are the account's, by ascending id. */
const holdCampaigns = async (trx: Db, accountId: number, ids: readonly number[]): Promise<ReadonlySet<number>> => {
  const { rows } = await sql<{ id: number }>`
    select id from campaigns
    where id = any(${[...ids]}::bigint[]) and account_id = ${accountId}::bigint and deleted_at is null
    order by id for share`.execute(trx);
  return new Set(rows.map(({ id }) => id));
};

interface FamilyRow {
  id: number;
  primary_id: number | null;
  campaign_id: number;
  external_id: string | null;
  phone_number: string;
  status: string;
}

/** The leads that the items name by their external ids; held, with their families, in the order of ids. */
const holdKnown = async ({ trx }: Saving, items: readonly BulkItem[]): Promise<Map<string, KnownLead>> => {
  const named = items.flatMap(({ campaignId, lead: { external_id } }) => (external_id === undefined ? [] : { campaignId, external_id }));
  if (named.length === 0) return new Map();
  const { rows: found } = await sql<{ id: number }>`
    select distinct leads.id
    from json_to_recordset(${JSON.stringify(named)}::json) as r ("campaignId" bigint, external_id text)
    join leads on leads.campaign_id = r."campaignId" and leads.external_id = r.external_id and leads.external_id is not null`.execute(trx);
  if (found.length === 0) return new Map();
  const ids = sql`any(${found.map(({ id }) => id)}::bigint[])`;
  await sql`select from leads where id = ${ids} or primary_id = ${ids} order by id for no key update`.execute(trx);
  // Read again: somebody may have changed them before they were held.
  const { rows } = await sql<FamilyRow>`
    select id, primary_id, campaign_id, external_id, phone_number, status from leads where id = ${ids} or primary_id = ${ids}`.execute(trx);
  const families = Map.groupBy(rows, ({ id, primary_id }) => primary_id ?? id);
  return new Map(
    rows.flatMap((row): [string, KnownLead][] => {
      const key = externalKey(row.campaign_id, row.external_id);
      if (key === undefined) return [];
      const family = families.get(row.id) ?? [];
      const contacts = new Set(family.filter(({ primary_id }) => primary_id !== null).map(({ phone_number }) => phone_number));
      const scheduled = family.some(({ status }) => status === 'scheduled');
      return [[key, { id: row.id, phone_number: row.phone_number, scheduled, contacts }]];
    }),
  );
};

const findNumbers = async (trx: Db, campaignId: number, numbers: readonly string[]): Promise<Map<string, number>> => {
  if (numbers.length === 0) return new Map();
  const { rows } = await sql<{ phone_number: string; id: number }>`
    select phone_number, min(id) as id from leads
    where campaign_id = ${campaignId}::bigint and phone_number = any(${[...numbers]}::text[]) and primary_id is null
    group by phone_number`.execute(trx);
  return new Map(rows.map(({ phone_number, id }) => [phone_number, id]));
};

const insertInto = async ({ trx, now, outcomes }: Saving, target: InsertTarget, items: readonly BulkItem[]): Promise<void> => {
  const inserted = await insertLeads(
    trx,
    target,
    items.map(({ lead }) => lead),
    now,
  );
  const refused: BulkItem[] = [];
  items.forEach((item, at) => {
    const result = inserted[at];
    if (result === undefined || result === 'duplicate') refused.push(item);
    else outcomes.set(item.index, { status: 'created', id: result.id, lead_status: result.status });
  });
  const numbers = refused.map(({ lead }) => lead.phone_number);
  const others = await findNumbers(trx, target.campaignId, numbers);
  for (const { index, lead } of refused) {
    const id = others.get(lead.phone_number);
    // Not for its number: a lead with the external id was moved into the campaign at this moment.
    if (id === undefined && lead.external_id !== undefined) throw RACED;
    outcomes.set(index, id === undefined ? { status: 'duplicate' } : { status: 'duplicate', id });
  }
};

const insertNew = async (saving: Saving, items: readonly BulkItem[]): Promise<void> => {
  const groups = [...Map.groupBy(items, ({ campaignId, allowDuplicate }) => `${campaignId} ${allowDuplicate}`).values()];
  groups.sort(([a], [b]) => (a?.campaignId ?? 0) - (b?.campaignId ?? 0));
  for (const group of groups) {
    const [first] = group;
    if (first === undefined) continue;
    const { campaignId, allowDuplicate } = first;
    await insertInto(saving, { accountId: saving.accountId, campaignId, allowDuplicate }, group);
  }
};

const mergeSome = async ({ trx, now }: Saving, merges: ReadonlyMap<number, Variables[]>): Promise<void> => {
  const ids = [...merges.keys()];
  const rows = await trx.selectFrom('leads').select(['id', 'variables']).where('id', '=', sql<number>`any(${ids}::bigint[])`).execute();
  const merged = rows.map(({ id, variables }) => ({ id, variables: Object.assign({ ...variables }, ...(merges.get(id) ?? [])) }));
  await sql`
    update leads set variables = r.variables, updated_at = ${now}::timestamptz
    from json_to_recordset(${JSON.stringify(merged)}::json) as r (id bigint, variables json)
    where leads.id = r.id`.execute(trx);
  await passTurn(trx, new Map(ids.map((id) => [id, now])));
};

/** What updateLead does where only variables are sent, for many at once. */
const mergeVariables = async (saving: Saving, items: readonly KnownItem[]): Promise<void> => {
  const { trx, now, outcomes } = saving;
  const scheduled = [...new Set(items.filter(({ known }) => known.scheduled).map(({ known }) => known.id))];
  if (scheduled.length > 0) await revokeReserved(trx, { leadIds: scheduled }, 'lead_changed', now);
  const byLead = [...Map.groupBy(items, ({ known }) => known.id)];
  for (let at = 0; at < byLead.length; at += MERGED_AT_ONCE) {
    const some = byLead.slice(at, at + MERGED_AT_ONCE);
    await mergeSome(saving, new Map(some.map(([id, sent]) => [id, sent.map(({ item }) => item.lead.variables)])));
  }
  for (const { item, known } of items) outcomes.set(item.index, { status: 'updated', id: known.id });
};

/** The errors of a contact under the place where it was sent. */
const atContact = (errors: FieldErrors, place: number): FieldErrors =>
  Object.fromEntries(Object.entries(errors).map(([field, messages]) => [`secondary_contacts.${place}.${field}`, messages]));

// Contacts that the lead has stay as they are, and none is taken away.
const addContacts = async ({ trx, accountId, now }: Saving, leadId: number, { lead }: BulkItem): Promise<void> => {
  if (lead.contacts.length === 0) return;
  const rows = await trx.selectFrom('leads').select('phone_number').where('primary_id', '=', leadId).execute();
  const there = new Set(rows.map(({ phone_number }) => phone_number));
  for (const [place, contact] of lead.contacts.entries()) {
    if (there.has(contact.phone_number)) continue;
    await addContact(trx, accountId, leadId, contact, now).catch((error: unknown) => {
      throw error instanceof ValidationError ? new ValidationError(atContact(error.errors, place)) : error;
    });
  }
};

const change = async (saving: Saving, { item, known }: KnownItem): Promise<BulkOutcome> => {
  const { trx, accountId, now } = saving;
  const { phone_number, variables } = item.lead;
  await sql`savepoint bulk_item`.execute(trx);
  try {
    await updateLead(trx, accountId, known.id, { phone_number, variables }, now);
    await addContacts(saving, known.id, item);
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    await sql`rollback to savepoint bulk_item`.execute(trx);
    await sql`release savepoint bulk_item`.execute(trx);
    return { status: 'invalid', id: known.id, errors: error.errors };
  }
  await sql`release savepoint bulk_item`.execute(trx);
  return { status: 'updated', id: known.id };
};

const saveRound = async (saving: Saving, items: readonly BulkItem[]): Promise<BulkItem[]> => {
  const { inserts, merges, changes, later } = planRound(items, await holdKnown(saving, items));
  await insertNew(saving, inserts);
  await mergeVariables(saving, merges);
  const { renumbered, extended, others } = divideChanges(changes);
  await mergeVariables(saving, extended);
  await extendLeads(saving.trx, extended, saving.now);
  const { outcomes, rest } = await renumberLeads(saving.trx, renumbered, saving.now);
  for (const [index, outcome] of outcomes) saving.outcomes.set(index, outcome);
  for (const one of [...rest, ...others]) saving.outcomes.set(one.item.index, await change(saving, one));
  return later;
};

/** What is to be saved. `campaignId` is the one that the request itself names. */
export interface BulkRequest {
  accountId: number;
  campaignId: number | undefined;
  items: readonly BulkItem[];
}

const saveAll = async (trx: Db, { accountId, campaignId, items }: BulkRequest, now: Date): Promise<Outcomes> => {
  const saving: Saving = { trx, accountId, now, outcomes: new Map() };
  await sql`select pg_advisory_xact_lock(${BULK_LOCK}::integer, (${accountId}::bigint % 2147483647)::integer)`.execute(trx);
  await holdBlacklist(trx, accountId);
  const named = items.map((item) => item.campaignId);
  const campaigns = await holdCampaigns(trx, accountId, [...new Set(campaignId === undefined ? named : [campaignId, ...named])]);
  if (campaignId !== undefined && !campaigns.has(campaignId)) throw new DomainError('campaign_not_found');
  for (const item of items) {
    if (campaigns.has(item.campaignId)) continue;
    saving.outcomes.set(item.index, { status: 'invalid', errors: { campaign_id: [UNKNOWN_CAMPAIGN] } });
  }
  let pending = items.filter((item) => campaigns.has(item.campaignId));
  for (let round = 0; round < BATCH_ROUNDS && pending.length > 0; round += 1) pending = await saveRound(saving, pending);
  // One alone never waits for another.
  for (const item of pending) await saveRound(saving, [item]);
  return saving.outcomes;
};

/**
 * Saves leads as if one after the other, all in one transaction. Whoever is in the way by chance has it begin anew.
 * @returns what became of each, by its index.
 * @throws DomainError campaign_not_found for the request's own campaign: then nothing is saved.
 */
export const saveBulk = (db: Db, request: BulkRequest, now: Date): Promise<Outcomes> =>
  inTurn(db, 'bulk', request.accountId, () => transact(db, (trx) => saveAll(trx, request, now)));
