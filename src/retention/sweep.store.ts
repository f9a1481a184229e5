// Removes what was kept long enough, in steps of at most a thousand rows, each a transaction of its own. A step waits for nobody: rows
// that are locked are left to the next sweep. Two processes may sweep at once, and one may die anywhere.
import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../db/schema.ts';
import type { Cutoffs, RemovedRows } from './retention.ts';

/** Rows that a step removes at most. */
const STEP_ROWS = 1000;

/** How far a walk through a table has come: the time as the database writes it, to the microsecond. */
export interface Cursor {
  at: string;
  id: number;
}

/** Where each walk begins. */
export const BEGINNING: Cursor = { at: '-infinity', id: 0 };

/** What a step has removed, and where the next one begins; without that the walk is over. */
export interface StepResult {
  removed: RemovedRows;
  next: Cursor | undefined;
}

/** One step of a walk through the rows of an account. */
export type Step = (trx: Db, accountId: number, cutoffs: Cutoffs, cursor: Cursor) => Promise<StepResult>;

const among = (ids: readonly number[]) => sql`any(${[...ids]}::bigint[])`;
const idsOf = (rows: readonly { id: number }[]): number[] => rows.map(({ id }) => id);

const nextOf = (rows: readonly Cursor[]): Cursor | undefined => (rows.length < STEP_ROWS ? undefined : rows.at(-1));

const runDelete = async (trx: Db, statement: RawBuilder<unknown>): Promise<number> =>
  Number((await statement.execute(trx)).numAffectedRows ?? 0n);

const candidates = async (trx: Db, query: RawBuilder<Cursor>): Promise<Cursor[]> => (await query.execute(trx)).rows;

const after = (column: string, { at, id }: Cursor) => sql`(${sql.ref(column)}, id) > (${at}::timestamptz, ${id}::bigint)`;

// What hangs on messages and calls goes before them, a step at a time: a cascade would have no bound. Locked rows are left, and then
// what they hang on stays, too.
const deleteDeliveries = (trx: Db, ofMessages: RawBuilder<unknown>): Promise<number> =>
  runDelete(
    trx,
    sql`delete from webhook_deliveries where id in (
      select id from webhook_deliveries where message_id in (${ofMessages}) order by id limit ${STEP_ROWS} for update skip locked
    )`,
  );

const deleteMessages = (trx: Db, which: RawBuilder<unknown>): Promise<number> =>
  runDelete(
    trx,
    sql`delete from webhook_messages m where id in (
      select id from webhook_messages where ${which} order by id limit ${STEP_ROWS} for update skip locked
    ) and not exists (select from webhook_deliveries d where d.message_id = m.id)`,
  );

const deleteReports = (trx: Db, callIds: readonly number[]): Promise<number> =>
  runDelete(
    trx,
    sql`delete from carrier_events where (carrier, dedupe_key) in (
      select carrier, dedupe_key from carrier_events where call_id = ${among(callIds)} limit ${STEP_ROWS} for update skip locked
    )`,
  );

// Of the last attempt nobody knows whether it reached the person: that ends the lead's cascade, so it is known as long as the lead is.
const endsCascade = sql`(outcome = 'lost' and exists (
  select from leads where leads.id = calls.lead_id and leads.last_attempt_no = calls.attempt_no
))`;

// A carrier's clock may be wrong either way: then our own decides.
const isOver = (before: Date) => sql`(state = 'ended' and created_at < ${before} and least(ended_at, updated_at) < ${before})`;

const stepCalls: Step = async (trx, accountId, { long }, cursor) => {
  const found = await candidates(
    trx,
    sql<Cursor>`
      select created_at::text as at, id from calls
      where account_id = ${accountId}::bigint and ${isOver(long)} and ${after('created_at', cursor)} and not ${endsCascade}
      order by calls.created_at, id limit ${STEP_ROWS} for update skip locked`,
  );
  if (found.length === 0) return { removed: {}, next: undefined };
  const ids = idsOf(found);
  const decided = sql`call_id = ${among(ids)} and state <> 'pending'`;
  // The calls wait for another step then: there may be any number of rows to them.
  const webhook_deliveries = await deleteDeliveries(trx, sql`select id from webhook_messages where ${decided}`);
  if (webhook_deliveries > 0) return { removed: { webhook_deliveries }, next: cursor };
  const webhook_messages = await deleteMessages(trx, decided);
  if (webhook_messages > 0) return { removed: { webhook_messages }, next: cursor };
  const carrier_events = await deleteReports(trx, ids);
  if (carrier_events > 0) return { removed: { carrier_events }, next: cursor };
  const calls = await runDelete(
    trx,
    sql`delete from calls where id = ${among(ids)}
      and not exists (select from webhook_messages m where m.call_id = calls.id)
      and not exists (select from carrier_events e where e.call_id = calls.id)`,
  );
  return { removed: { calls }, next: nextOf(found) };
};

