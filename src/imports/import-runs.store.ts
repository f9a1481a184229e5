// Who runs an import, and what it does: a lease, batches of leads each in one transaction with the import's progress, and its end.
import { type RawBuilder, sql } from 'kysely';
import type { Db, ImportRow } from '../db/schema.ts';
import { transact } from '../db/transact.ts';
import { DomainError } from '../errors.ts';
import { holdCampaign, insertLeads } from '../leads/leads.store.ts';
import {
  addCounts,
  GIVE_UP_MS,
  type ImportReport,
  INTERRUPTED,
  ISSUES_SHOWN,
  type Issue,
  LEASE_MS,
  NO_ROWS,
  type Reject,
} from './import.ts';
import { type BatchOutcome, type InsertResult, leadsOf, type ReadRow, settleBatch } from './lead-csv.ts';
import { type FinalEnd, LostImportError } from './run-import.ts';

/** An import that is running, who runs it, and where its leads go. */
export interface ImportJob {
  id: number;
  accountId: number;
  campaignId: number;
  allowDuplicate: boolean;
  runner: string;
}

/** How far the reading is. */
export interface Progress {
  bytesRead: number;
  rowsPerSecond: number | null;
}

// Issues of rows count from 1; this place is kept for what ended the import, and so comes first.
const STOP_ORDINAL = 0;

const silentSince = (now: Date): Date => new Date(now.getTime() - LEASE_MS);

// That have a file to go on with, and nobody who shows life.
const waiting = (now: Date) =>
  sql<boolean>`status = 'running' and spool is not null and (runner is null or heartbeat_at < ${silentSince(now)})`;

/** Files of imports that nobody runs at this time. */
export const listWaitingImports = (db: Db, now: Date): Promise<{ id: number; spool: string | null }[]> =>
  db.selectFrom('imports').select(['id', 'spool']).where(waiting(now)).orderBy('id').execute();

/** Of these files, the ones that no running import needs. */
export const findForgottenFiles = async (db: Db, names: readonly string[]): Promise<string[]> => {
  if (names.length === 0) return [];
  const needed = await db
    .selectFrom('imports')
    .select('spool')
    .where('spool', 'in', [...names])
    .where('status', '=', 'running')
    .execute();
  const kept = new Set(needed.map(({ spool }) => spool));
  return names.filter((name) => !kept.has(name));
};

// What somebody else holds is passed over, here and below: one import that is stuck must not keep the others waiting.
const unlocked = (db: Db, which: RawBuilder<boolean>) => db.selectFrom('imports').select('id').where(which).forUpdate().skipLocked();

/** Makes an import the runner's; undefined where it has ended, another runs it, or somebody holds it now. A dry run begins anew: what it knows of its rows is in memory. */
export const claimImport = (db: Db, id: number, runner: string, now: Date): Promise<ImportRow | undefined> =>
  db.transaction().execute(async (trx) => {
    const row = await trx
      .updateTable('imports')
      .set({ runner, heartbeat_at: now })
      .where('id', 'in', unlocked(trx, sql`id = ${id}::bigint and ${waiting(now)}`))
      .returningAll()
      .executeTakeFirst();
    if (row?.dry_run !== true) return row;
    await trx.deleteFrom('import_issues').where('import_id', '=', id).execute();
    await trx.deleteFrom('import_rejects').where('import_id', '=', id).execute();
    return trx
      .updateTable('imports')
      .set({ counts: JSON.stringify(NO_ROWS), bytes_read: 0 })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow();
  });

/** A sign of life. A batch that is being saved holds the import, and is one itself. */
export const beatImport = async (db: Db, id: number, runner: string, now: Date): Promise<void> => {
  const own = unlocked(db, sql`id = ${id}::bigint and runner = ${runner}`);
  await db.updateTable('imports').set({ heartbeat_at: now }).where('id', 'in', own).execute();
};

/** Leaves an import to whoever comes next. */
export const releaseImport = async (db: Db, id: number, runner: string): Promise<void> => {
  await db.updateTable('imports').set({ runner: null }).where('id', '=', id).where('runner', '=', runner).execute();
};

interface NumberedIssue extends Issue {
  severity: 'error' | 'warning';
  ordinal: number;
}

// The first of each severity are kept, in the order of their lines.
const issuesToKeep = ({ errors, warnings }: ImportReport, errorsBefore: number, warningsBefore: number): NumberedIssue[] =>
  [
    ...errors.slice(0, Math.max(0, ISSUES_SHOWN - errorsBefore)).map((issue) => ({ ...issue, severity: 'error' as const })),
    ...warnings.slice(0, Math.max(0, ISSUES_SHOWN - warningsBefore)).map((issue) => ({ ...issue, severity: 'warning' as const })),
  ]
    .sort((a, b) => a.line - b.line)
    .map((issue, index) => ({ ...issue, ordinal: errorsBefore + warningsBefore + index + 1 }));

// A lost character is one that the database cannot hold.
const storable = (text: string): string => text.replaceAll('\0', '\uFFFD').toWellFormed();

const keepRejects = async (trx: Db, importId: number, rejects: readonly Reject[]): Promise<void> => {
  if (rejects.length === 0) return;
  const rows = rejects.map(({ line, cells, error }) => ({ line, cells: cells.map(storable), error }));
  await sql`
    insert into import_rejects (import_id, line, cells, error)
    select ${importId}::bigint, r.line, r.cells, r.error
    from json_to_recordset(${JSON.stringify(rows)}::json) as r (line integer, cells json, error text)
    on conflict do nothing`.execute(trx);
};

