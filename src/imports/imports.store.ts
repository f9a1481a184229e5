// Imports, their progress and what they have to say of single rows. A batch of leads and its progress are one transaction.
import type { Db, ImportRow } from '../db/schema.ts';
import type { Slice } from '../db/slice.ts';
import { inSnapshot } from '../db/snapshot.ts';
import { DomainError } from '../errors.ts';
import { holdCampaign, insertLeads } from '../leads/leads.store.ts';
import { addCounts, aliveSince, type ImportReport, INTERRUPTED, ISSUES_SHOWN, type Issue, NO_ROWS } from './import.ts';
import { type BatchOutcome, leadsOf, type ReadRow, settleBatch } from './lead-csv.ts';
import type { ImportEnd } from './run-import.ts';

/** An import that is running, and where its leads go. */
export interface ImportJob {
  id: number;
  accountId: number;
  campaignId: number;
  allowDuplicate: boolean;
}

// Issues of rows count from 1; this place is kept for what ended the import, and so comes first.
const STOP_ORDINAL = 0;

/** The names of the variables that a campaign's assistant has. */
export const listVariableNames = async (db: Db, accountId: number, campaignId: number): Promise<string[]> => {
  const row = await db
    .selectFrom('campaigns')
    .innerJoin('assistants', 'assistants.id', 'campaigns.assistant_id')
    .select('assistants.variables')
    .where('campaigns.id', '=', campaignId)
    .where('campaigns.account_id', '=', accountId)
    .where('assistants.account_id', '=', accountId)
    .executeTakeFirst();
  return Object.keys(row?.variables ?? {});
};

/**
 * Begins an import: `running`, without rows.
 * @throws DomainError campaign_not_found when the campaign was deleted meanwhile.
 */
export const createImport = (db: Db, accountId: number, campaignId: number, now: Date): Promise<ImportRow> =>
  db.transaction().execute(async (trx) => {
    await holdCampaign(trx, accountId, campaignId);
    return trx
      .insertInto('imports')
      .values({
        account_id: accountId,
        campaign_id: campaignId,
        status: 'running',
        counts: JSON.stringify(NO_ROWS),
        created_at: now,
        heartbeat_at: now,
        finished_at: null,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
  });

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

/**
 * Adds the leads of a batch of rows, with the progress of the import: both or neither.
 * @throws DomainError campaign_not_found when the campaign was deleted meanwhile.
 */
export const saveBatch = (db: Db, job: ImportJob, rows: readonly ReadRow[], now: Date): Promise<BatchOutcome> =>
  db.transaction().execute(async (trx) => {
    // Holds the campaign, so that its deletion waits and the import's own row stays.
    const outcome = settleBatch(rows, await insertLeads(trx, job, leadsOf(rows), now));
    const row = await trx
      .selectFrom('imports')
      .select('counts')
      .where('id', '=', job.id)
      .where('account_id', '=', job.accountId)
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined) throw new DomainError('campaign_not_found');
    const before = { ...NO_ROWS, ...row.counts };
    const issues = issuesToKeep(outcome, before.failed + before.duplicates, before.warnings);
    await trx
      .updateTable('imports')
      .set({ counts: JSON.stringify(addCounts(before, outcome.counts)), heartbeat_at: now })
      .where('id', '=', job.id)
      .where('account_id', '=', job.accountId)
      .execute();
    if (issues.length > 0) {
      await trx
        .insertInto('import_issues')
        .values(issues.map((issue) => ({ ...issue, import_id: job.id })))
        .execute();
    }
    return outcome;
  });

/** Ends an import; undefined when it went away with its campaign. */
export const finishImport = (db: Db, accountId: number, id: number, end: ImportEnd, now: Date): Promise<ImportRow | undefined> =>
  db.transaction().execute(async (trx) => {
    const row = await trx
      .updateTable('imports')
      .set({ status: end.status, finished_at: now })
      .where('id', '=', id)
      .where('account_id', '=', accountId)
      .returningAll()
      .executeTakeFirst();
    if (row === undefined) return undefined;
    // Another server that started while this one was silent may have taken the import for an interrupted one.
    await trx.deleteFrom('import_issues').where('import_id', '=', id).where('ordinal', '=', STOP_ORDINAL).execute();
    if (end.stop !== undefined) {
      await trx
        .insertInto('import_issues')
        .values({ ...end.stop, import_id: id, ordinal: STOP_ORDINAL, severity: 'error' })
        .execute();
    }
    return row;
  });

/**
 * Marks imports that a stopped process left `running` as failed, in every account. For the start of a server: it leaves
 * alone what has been silent for a short time only, which may be another server's, or is judged when it is read.
 */
export const failInterruptedImports = (db: Db, now: Date): Promise<void> =>
  db.transaction().execute(async (trx) => {
    const failed = await trx
      .updateTable('imports')
      .set(({ ref }) => ({ status: 'failed', finished_at: ref('heartbeat_at') }))
      .where('status', '=', 'running')
      .where('heartbeat_at', '<', aliveSince(now))
      .returning('id')
      .execute();
    if (failed.length === 0) return;
    await trx
      .insertInto('import_issues')
      .values(failed.map(({ id }) => ({ ...INTERRUPTED, import_id: id, ordinal: STOP_ORDINAL, severity: 'error' as const })))
      .onConflict((conflict) => conflict.columns(['import_id', 'ordinal']).doNothing())
      .execute();
  });

// The imports of a deleted campaign are gone with it, also while they wait to be purged.
const visibleImports = (db: Db, accountId: number) =>
  db
    .selectFrom('imports')
    .innerJoin('campaigns', 'campaigns.id', 'imports.campaign_id')
    .where('imports.account_id', '=', accountId)
    .where('campaigns.deleted_at', 'is', null);

/** An import of the account. */
export const findImport = (db: Db, accountId: number, id: number): Promise<ImportRow | undefined> =>
  visibleImports(db, accountId).selectAll('imports').where('imports.id', '=', id).executeTakeFirst();

/** The account's imports, the newest first, and how many there are. */
export const listImports = (db: Db, accountId: number, { offset, limit }: Slice): Promise<{ imports: ImportRow[]; total: number }> =>
  inSnapshot(db, async (trx) => {
    const query = visibleImports(trx, accountId);
    const { total } = await query.select(({ fn }) => fn.countAll<number>().as('total')).executeTakeFirstOrThrow();
    // A page past the end may be so far past that the database would refuse its offset.
    if (offset >= total) return { imports: [], total };
    return { imports: await query.selectAll('imports').orderBy('imports.id', 'desc').limit(limit).offset(offset).execute(), total };
  });

/** What an import has to say: the first errors and warnings, in the order of the file. */
export const readReport = async (db: Db, importId: number): Promise<ImportReport> => {
  const list = (severity: 'error' | 'warning') =>
    db
      .selectFrom('import_issues')
      .select(['line', 'kind', 'column', 'message'])
      .where('import_id', '=', importId)
      .where('severity', '=', severity)
      .orderBy('ordinal')
      .limit(ISSUES_SHOWN)
      .execute();
  // One after the other: a transaction has one connection.
  return { errors: await list('error'), warnings: await list('warning') };
};
