// The tables as the catalogue has them, and what they hold: columns, sequences, counts and checksums. A table that a later migration
// adds is copied without a word here; one that must not be is named below, with the reason.
import { type RawBuilder, sql } from 'kysely';
import { migratedTables } from '../db/migrate.ts';
import type { Db } from '../db/schema.ts';
import type { SequenceState, TableCopy } from './backup-file.ts';

/** Tables that are not copied, and why. */
export const NOT_COPIED: Readonly<Record<string, string>> = {
  schema_migrations: 'the migrations that are run on the other database write it; their names stand in the header',
  dialers: 'the processes that are at work on this database, of which none is at work on the other',
};

/** A table to be copied, with the columns that are not generated. */
export interface TablePlan {
  name: string;
  columns: string[];
}

/** The name of a table or column, quoted. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Names for a statement, with commas between them. */
export const quotedList = (names: readonly string[]): string => names.map(quoted).join(', ');

// Anything that holds rows, but for what extensions bring.
const listAll = async (db: Db): Promise<TablePlan[]> => {
  const { rows } = await sql<TablePlan>`
    select c.relname as name, (
      select json_agg(a.attname order by a.attnum) from pg_attribute a
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    ) as columns
    from pg_class c
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p', 'm', 'f') and not c.relispartition
      and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
    order by c.relname`.execute(db);
  return rows;
};

/** The tables that are copied, by name. Those that somebody else has put beside ours stay where they are. */
export const listTables = async (db: Db): Promise<TablePlan[]> => {
  const ours = migratedTables();
  return (await listAll(db)).filter(({ name }) => ours.has(name) && !Object.hasOwn(NOT_COPIED, name));
};

/** Whether any of the tables has a row. */
export const hasRows = async (db: Db, tables: readonly TablePlan[]): Promise<boolean> => {
  for (const { name } of tables) {
    const { rows } = await sql<{ found: boolean }>`select exists (select from ${sql.table(name)}) as found`.execute(db);
    if (rows[0]?.found === true) return true;
  }
  return false;
};

// The whole row as text, as COPY too would have it. SHA-256, since a server in FIPS mode has no MD5, and one's own hash functions
// are not promised to stay as they are. Summed up, it does not depend on where the rows lie.
const rowHash = (columns: readonly string[]): RawBuilder<unknown> => sql`
  ('x' || encode(substring(sha256(convert_to(row(${sql.join(columns.map((name) => sql.ref(name)))})::text, 'UTF8')) from 1 for 8), 'hex'))::bit(64)::bigint`;

/** Counts a table and sums up its rows' hashes; reads it once. */
export const measureTable = async (db: Db, { name, columns }: TablePlan): Promise<TableCopy> => {
  const { rows } = await sql<{ rows: number; checksum: string }>`
    select count(*) as rows, coalesce(sum(${rowHash(columns)}), 0)::text as checksum from ${sql.table(name)}`.execute(db);
  return { name, columns, rows: rows[0]?.rows ?? 0, checksum: rows[0]?.checksum ?? '0' };
};

interface OwnedSequence {
  table: string;
  column: string;
  sequence: string;
}

/** Where each column's sequence is. */
export const listSequences = async (db: Db): Promise<OwnedSequence[]> => {
  const { rows } = await sql<OwnedSequence>`
    select t.relname as table, a.attname as column, s.relname as sequence
    from pg_class s
    join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = s.oid and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
    join pg_class t on t.oid = d.refobjid
    join pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid
    where s.relkind = 'S' and s.relnamespace = current_schema()::regnamespace
    order by 1, 2`.execute(db);
  return rows;
};

/** What the sequences have come to. They belong to no snapshot: read after the rows they are beyond each of them. */
export const readSequences = async (db: Db): Promise<SequenceState[]> => {
  const states: SequenceState[] = [];
  for (const { table, column, sequence } of await listSequences(db)) {
    const { rows } = await sql<{ last: number | null }>`
      select case when is_called then last_value end as last from ${sql.table(sequence)}`.execute(db);
    states.push({ table, column, last: rows[0]?.last ?? null });
  }
  return states;
};

/** The instant at which the transaction's snapshot was taken, by the database's clock. */
export const readInstant = async (trx: Db): Promise<Date> => {
  const { rows } = await sql<{ now: Date }>`select transaction_timestamp() as now`.execute(trx);
  if (rows[0] === undefined) throw new Error('The database did not tell the time.');
  return rows[0].now;
};

/**
 * Locks the tables for as long as the transaction lasts: `access share` keeps their columns as they are, `share` their rows as well.
 * To be called before anything is read, since a lock takes no snapshot and a query does.
 */
export const lockTables = async (trx: Db, tables: readonly TablePlan[], mode: 'access share' | 'share'): Promise<void> => {
  if (tables.length === 0) return;
  await sql`lock table ${sql.raw(quotedList(tables.map(({ name }) => name)))} in ${sql.raw(mode)} mode`.execute(trx);
};
