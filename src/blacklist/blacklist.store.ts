// The numbers an account must not call. A number is listed once; listing it takes its waiting leads out of the queue.
import { sql } from 'kysely';
import { revokeReserved } from '../calls/revoke.store.ts';
import { inTurn } from '../db/in-turn.ts';
import type { Db, DncNumberRow } from '../db/schema.ts';
import type { Slice } from '../db/slice.ts';
import { inSnapshot } from '../db/snapshot.ts';
import { transact } from '../db/transact.ts';
import { lockFamilies, passTurn } from '../leads/turn.store.ts';
import { blockingSteps, WAITING_STATUSES } from './blacklist.ts';

/** Whether the account has blocked a number (E.164). */
export const isBlacklisted = async (db: Db, accountId: number, number: string): Promise<boolean> => {
  const row = await db
    .selectFrom('dnc_numbers')
    .select('id')
    .where('account_id', '=', accountId)
    .where('phone_number', '=', number)
    .executeTakeFirst();
  return row !== undefined;
};

/**
 * Keeps the blacklist as it is until the transaction ends. Whoever gives a lead its number and status holds it first: else
 * each of two acts at once would look before the other is done, and a blocked number would stay in the queue.
 */
export const holdBlacklist = async (trx: Db, accountId: number): Promise<void> => {
  await trx.selectFrom('accounts').select('id').where('id', '=', accountId).forShare().execute();
};

// However many numbers there are, they are one parameter.
const among = (numbers: readonly string[]) => sql<string>`any(${[...numbers]}::text[])`;

// Waiting rows with those numbers; what is left of a deleted campaign belongs to its purge.
const waiting = (trx: Db, accountId: number, numbers: readonly string[]) =>
  trx
    .selectFrom('leads')
    .where('account_id', '=', accountId)
    .where('phone_number', '=', among(numbers))
    .where('status', 'in', WAITING_STATUSES)
    .where('campaign_id', 'not in', (eb) =>
      eb.selectFrom('campaigns').select('id').where('account_id', '=', accountId).where('deleted_at', 'is not', null),
    );

const blacklistWaiting = async (trx: Db, accountId: number, numbers: readonly string[], now: Date): Promise<void> => {
  const found = waiting(trx, accountId, numbers);
  const rows = await found.select(['id', 'primary_id']).execute();
  if (rows.length === 0) return;
  // Leads with their contacts are locked in the order of their ids everywhere: two acts that meet must not wait in a ring.
  const family = [...new Set(rows.flatMap(({ id, primary_id }) => (primary_id === null ? [id] : [id, primary_id])))];
  const held = (ids: readonly number[]) => sql<number>`any(${[...ids]}::bigint[])`;
  await trx.selectFrom('leads').select('id').where('id', '=', held(family)).orderBy('id').forUpdate().execute();
  const changed = await trx
    .updateTable('leads')
    .set({ status: 'blacklisted', due_at: null, updated_at: now })
    .where('account_id', '=', accountId)
    .where('id', '=', held(rows.map(({ id }) => id)))
    .where('phone_number', '=', among(numbers))
    .where('status', 'in', WAITING_STATUSES)
    .returning('primary_id')
    .execute();
  // A contact's change is a change of its lead.
  const primaries = changed.flatMap(({ primary_id }) => primary_id ?? []);
  if (primaries.length === 0) return;
  await trx.updateTable('leads').set({ updated_at: now }).where('account_id', '=', accountId).where('id', '=', held(primaries)).execute();
  // A blocked contact is passed over.
  await passTurn(trx, new Map(primaries.map((id) => [id, now])));
};

// Primaries that are through with their attempts: their contacts are not called in their place any more.
const endCascades = async (trx: Db, accountId: number, numbers: readonly string[], now: Date): Promise<void> => {
  const rows = await trx
    .selectFrom('leads')
    .select('id')
    .where('account_id', '=', accountId)
    .where('phone_number', '=', among(numbers))
    .where('primary_id', 'is', null)
    .where('status', '=', 'reached-max-retries')
    .execute();
  const primaries = await lockFamilies(
    trx,
    rows.map(({ id }) => id),
  );
  const contacts = await trx
    .selectFrom('leads')
    .select('id')
    .where('primary_id', '=', sql<number>`any(${primaries}::bigint[])`)
    .where('status', '=', 'scheduled')
    .execute();
  await revokeReserved(trx, { leadIds: contacts.map(({ id }) => id) }, 'blacklisted', now);
  await passTurn(trx, new Map(primaries.map((id) => [id, now])));
};

// All leads with those numbers and their families, once and in order, before anything is changed.
const holdFamilies = async (trx: Db, accountId: number, numbers: readonly string[]): Promise<void> => {
  const rows = await trx
    .selectFrom('leads')
    .select('id')
    .where('account_id', '=', accountId)
    .where('phone_number', '=', among(numbers))
    .execute();
  await lockFamilies(
    trx,
    rows.map(({ id }) => id),
  );
};

/** An entry, and whether this act made it. */
export type BlockedNumber = DncNumberRow & { added: boolean };

interface Blocking {
  accountId: number;
  reason: string | null;
  now: Date;
}