const stepMessages =
  (state: 'delivered' | 'failed' | 'cancelled'): Step =>
  async (trx, accountId, { short, long }, cursor) => {
    const cutoff = state === 'delivered' ? short : long;
    const found = await candidates(
      trx,
      sql<Cursor>`
        select updated_at::text as at, id from webhook_messages
        where account_id = ${accountId}::bigint and state = ${sql.lit(state)} and updated_at < ${cutoff} and ${after('updated_at', cursor)}
        order by webhook_messages.updated_at, id limit ${STEP_ROWS} for update skip locked`,
    );
    if (found.length === 0) return { removed: {}, next: undefined };
    const ids = idsOf(found);
    const webhook_deliveries = await deleteDeliveries(trx, sql`select unnest(${ids}::bigint[])`);
    if (webhook_deliveries > 0) return { removed: { webhook_deliveries }, next: cursor };
    const webhook_messages = await deleteMessages(trx, sql`id = ${among(ids)}`);
    return { removed: { webhook_messages }, next: nextOf(found) };
  };

const stepDecisions: Step = async (trx, accountId, { long }, cursor) => {
  const found = await candidates(
    trx,
    sql<Cursor>`
      select decided_at::text as at, id from decisions
      where account_id = ${accountId}::bigint and decided_at < ${long} and last_at < ${long} and ${after('decided_at', cursor)}
      order by decisions.decided_at, id limit ${STEP_ROWS} for update skip locked`,
  );
  const decisions = await runDelete(trx, sql`delete from decisions where id = ${among(idsOf(found))}`);
  return { removed: { decisions }, next: nextOf(found) };
};

const stepChanges: Step = async (trx, accountId, { long }, cursor) => {
  const found = await candidates(
    trx,
    sql<Cursor>`
      select at::text as at, id from changes
      where account_id = ${accountId}::bigint and changes.at < ${long} and ${after('changes.at', cursor)}
      order by changes.at, id limit ${STEP_ROWS} for update skip locked`,
  );
  const changes = await runDelete(trx, sql`delete from changes where id = ${among(idsOf(found))}`);
  return { removed: { changes }, next: nextOf(found) };
};

const stepImports: Step = async (trx, accountId, { long }, cursor) => {
  const found = await candidates(
    trx,
    sql<Cursor>`
      select finished_at::text as at, id from imports
      where account_id = ${accountId}::bigint and finished_at < ${long} and status <> 'running' and ${after('finished_at', cursor)}
      order by imports.finished_at, id limit ${STEP_ROWS} for update skip locked`,
  );
  if (found.length === 0) return { removed: {}, next: undefined };
  const ids = idsOf(found);
  const rowsOf = (table: RawBuilder<unknown>, key: RawBuilder<unknown>) =>
    sql`delete from ${table} where (import_id, ${key}) in (
      select import_id, ${key} from ${table} where import_id = ${among(ids)} limit ${STEP_ROWS} for update skip locked
    )`;
  const import_rejects = await runDelete(trx, rowsOf(sql`import_rejects`, sql`line`));
  if (import_rejects > 0) return { removed: { import_rejects }, next: cursor };
  const import_issues = await runDelete(trx, rowsOf(sql`import_issues`, sql`ordinal`));
  if (import_issues > 0) return { removed: { import_issues }, next: cursor };
  const imports = await runDelete(
    trx,
    sql`delete from imports where id = ${among(ids)}
      and not exists (select from import_rejects r where r.import_id = imports.id)
      and not exists (select from import_issues i where i.import_id = imports.id)`,
  );
  return { removed: { imports }, next: nextOf(found) };
};

/** Primaries whose time may be over, as many as make a step together with their contacts. */
const doneWith = async (trx: Db, accountId: number, before: Date, cursor: Cursor) => {
  const { rows } = await sql<Cursor & { contacts: number }>`
    with done as materialized (
      select updated_at, id from leads
      where account_id = ${accountId}::bigint and primary_id is null and status in ('completed', 'reached-max-retries', 'blacklisted')
        and updated_at < ${before} and ${after('updated_at', cursor)}
      order by updated_at, id limit ${STEP_ROWS}
    )
    select updated_at::text as at, id, contacts.n as contacts
    from done cross join lateral (select count(*) as n from leads c where c.primary_id = done.id) contacts
    order by done.updated_at, id`.execute(trx);
  const taken: Cursor[] = [];
  let size = 0;
  for (const { at, id, contacts } of rows) {
    size += 1 + Number(contacts);
    if (size > STEP_ROWS && taken.length > 0) break;
    taken.push({ at, id });
  }
  return { taken, more: taken.length < rows.length || rows.length === STEP_ROWS };
};

