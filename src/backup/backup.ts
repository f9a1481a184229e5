// Takes a backup: every table in one snapshot, while everybody goes on with their work.
import { appliedMigrations, refuseUnknown } from '../db/migrate.ts';
import type { SoleConnection } from '../db/sole-connection.ts';
import { createBackupWriter, type Sink } from './backup.writer.ts';
import type { BackupHeader, OnProgress, TableCopy } from './backup-file.ts';
import { CopyRefusedError, copyStatement, createRowCounter } from './load.ts';
import { listTables, lockTables, measureTable, readInstant, readSequences, type TablePlan } from './tables.store.ts';

/** What a backup came to. */
export interface BackupSummary {
  header: BackupHeader;
  bytes: number;
}

/** Refuses a database without tables, and one whose tables were changed while we waited for them. */
export const checkTables = (before: readonly TablePlan[], locked: readonly TablePlan[]): void => {
  if (before.length === 0) throw new CopyRefusedError('There is no Outdial in this database: nothing to copy.');
  if (JSON.stringify(before) !== JSON.stringify(locked)) {
    throw new CopyRefusedError('The tables were being brought up to date at this moment: try again.');
  }
};

/**
 * Writes a backup of the whole database to `sink`. `outdial` is the version that writes.
 * @throws CopyRefusedError where there is nothing to back up, NewerDatabaseError where a newer version has written it; what the sink throws.
 */
export const backUp = async (source: SoleConnection, sink: Sink, outdial: string, onProgress: OnProgress): Promise<BackupSummary> => {
  const tables = await listTables(source.db);
  return source.db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (trx) => {
      await lockTables(trx, tables, 'access share');
      checkTables(tables, await listTables(trx));
      const { names: migrations } = await appliedMigrations(source);
      // Of tables that we do not know we would leave something out.
      refuseUnknown(migrations);
      const copies: TableCopy[] = [];
      for (const [index, table] of tables.entries()) {
        onProgress({ step: 'count', table: table.name, done: index, total: tables.length });
        copies.push(await measureTable(trx, table));
      }
      const header: BackupHeader = {
        outdial,
        taken_at: (await readInstant(trx)).toISOString(),
        migrations,
        compression: 'zstd',
        tables: copies,
      };
      const writer = createBackupWriter(sink);
      await writer.header(header);
      for (const copy of copies) {
        onProgress({ step: 'copy', table: copy.name, done: 0, total: copy.rows });
        await writer.table(source.copyOut(copyStatement(copy, 'to stdout')), createRowCounter(copy.name, copy.rows, onProgress));
      }
      await writer.trailer({ sequences: await readSequences(trx) });
      return { header, bytes: writer.bytes() };
    });
};