// The row is locked to the end of the transaction, so that a runner that was taken for dead adds nothing any more.
const record = async (trx: Db, job: ImportJob, outcome: BatchOutcome, progress: Progress, now: Date): Promise<void> => {
  const row = await trx
    .selectFrom('imports')
    .select(['counts', 'runner', 'status'])
    .where('id', '=', job.id)
    .where('account_id', '=', job.accountId)
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined) throw new DomainError('campaign_not_found');
  if (row.runner !== job.runner || row.status !== 'running') throw new LostImportError();
  const before = { ...NO_ROWS, ...row.counts };
  const issues = issuesToKeep(outcome, before.failed + before.duplicates, before.warnings);
  await trx
    .updateTable('imports')
    .set({
      counts: JSON.stringify(addCounts(before, outcome.counts)),
      heartbeat_at: now,
      bytes_read: progress.bytesRead,
      rows_per_second: progress.rowsPerSecond,
    })
    .where('id', '=', job.id)
    .execute();
  if (issues.length > 0) {
    await trx
      .insertInto('import_issues')
      .values(issues.map((issue) => ({ ...issue, import_id: job.id })))
      .execute();
  }
  await keepRejects(trx, job.id, outcome.rejects);
};

/**
 * Adds the leads of a batch of rows, with the progress of the import: both or neither.
 * @throws DomainError campaign_not_found when the campaign was deleted meanwhile; LostImportError when another runs the import.
 */
export const saveBatch = (db: Db, job: ImportJob, rows: readonly ReadRow[], progress: Progress, now: Date): Promise<void> =>
  transact(db, async (trx) => {
    // Holds the campaign, so that its deletion waits and the import's own row stays.
    const outcome = settleBatch(rows, await insertLeads(trx, job, leadsOf(rows), now));
    await record(trx, job, outcome, progress, now);
  });

/** Numbers that an earlier row of a dry run had: digits, since a set of texts would take several times the memory. */
export type SeenNumbers = Set<number>;

const foresee = async (trx: Db, job: ImportJob, numbers: readonly string[], seen: SeenNumbers): Promise<InsertResult[]> => {
  const { rows } = await sql<{ taken: boolean; blocked: boolean }>`
    select exists (
        select from leads l where l.campaign_id = ${job.campaignId}::bigint and l.phone_number = n.number and l.primary_id is null
      ) as taken,
      exists (select from dnc_numbers d where d.account_id = ${job.accountId}::bigint and d.phone_number = n.number) as blocked
    from unnest(${[...numbers]}::text[]) with ordinality as n (number, place) order by n.place`.execute(trx);
  return numbers.map((number, index) => {
    const digits = Number(number.slice(1));
    const repeated = rows[index]?.taken === true || seen.has(digits);
    seen.add(digits);
    if (repeated && !job.allowDuplicate) return 'duplicate';
    return { status: rows[index]?.blocked === true ? 'blacklisted' : 'created' };
  });
};

/** Says what saveBatch would say, and adds nothing. @throws as saveBatch does. */
export const foreseeBatch = (
  db: Db,
  job: ImportJob,
  rows: readonly ReadRow[],
  seen: SeenNumbers,
  progress: Progress,
  now: Date,
): Promise<void> =>
  db.transaction().execute(async (trx) => {
    await holdCampaign(trx, job.accountId, job.campaignId);
    const numbers = leadsOf(rows).map(({ phone_number }) => phone_number);
    const outcome = settleBatch(rows, await foresee(trx, job, numbers, seen));
    await record(trx, job, outcome, progress, now);
  });

/** Ends an import. Nothing happens where another runs it, or it went away with its campaign. */
export const finishImport = (db: Db, { id, runner }: Pick<ImportJob, 'id' | 'runner'>, end: FinalEnd, now: Date): Promise<void> =>
  db.transaction().execute(async (trx) => {
    const row = await trx
      .updateTable('imports')
      .set({ status: end.status, finished_at: now, heartbeat_at: now, runner: null, spool: null })
      .where('id', '=', id)
      .where('runner', '=', runner)
      .returning('id')
      .executeTakeFirst();
    if (row === undefined || end.status === 'completed' || end.stop === undefined) return;
    await trx
      .insertInto('import_issues')
      .values({ ...end.stop, import_id: id, ordinal: STOP_ORDINAL, severity: 'error' })
      .execute();
  });

const interrupted = (now: Date) =>
  sql<boolean>`status = 'running' and (
    (spool is null and heartbeat_at < ${silentSince(now)}) or heartbeat_at < ${new Date(now.getTime() - GIVE_UP_MS)}
  )`;

// Those that another transaction has in hand are left alone.
const failRunning = async (trx: Db, which: RawBuilder<boolean>): Promise<number> => {
  const failed = await trx
    .updateTable('imports')
    .set(({ ref }) => ({ status: 'failed', finished_at: ref('heartbeat_at'), spool: null, runner: null }))
    .where('id', 'in', unlocked(trx, which))
    .returning('id')
    .execute();
  if (failed.length === 0) return 0;
  await trx
    .insertInto('import_issues')
    .values(failed.map(({ id }) => ({ ...INTERRUPTED, import_id: id, ordinal: STOP_ORDINAL, severity: 'error' as const })))
    .onConflict((conflict) => conflict.columns(['import_id', 'ordinal']).doNothing())
    .execute();
  return failed.length;
};

/** Marks imports with which nobody can go on as failed, in every account: those without a file, and those whose server is long gone. */
export const failInterruptedImports = (db: Db, now: Date): Promise<void> =>
  db.transaction().execute(async (trx) => {
    await failRunning(trx, interrupted(now));
  });

/** Marks every running import as failed: none of their files is at hand. @returns how many they were. */
export const failRunningImports = (trx: Db): Promise<number> => failRunning(trx, sql<boolean>`status = 'running'`);
