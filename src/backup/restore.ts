// Restores a backup into an empty database: all of it, or nothing.
import { applyMigrations, knownMigrations } from '../db/migrate.ts';
import type { SoleConnection } from '../db/sole-connection.ts';
import { openBackup } from './backup.reader.ts';
import { type BackupHeader, type OnProgress, refuseNewer } from './backup-file.ts';
import { analyze } from './load.store.ts';
import { loadTables, prepareEmpty } from './load.ts';
import { makeSafe, type RestoredCounts } from './restored.store.ts';
import { listTables } from './tables.store.ts';

/** What a restore came to. */
export interface RestoreSummary {
  header: BackupHeader;
  counts: RestoredCounts;
  /** The migrations that brought the restored tables up to date. */
  migrated: string[];
}

/**
 * Calls and leads that came after the backup had ids that the restored database does not know of. A carrier that still reports such a
 * call, or a system that has kept such a lead's id, must not find another one under it.
 */
export const ID_LEAP: Readonly<Record<string, number>> = { calls: 1_000_000, leads: 1_000_000 };

/**
 * Restores the backup that `source` gives into the empty database of `target`, brings it up to date, and makes sure that nobody is
 * called from it until a person starts a campaign. One transaction: whatever happens, the database is as it was, or whole.
 * @throws BackupFileError, CopyRefusedError
 */
export const restore = async (
  target: SoleConnection,
  source: AsyncIterable<Buffer>,
  now: Date,
  onProgress: OnProgress,
): Promise<RestoreSummary> => {
  const backup = await openBackup(source);
  const { header } = backup;
  refuseNewer(header, knownMigrations());
  const summary = await target.db.transaction().execute(async (trx) => {
    const tables = await prepareEmpty(target, trx, header.migrations);
    const sequences = async () => (await backup.trailer()).sequences;
    await loadTables(target, trx, tables, { copies: header.tables, open: backup.table, sequences, leap: ID_LEAP }, onProgress);
    const migrated = await applyMigrations(target);
    return { header, migrated, counts: await makeSafe(trx, header.taken_at, now) };
  });
  await analyze(target.db, await listTables(target.db));
  return summary;
};
