// Moves a database to another server, with everything, and closes the one that it was in.
//
// Nobody may ever be called from both. So the old one is closed, for good and on the disk, before the new one is committed. Whoever
// dies in between leaves a closed database whose data is whole, and an empty one: the same command again goes on from there.
import { appliedMigrations, applyMigrations, refuseUnknown } from '../db/migrate.ts';
import type { Db } from '../db/schema.ts';
import type { SoleConnection } from '../db/sole-connection.ts';
import { checkTables } from './backup.ts';
import type { OnProgress, TableCopy } from './backup-file.ts';
import { analyze } from './load.store.ts';
import { CopyRefusedError, copyStatement, loadTables, prepareEmpty } from './load.ts';
import { closeMoved, listBeatingDialers, listOtherSessions, readToken, reopenMoved, stopMoved, writeToken } from './moved.store.ts';
import { placeOf } from './place.ts';
import { listTables, lockTables, measureTable, readSequences, type TablePlan } from './tables.store.ts';

/** What a move came to. */
export interface MoveSummary {
  /** Where the data is now, without the password. */
  place: string;
  /** The tables as they were and are. Empty where an earlier move had been done, and only its end was missing. */
  tables: TableCopy[];
  /** Campaigns that were stopped in the old database; in the new one they go on. */
  campaignsStopped: number;
}

const refuseUsed = async (trx: Db, companions: readonly number[]): Promise<void> => {
  const dialers = await listBeatingDialers(trx);
  const sessions = await listOtherSessions(trx, companions);
  if (sessions.length > 0) {
    const named = sessions.map(
      ({ pid, application, address }) => `${application || 'unnamed'}, pid ${pid}${address === null ? '' : ` from ${address}`}`,
    );
    throw new CopyRefusedError(
      `The database is in use (${named.join('; ')}): stop every process of Outdial on it, and close other sessions. Nothing was changed.`,
    );
  }
  if (dialers.length > 0) {
    throw new CopyRefusedError(
      `A dialer has shown life within the last minute (${dialers.join(', ')}): stop every process of Outdial, wait a minute and try again. Nothing was changed.`,
    );
  }
};

const readCopies = async (trx: Db, tables: readonly TablePlan[], onProgress: OnProgress): Promise<TableCopy[]> => {
  const copies: TableCopy[] = [];
  for (const [index, table] of tables.entries()) {
    onProgress({ step: 'count', table: table.name, done: index, total: tables.length });
    copies.push(await measureTable(trx, table));
  }
  return copies;
};

/** What a move is given. */
export interface MoveTerms {
  source: SoleConnection;
  target: SoleConnection;
  /** The target's URL. */
  to: string;
  onProgress: OnProgress;
}

// In a transaction of its own on the source, within the one on the target: at its end the source is closed, and the target not yet there.
const copyAndClose = async ({ source, target, to, onProgress }: MoveTerms, dst: Db): Promise<TableCopy[]> => {
  const before = await listTables(source.db);
  return source.db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (src) => {
      await lockTables(src, before, 'share');
      checkTables(before, await listTables(src));
      await refuseUsed(src, source.companions);
      const { names } = await appliedMigrations(source);
      refuseUnknown(names);
      const tables = await prepareEmpty(target, dst, names);
      const copies = await readCopies(src, before, onProgress);
      if (copies.every(({ rows }) => rows === 0)) throw new CopyRefusedError('The database is empty: there is nothing to move.');
      const open = (copy: TableCopy) => source.copyOut(copyStatement(copy, 'to stdout'));
      await loadTables(target, dst, tables, { copies, open, sequences: () => readSequences(src) }, onProgress);
      await applyMigrations(target);
      const token = crypto.randomUUID();
      await writeToken(dst, token);
      await writeToken(src, token);
      await closeMoved(src, before, placeOf(to));
      return copies;
    });
};

// A violated rule, or a transaction that was in another's way: then it is certain that nothing was committed. Of anything else, as a
// shutdown of the server or a broken connection, it is not.
const isRefusal = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && /^(23|40001|40P01)/.test(error.code);

const copyAll = async (terms: MoveTerms): Promise<TableCopy[]> => {
  let closed = false;
  try {
    return await terms.target.db.transaction().execute(async (dst) => {
      const copies = await copyAndClose(terms, dst);
      closed = true;
      return copies;
    });
  } catch (error) {
    if (!closed) throw error;
    if (!isRefusal(error)) {
      throw new CopyRefusedError(
        'The connection to the new database broke at its very end, so it may hold everything or nothing. Run the same command again: it finds out, and goes on.',
      );
    }
    await terms.source.db.transaction().execute(reopenMoved);
    throw error;
  }
};

// A database that has rows need not be the copy: somebody may have started Outdial on it while it was still empty.
const isThere = async ({ source, target }: MoveTerms): Promise<boolean> => {
  const token = await readToken(target.db);
  return token !== undefined && token === (await readToken(source.db));
};

/**
 * Moves everything from `source` to the empty database of `target`, and closes the source. Campaigns go on in the target as they were.
 * @throws CopyRefusedError when the source is in use, the target is not empty, or the copy is not the same.
 */
export const move = async (terms: MoveTerms, now: Date): Promise<MoveSummary> => {
  const { source, target, to } = terms;
  const place = placeOf(to);
  const { movedTo } = await appliedMigrations(source);
  if (movedTo !== undefined && movedTo !== place) {
    throw new CopyRefusedError(`This database was moved to ${movedTo} already: move it from there.`);
  }
  const isDone = movedTo !== undefined && (await isThere(terms));
  const tables = isDone ? [] : await copyAll(terms);
  const campaignsStopped = await source.db.transaction().execute(async (trx) => stopMoved(trx, await listTables(trx), place, now));
  if (!isDone) await analyze(target.db, await listTables(target.db));
  return { place, tables, campaignsStopped };
};
