// Imports as their account sees them: begun, found, listed, and what they have to say of single rows.
import type { Db, ImportRow } from '../db/schema.ts';
import type { Slice } from '../db/slice.ts';
import { inSnapshot } from '../db/snapshot.ts';
import { holdCampaign } from '../leads/leads.store.ts';
import { type Course, type ImportReport, ISSUES_SHOWN, NO_ROWS, type Reject } from './import.ts';

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

/** What an import begins with. */
export interface NewImport {
  accountId: number;
  campaignId: number;
  spool: string;
  bytes: number;
  course: Course;
  dryRun: boolean;
}

/**
 * Begins an import: `running`, without rows, and nobody's yet.
 * @throws DomainError campaign_not_found when the campaign was deleted meanwhile.
 */
export const createImport = (db: Db, { accountId, campaignId, spool, bytes, course, dryRun }: NewImport, now: Date): Promise<ImportRow> =>
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
        spool,
        course: JSON.stringify(course),
        bytes_total: bytes,
        dry_run: dryRun,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
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

/** An import of the account as it was stored, also when its campaign has been deleted meanwhile. */
export const findStoredImport = (db: Db, accountId: number, id: number): Promise<ImportRow | undefined> =>
  db.selectFrom('imports').selectAll().where('account_id', '=', accountId).where('id', '=', id).executeTakeFirst();

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

const REJECTS_AT_ONCE = 1000;

/** The rows that were not added, in the order of the file. */
export const readRejects = async function* (db: Db, importId: number): AsyncGenerator<Reject[], void> {
  for (let line = 0; ; ) {
    const rows = await db
      .selectFrom('import_rejects')
      .select(['line', 'cells', 'error'])
      .where('import_id', '=', importId)
      .where('line', '>', line)
      .orderBy('line')
      .limit(REJECTS_AT_ONCE)
      .execute();
    // Stored by keepRejects alone, in this form.
    if (rows.length > 0) yield rows.map((row) => ({ ...row, cells: row.cells as string[] }));
    if (rows.length < REJECTS_AT_ONCE) return;
    line = rows.at(-1)?.line ?? line;
  }
};
