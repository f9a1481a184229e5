// Erases a person by number: every trace in the account but the blacklist entry. First nobody dials it any more, then it goes in steps,
// each a transaction; what dies in between is finished by asking again.
import { type RawBuilder, sql } from 'kysely';
import { revokeReserved, waitUntilSent } from '../calls/revoke.store.ts';
import type { Db } from '../db/schema.ts';
import { transact } from '../db/transact.ts';
import { DomainError } from '../errors.ts';
import { lockFamilies, passTurn } from '../leads/turn.store.ts';
import { eraseTexts } from './erase-texts.store.ts';
import { type ErasedCounts, type ErasedKind, type Erasure, nothingErased } from './erasure.ts';
import { digitsOf } from './mentions.ts';

const CALLS_IN_STEP = 100;
const FAMILIES_IN_STEP = 50;
/** Somebody may add the number again, or call it, while it is being erased. */
const MAX_ROUNDS = 5;

const among = (ids: readonly number[]) => sql`any(${[...ids]}::bigint[])`;
const idsOf = (rows: readonly { id: number }[]): number[] => rows.map(({ id }) => id);

const chunksOf = (ids: readonly number[], size: number): number[][] =>
  Array.from({ length: Math.ceil(ids.length / size) }, (_, index) => ids.slice(index * size, (index + 1) * size));

/** Where the person is met. */
interface Traces {
  /** Leads with that number: the whole family was given for that person. */
  primaries: number[];
  /** Those and their contacts. */
  family: number[];
  /** Contacts with that number of other leads. */
  contacts: { id: number; primaryId: number }[];
  /** Calls to that number, and of those leads and contacts. */
  calls: number[];
  /** Leads that were deleted before, and what is left of them. */
  gone: number[];
}

const selectIds = async (trx: Db, query: RawBuilder<{ id: number }>): Promise<number[]> => idsOf((await query.execute(trx)).rows);

const findLeads = async (trx: Db, { accountId, number }: Erasure): Promise<Pick<Traces, 'primaries' | 'family' | 'contacts'>> => {
  const { rows } = await sql<{ id: number; primary_id: number | null }>`
    select id, primary_id from leads where account_id = ${accountId}::bigint and phone_number = ${number} order by id`.execute(trx);
  const primaries = idsOf(rows.filter(({ primary_id }) => primary_id === null));
  const theirs = await selectIds(trx, sql`select id from leads where primary_id = ${among(primaries)} order by id`);
  const family = new Set([...primaries, ...theirs]);
  const contacts = rows.flatMap(({ id, primary_id }) => (primary_id === null || family.has(id) ? [] : [{ id, primaryId: primary_id }]));
  return { primaries, family: [...family], contacts };
};

const leadIdsOf = ({ family, contacts }: Pick<Traces, 'family' | 'contacts'>): number[] => [...family, ...idsOf(contacts)];

const ofPerson = ({ accountId, number }: Erasure, leadIds: readonly number[]) =>
  sql`((account_id = ${accountId}::bigint and phone_number = ${number}) or lead_id = ${among(leadIds)})`;

const findTraces = async (trx: Db, erasure: Erasure): Promise<Traces> => {
  const leads = await findLeads(trx, erasure);
  const calls = await selectIds(trx, sql`select id from calls where ${ofPerson(erasure, leadIdsOf(leads))} order by id`);
  const named = await selectIds(
    trx,
    sql`select distinct lead_id as id from decisions where call_id = ${among(calls)} and lead_id is not null`,
  );
  // A question of its own: asked together, PostgreSQL may read through all leads there are.
  const there = new Set(await selectIds(trx, sql`select id from leads where id = ${among(named)}`));
  return { ...leads, calls, gone: named.filter((id) => !there.has(id)) };
};

/** A request for such a call may leave at this instant. */
class BeingSentError extends Error {
  readonly callIds: number[];

  constructor(callIds: number[]) {
    super('A call is being sent.');
    this.callIds = callIds;
  }
}

const refuseUnderWay = async (trx: Db, erasure: Erasure, leadIds: readonly number[]): Promise<void> => {
  const { rows } = await sql<{ id: number; state: string }>`
    select id, state from calls where state not in ('reserved', 'ended') and ${ofPerson(erasure, leadIds)}`.execute(trx);
  if (rows.some(({ state }) => state !== 'sending')) throw new DomainError('call_under_way');
  if (rows.length > 0 && erasure.dryRun) throw new DomainError('call_under_way');
  if (rows.length > 0) throw new BeingSentError(idsOf(rows));
};

