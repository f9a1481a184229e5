// Fills the tables of an empty database from streams, and checks that it then holds what the source held.
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { appliedMigrations, applyMigrations, refuseUnknown } from '../db/migrate.ts';
import type { Db } from '../db/schema.ts';
import type { SoleConnection } from '../db/sole-connection.ts';
import type { OnProgress, SequenceState, TableCopy } from './backup-file.ts';
import { enableTriggers, putBack, restartSequences, takeOff } from './load.store.ts';
import { hasRows, listTables, measureTable, quoted, quotedList, type TablePlan } from './tables.store.ts';

/** The database cannot take a copy, or is not what the copy needs. */
export class CopyRefusedError extends Error {}

const NEWLINE = 10;

/** The statement that COPY's rows come from, or go to. */
export const copyStatement = ({ name, columns }: TablePlan, way: 'to stdout' | 'from stdin'): string =>
  `copy ${quoted(name)} (${quotedList(columns)}) ${way}`;

/** Passes rows on and tells how many have passed, a few times a second. A row is a line: line breaks within are written otherwise. */
export const createRowCounter = (table: string, total: number, onProgress: OnProgress): Transform => {
  let done = 0;
  let told = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, pass) {
      for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) done += 1;
      if (done - told >= 10_000) {
        told = done;
        onProgress({ step: 'copy', table, done, total });
      }
      pass(null, chunk);
    },
  });
};

/**
 * Gives an empty database the tables as they were in the source, within the transaction that the caller has begun on it.
 * @returns the tables. @throws CopyRefusedError when it is not empty, or its tables are of another version.
 */
export const prepareEmpty = async (target: SoleConnection, trx: Db, migrations: readonly string[]): Promise<TablePlan[]> => {
  const { names, movedTo } = await appliedMigrations(target);
  if (names.length > 0) {
    refuseUnknown(names);
    if (movedTo !== undefined || (await hasRows(trx, await listTables(trx)))) {
      throw new CopyRefusedError(
        'The database is not empty: only an empty one is filled, so that nothing in it is lost. Nothing was changed.',
      );
    }
    if (names.length !== migrations.length || names.some((name) => !migrations.includes(name))) {
      throw new CopyRefusedError(
        'The database is empty, but its tables are of another version than the copy: give a new one, without tables. Nothing was changed.',
      );
    }
  }
  await applyMigrations(target, migrations);
  return listTables(trx);
};

// What the source has and the target has not would be lost without a word.
const checkColumns = (copies: readonly TableCopy[], tables: readonly TablePlan[]): void => {
  const describe = (all: readonly TablePlan[]): string[] =>
    all.map(({ name, columns }) => `${name}(${[...columns].sort().join(',')})`).sort();
  const [theirs, ours] = [describe(copies), describe(tables)];
  const odd = [...theirs.filter((one) => !ours.includes(one)), ...ours.filter((one) => !theirs.includes(one))];
  if (odd.length === 0) return;
  const names = [...new Set(odd.map((one) => one.replace(/\(.*/, '')))];
  throw new CopyRefusedError(`The tables are not those that the migrations make (${names.join(', ')}): this copy cannot be loaded.`);
};

/** What loadTables is given. */
export interface LoadSource {
  copies: readonly TableCopy[];
  /** The rows of one table; asked for in the order of `copies`. */
  open(copy: TableCopy): Readable;
  /** Read after the last row. */
  sequences(): Promise<SequenceState[]>;
  /** See restartSequences. */
  leap?: Readonly<Record<string, number>>;
}

const compare = async (trx: Db, copies: readonly TableCopy[], onProgress: OnProgress): Promise<void> => {
  const odd: string[] = [];
  for (const [index, copy] of copies.entries()) {
    onProgress({ step: 'check', table: copy.name, done: index, total: copies.length });
    const { rows, checksum } = await measureTable(trx, copy);
    if (rows !== copy.rows || checksum !== copy.checksum) odd.push(`${copy.name} (${rows} rows, ${copy.rows} expected)`);
  }
  if (odd.length > 0) throw new CopyRefusedError(`The copy is not the same as its source: ${odd.join(', ')}. Nothing was kept of it.`);
};

/**
 * Fills the tables and makes them whole, in the transaction of `trx` on `target`.
 * @throws CopyRefusedError when the rows that arrived are not those of the source.
 */
export const loadTables = async (
  target: SoleConnection,
  trx: Db,
  tables: readonly TablePlan[],
  source: LoadSource,
  onProgress: OnProgress,
): Promise<void> => {
  checkColumns(source.copies, tables);
  const off = await takeOff(trx, tables);
  for (const copy of source.copies) {
    onProgress({ step: 'copy', table: copy.name, done: 0, total: copy.rows });
    await pipeline(source.open(copy), createRowCounter(copy.name, copy.rows, onProgress), target.copyIn(copyStatement(copy, 'from stdin')));
  }
  const sequences = await source.sequences();
  await restartSequences(trx, sequences, source.leap);
  const toMake = [...off.indexes, ...off.references];
  for (const [index, one] of toMake.entries()) {
    onProgress({ step: 'index', table: one.name, done: index, total: toMake.length });
    await putBack(trx, one);
  }
  await enableTriggers(trx, off);
  await compare(trx, source.copies, onProgress);
};