// One step, whole for its numbers: when it is committed none of them is called any more, in no campaign.
const blockSome = async (trx: Db, { accountId, reason, now }: Blocking, numbers: readonly string[]): Promise<BlockedNumber[]> => {
  // The counterpart of holdBlacklist.
  await trx.selectFrom('accounts').select('id').where('id', '=', accountId).forNoKeyUpdate().execute();
  // A conflict rewrites the row with itself: that way it comes back, locked, even when it was just committed elsewhere.
  const rows = await trx
    .insertInto('dnc_numbers')
    .values(numbers.map((phone_number) => ({ account_id: accountId, phone_number, reason, created_at: now })))
    .onConflict((conflict) =>
      conflict.columns(['account_id', 'phone_number']).doUpdateSet((eb) => ({ phone_number: eb.ref('excluded.phone_number') })),
    )
    .returningAll()
    // PostgreSQL's mark of a row that was replaced; 0 on one that is new.
    .returning(sql<boolean>`xmax = 0`.as('added'))
    .execute();
  await holdFamilies(trx, accountId, numbers);
  await revokeReserved(trx, { accountId, numbers }, 'blacklisted', now);
  await blacklistWaiting(trx, accountId, numbers, now);
  await endCascades(trx, accountId, numbers, now);
  return rows;
};

// Of each of those numbers that leads have, how many: one number may have a lead in every campaign.
const countLeadsByNumber = async (db: Db, accountId: number, numbers: readonly string[]): Promise<Map<string, number>> => {
  const rows = await db
    .selectFrom('leads')
    .select(['phone_number', (eb) => eb.fn.countAll<number>().as('leads')])
    .where('account_id', '=', accountId)
    .where('phone_number', '=', among(numbers))
    .groupBy('phone_number')
    .execute();
  return new Map(rows.map(({ phone_number, leads }) => [phone_number, leads]));
};

// Between two steps the account's claims, and whoever else waits for its row, get their turn.
const blockInSteps = async (db: Db, blocking: Blocking, numbers: readonly string[]): Promise<BlockedNumber[]> => {
  const leads = await countLeadsByNumber(db, blocking.accountId, numbers);
  const rows: BlockedNumber[] = [];
  for (const step of blockingSteps(numbers, leads)) {
    // A turn for each step, so that one number does not wait for a thousand.
    const block = () => transact(db, (trx) => blockSome(trx, blocking, step));
    rows.push(...(await inTurn(db, 'block', blocking.accountId, block)));
  }
  return rows;
};

/**
 * Blocks numbers (E.164) and blacklists their waiting leads and contacts. A number that is listed already stays as it is, with its
 * first reason. Entries come back in the order of `numbers`.
 *
 * It is done in steps, each a transaction that holds the account's row and the families of a bounded number of leads. A failure or a
 * crash in between leaves some of the numbers blocked, each of them wholly, and the others as they were; whoever asks again gets the
 * rest. In a transaction of the caller's it is one step, since only a whole one locks all leads in the order of their ids.
 */
export const blockNumbers = async (
  db: Db,
  accountId: number,
  numbers: readonly string[],
  reason: string | null,
  now: Date,
): Promise<BlockedNumber[]> => {
  const distinct = [...new Set(numbers)];
  if (distinct.length === 0) return [];
  // Sorted, so that two lists with the same numbers do not wait for each other in a ring.
  const sorted = distinct.toSorted();
  const blocking = { accountId, reason, now };
  const rows = db.isTransaction ? await blockSome(db, blocking, sorted) : await blockInSteps(db, blocking, sorted);
  const byNumber = new Map(rows.map((row) => [row.phone_number, row]));
  return distinct.flatMap((number) => byNumber.get(number) ?? []);
};

/** The numbers of leads and contacts by their ids; ids of other accounts and of deleted campaigns are left out. */
export const numbersOfLeads = async (db: Db, accountId: number, ids: readonly number[]): Promise<Map<number, string>> => {
  if (ids.length === 0) return new Map();
  const rows = await db
    .selectFrom('leads')
    .innerJoin('campaigns', 'campaigns.id', 'leads.campaign_id')
    .select(['leads.id', 'leads.phone_number'])
    .where('leads.account_id', '=', accountId)
    .where('leads.id', 'in', [...ids])
    .where('campaigns.deleted_at', 'is', null)
    .execute();
  return new Map(rows.map((row) => [row.id, row.phone_number]));
};

const filtered = (db: Db, accountId: number, phonePattern: string | undefined) => {
  const query = db.selectFrom('dnc_numbers').where('account_id', '=', accountId);
  return phonePattern === undefined ? query : query.where('phone_number', 'like', phonePattern);
};

/** One page of the blacklist (`phonePattern` is a `like` pattern) by ascending id, and how many entries match in all. */
export const listBlacklist = (
  db: Db,
  accountId: number,
  phonePattern: string | undefined,
  { offset, limit }: Slice,
): Promise<{ entries: DncNumberRow[]; total: number }> =>
  inSnapshot(db, async (trx) => {
    const query = filtered(trx, accountId, phonePattern);
    const { total } = await query.select((eb) => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow();
    if (offset >= total) return { entries: [], total };
    return { entries: await query.selectAll().orderBy('id').offset(offset).limit(limit).execute(), total };
  });

/** Takes a number off the blacklist. Its leads stay `blacklisted`: un-blocking must not start calls by itself. */
export const unblockNumber = async (db: Db, accountId: number, id: number): Promise<boolean> => {
  const deleted = await db.deleteFrom('dnc_numbers').where('account_id', '=', accountId).where('id', '=', id).executeTakeFirst();
  return deleted.numDeletedRows > 0n;
};