// Out of everybody's queue: a blocked contact is passed over, and a blocked lead ends its cascade. Claims and make_call wait for the
// account's row; all that they have reserved is seen and taken back, or, if it is being sent, nothing is done yet.
const takeOut = (db: Db, erasure: Erasure, now: Date): Promise<void> =>
  transact(db, async (trx) => {
    await trx.selectFrom('accounts').select('id').where('id', '=', erasure.accountId).forNoKeyUpdate().execute();
    const leads = await findLeads(trx, erasure);
    const leadIds = leadIdsOf(leads);
    const families = await lockFamilies(trx, leadIds);
    await revokeReserved(trx, { accountId: erasure.accountId, numbers: [erasure.number] }, 'erased', now);
    await revokeReserved(trx, { leadIds }, 'erased', now);
    await refuseUnderWay(trx, erasure, leadIds);
    const own = [...leads.primaries, ...idsOf(leads.contacts)];
    await sql`
      update leads set status = 'blacklisted', due_at = null, updated_at = ${now}::timestamptz
      where id = ${among(own)} and status not in ('blacklisted', 'processing')`.execute(trx);
    await passTurn(trx, new Map(families.map((id) => [id, now])));
  });

// Nobody knows of it yet, and nothing was done.
const sayUnderWay = (): never => {
  throw new DomainError('call_under_way');
};

const stopDialing = async (db: Db, erasure: Erasure, now: () => Date): Promise<void> => {
  for (let round = 1; ; round += 1) {
    try {
      await takeOut(db, erasure, now());
      return;
    } catch (error) {
      if (!(error instanceof BeingSentError)) throw error;
      if (round === MAX_ROUNDS) throw new DomainError('call_under_way');
      await waitUntilSent(db, { callIds: error.callIds }).catch(sayUnderWay);
    }
  }
};

/** Removes rows, or only counts them, and adds them to the counts. */
const remover =
  (trx: Db, dryRun: boolean, counts: ErasedCounts) =>
  async (kind: ErasedKind, table: RawBuilder<unknown>, where: RawBuilder<unknown>): Promise<void> => {
    if (dryRun) {
      const { rows } = await sql<{ n: number }>`select count(*) as n from ${table} where ${where}`.execute(trx);
      counts[kind] += Number(rows[0]?.n ?? 0);
      return;
    }
    const { numAffectedRows = 0n } = await sql`delete from ${table} where ${where}`.execute(trx);
    counts[kind] += Number(numAffectedRows);
  };

type Remove = ReturnType<typeof remover>;

// Whose leads or calls could still be dialed or hold a line is left: the check at the end tells of it.
const heldCalls = (trx: Db, callIds: readonly number[]): Promise<number[]> =>
  selectIds(trx, sql`select id from calls where id = ${among(callIds)} and state = 'ended' order by id for update`);

const removeCalls = async (remove: Remove, callIds: readonly number[], leadIds: readonly number[]): Promise<void> => {
  const calls = among(callIds);
  const messages = sql`select id from webhook_messages where call_id = ${calls}`;
  await remove('webhook_deliveries', sql`webhook_deliveries`, sql`message_id in (${messages})`);
  await remove('webhook_messages', sql`webhook_messages`, sql`call_id = ${calls}`);
  await remove('carrier_reports', sql`carrier_events`, sql`call_id = ${calls}`);
  await remove('decisions', sql`decisions`, sql`call_id = ${calls}`);
  await remove('changes', sql`changes`, sql`call_id = ${calls} and lead_id is null`);
  await remove('changes', sql`changes`, sql`call_id = ${calls} and lead_id = ${among(leadIds)}`);
  await remove('calls', sql`calls`, sql`id = ${calls}`);
};

const isOfNone = (callIds: readonly number[]) => sql`(call_id is null or call_id <> all(${[...callIds]}::bigint[]))`;

// What is about a call as well was counted with it.
const removeHistory = async (remove: Remove, leadIds: readonly number[], callIds: readonly number[]): Promise<void> => {
  const only = sql`lead_id = ${among(leadIds)} and ${isOfNone(callIds)}`;
  await remove('decisions', sql`decisions`, only);
  await remove('changes', sql`changes`, only);
};