// All members of these families that nobody else holds, locked; and then, in a new statement, of the families that are whole: those that
// are done with. Nobody can add a contact meanwhile, since that would hold the lead.
const holdDone = async (trx: Db, primaries: readonly number[], before: Date): Promise<number[]> => {
  const ofFamilies = sql`(id = ${among(primaries)} or primary_id = ${among(primaries)})`;
  const { rows: held } = await sql<{ id: number }>`
    select id from leads where ${ofFamilies} order by id for update skip locked`.execute(trx);
  const { rows } = await sql<{ id: number }>`
    select coalesce(primary_id, id) as id from leads where ${ofFamilies}
    group by 1
    having bool_and(id = ${among(idsOf(held))})
      and bool_and(updated_at < ${before} and due_at is null and status not in ('scheduled', 'processing'))
      and bool_and(primary_id is not null or status in ('completed', 'reached-max-retries', 'blacklisted'))
      -- Calls go first, and one that goes on keeps its lead. What has ended a cascade goes next.
      and bool_and(not exists (
        select from calls where calls.lead_id = leads.id and not (${isOver(before)} and ${endsCascade})
      ))`.execute(trx);
  return idsOf(rows);
};

const stepLeads: Step = async (trx, accountId, { long }, cursor) => {
  const { taken, more } = await doneWith(trx, accountId, long, cursor);
  if (taken.length === 0) return { removed: {}, next: undefined };
  const primaries = await holdDone(trx, idsOf(taken), long);
  const contacts = await runDelete(trx, sql`delete from leads where primary_id = ${among(primaries)}`);
  const leads = await runDelete(trx, sql`delete from leads where id = ${among(primaries)}`);
  return { removed: { leads: contacts + leads }, next: more ? taken.at(-1) : undefined };
};

/** The walks, in their order: what hangs on something goes before it. */
const WALKS: readonly Step[] = [
  stepMessages('delivered'),
  stepMessages('failed'),
  stepMessages('cancelled'),
  stepCalls,
  stepLeads,
  stepDecisions,
  stepChanges,
  stepImports,
];

/** An account, and how long it keeps its data. */
export interface KeepingAccount {
  id: number;
  retention_months: number;
}

/** All accounts with their settings. */
export const listKeepingAccounts = (db: Db): Promise<KeepingAccount[]> =>
  db.selectFrom('accounts').select(['id', 'retention_months']).orderBy('id').execute();

const inStep = <Result>(db: Db, step: (trx: Db) => Promise<Result>): Promise<Result> =>
  db.transaction().execute(async (trx) => {
    // For what no `skip locked` can pass by; there should be nothing of that kind.
    await sql`set local lock_timeout = '1s'`.execute(trx);
    return step(trx);
  });

/**
 * Removes what an account has kept long enough. `between` runs after each step with what that has removed, and says whether to go on;
 * it may take its time, to let others have their turn.
 */
export const sweepAccount = async (
  db: Db,
  accountId: number,
  cutoffs: Cutoffs,
  between: (removed: RemovedRows) => Promise<boolean>,
): Promise<void> => {
  for (const step of WALKS) {
    let cursor: Cursor | undefined = BEGINNING;
    while (cursor !== undefined) {
      const from: Cursor = cursor;
      const { removed, next }: StepResult = await inStep(db, (trx) => step(trx, accountId, cutoffs, from));
      if (!(await between(removed))) return;
      cursor = next;
    }
  }
};

interface FoundReport {
  carrier: string;
  dedupe_key: string;
  call_id: number;
  account_id: number;
  /** Its call ended before then. */
  over: boolean;
  /** Its call was made later than that. */
  young: boolean;
}

const findReports = async (trx: Db, before: Date, fromCall: number): Promise<FoundReport[]> => {
  const { rows } = await sql<FoundReport>`
    select e.carrier, e.dedupe_key, e.call_id, c.account_id, c.created_at >= ${before} as young,
      c.state = 'ended' and c.created_at < ${before} and least(c.ended_at, c.updated_at) < ${before} as over
    from carrier_events e join calls c on c.id = e.call_id
    where e.call_id >= ${fromCall}::bigint
    order by e.call_id limit ${STEP_ROWS} for update of e skip locked`.execute(trx);
  return rows;
};

// In the order of calls, which is about that of time: what is left of it begins with calls of the last days.
const stepReports = async (trx: Db, before: Date, fromCall: number): Promise<{ over: FoundReport[]; next: number | undefined }> => {
  const found = await findReports(trx, before, fromCall);
  const over = found.filter((report) => report.over);
  await sql`
    delete from carrier_events where (carrier, dedupe_key) in (
      select * from unnest(${over.map(({ carrier }) => carrier)}::text[], ${over.map(({ dedupe_key }) => dedupe_key)}::text[])
    )`.execute(trx);
  const last = found.at(-1);
  const isLast = last === undefined || last.young || found.length < STEP_ROWS || (over.length === 0 && last.call_id === fromCall);
  return { over, next: isLast ? undefined : last.call_id };
};

/**
 * Removes carriers' reports of calls that ended before then, whose ever they are. `between` is as for sweepAccount, and told the accounts
 * of the reports.
 */
export const sweepReports = async (db: Db, before: Date, between: (accountIds: readonly number[]) => Promise<boolean>): Promise<void> => {
  let fromCall: number | undefined = 0;
  while (fromCall !== undefined) {
    const from: number = fromCall;
    const { over, next } = await inStep(db, (trx) => stepReports(trx, before, from));
    if (!(await between(over.map(({ account_id }) => account_id)))) return;
    fromCall = next;
  }
};