const removeFamilies = async (trx: Db, remove: Remove, primaries: readonly number[], callIds: readonly number[]): Promise<void> => {
  const family = await selectIds(trx, sql`select id from leads where id = ${among(primaries)} or primary_id = ${among(primaries)}`);
  await removeHistory(remove, family, callIds);
  await remove('contacts', sql`leads`, sql`primary_id = ${among(primaries)}`);
  await remove('leads', sql`leads`, sql`id = ${among(primaries)}`);
};

const removeContacts = async (
  trx: Db,
  remove: Remove,
  contacts: Traces['contacts'],
  callIds: readonly number[],
  { dryRun }: Erasure,
  now: Date,
): Promise<void> => {
  const ids = idsOf(contacts);
  await removeHistory(remove, ids, callIds);
  await remove('contacts', sql`leads`, sql`id = ${among(ids)}`);
  if (dryRun) return;
  const primaries = [...new Set(contacts.map(({ primaryId }) => primaryId))];
  await sql`update leads set updated_at = ${now}::timestamptz where id = ${among(primaries)}`.execute(trx);
  await passTurn(trx, new Map(primaries.map((id) => [id, now])));
};

const NAMES_NO_LEAD = sql`lead_id is null and campaign_id is null`;

/** Removes one set of traces, a transaction for each step. */
const removeTraces = async (db: Db, erasure: Erasure, traces: Traces, counts: ErasedCounts, now: () => Date): Promise<void> => {
  const { accountId, number, dryRun } = erasure;
  const step = (act: (trx: Db, remove: Remove) => Promise<void>): Promise<void> =>
    db.transaction().execute((trx) => act(trx, remover(trx, dryRun, counts)));
  const { calls, primaries, contacts, gone } = traces;
  const leadIds = [...leadIdsOf(traces), ...gone];
  for (const chunk of chunksOf(calls, CALLS_IN_STEP)) {
    await step(async (trx, remove) => removeCalls(remove, dryRun ? chunk : await heldCalls(trx, chunk), leadIds));
  }
  for (const chunk of chunksOf(primaries, FAMILIES_IN_STEP)) {
    await step(async (trx, remove) => {
      if (!dryRun) await lockFamilies(trx, chunk);
      await removeFamilies(trx, remove, chunk, calls);
    });
  }
  for (const ids of chunksOf(idsOf(contacts), FAMILIES_IN_STEP)) {
    await step(async (trx, remove) => {
      if (!dryRun) await lockFamilies(trx, ids);
      const chunk = contacts.filter(({ id }) => ids.includes(id));
      await removeContacts(trx, remove, chunk, calls, erasure, now());
    });
  }
  for (const ids of chunksOf(gone, FAMILIES_IN_STEP)) await step((_, remove) => removeHistory(remove, ids, calls));
  await step((_, remove) =>
    remove(
      'decisions',
      sql`decisions`,
      sql`account_id = ${accountId}::bigint and ${NAMES_NO_LEAD} and facts ->> 'phone_number' = ${number}
        and ${isOfNone(calls)}`,
    ),
  );
};

const isEmpty = ({ primaries, contacts, calls }: Traces): boolean => primaries.length + contacts.length + calls.length === 0;

/**
 * Erases every trace of a number but its blacklist entry, or counts it. For outside of transactions: it takes its time where there is
 * much, and locks little at once.
 * @throws DomainError call_under_way when such a call goes on: then nothing was erased, but where it began while this ran.
 */
export const eraseNumber = async (db: Db, erasure: Erasure, now: () => Date): Promise<ErasedCounts> => {
  const counts = nothingErased();
  const digits = digitsOf(erasure.number);
  if (erasure.dryRun) {
    const traces = await findTraces(db, erasure);
    await refuseUnderWay(db, erasure, leadIdsOf(traces));
    await removeTraces(db, erasure, traces, counts, now);
    await eraseTexts(db, erasure, digits, counts);
    return counts;
  }
  for (let round = 1; ; round += 1) {
    await stopDialing(db, erasure, now);
    await removeTraces(db, erasure, await findTraces(db, erasure), counts, now);
    if (isEmpty(await findTraces(db, erasure))) break;
    if (round === MAX_ROUNDS) throw new DomainError('call_under_way');
  }
  await eraseTexts(db, erasure, digits, counts);
  return counts;
};
