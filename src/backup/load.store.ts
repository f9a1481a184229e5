// Makes tables ready to be filled by COPY, and whole again afterwards, in one transaction. Indexes and references are made at the end:
// filling a table through all of its indexes takes several times as long. Only the owner of the tables can do it; no superuser is needed.
import { sql } from 'kysely';
import type { Db } from '../db/schema.ts';
import type { SequenceState } from './backup-file.ts';
import { listSequences, quoted, quotedList, type TablePlan } from './tables.store.ts';

/** What was taken off: the statements that bring it back. */
export interface TakenOff {
  tables: readonly TablePlan[];
  indexes: { name: string; statement: string }[];
  references: { name: string; statement: string }[];
}

const inSchema = (column: string) => sql`${sql.ref(column)} = current_schema()::regnamespace`;

const run = (trx: Db, statement: string) => sql.raw(statement).execute(trx);

// Those of primary and unique keys stay: references rest on them, and they grow in the order of ids.
const listIndexes = async (trx: Db, names: readonly string[]) => {
  const { rows } = await sql<{ name: string; statement: string }>`
    select i.relname as name, pg_get_indexdef(i.oid) as statement
    from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
    where ${inSchema('t.relnamespace')} and t.relname = any(${[...names]}::text[])
      and not exists (select from pg_constraint k where k.conindid = i.oid)
    order by t.relname, i.relname`.execute(trx);
  return rows;
};

const listReferences = async (trx: Db, names: readonly string[]) => {
  const { rows } = await sql<{ table: string; name: string; definition: string }>`
    select t.relname as table, k.conname as name, pg_get_constraintdef(k.oid) as definition
    from pg_constraint k join pg_class t on t.oid = k.conrelid
    where ${inSchema('t.relnamespace')} and k.contype = 'f' and t.relname = any(${[...names]}::text[])
    order by 1, 2`.execute(trx);
  return rows;
};

/** Takes indexes and references off, and keeps our triggers from running: what they would write is copied as well. */
export const takeOff = async (trx: Db, tables: readonly TablePlan[]): Promise<TakenOff> => {
  const names = tables.map(({ name }) => name);
  // Building an index in memory is several times as fast. For this transaction alone.
  await run(trx, "set local maintenance_work_mem = '128MB'");
  const references = await listReferences(trx, names);
  for (const { table, name } of references) await run(trx, `alter table ${quoted(table)} drop constraint ${quoted(name)}`);
  const indexes = await listIndexes(trx, names);
  if (indexes.length > 0) await run(trx, `drop index ${quotedList(indexes.map(({ name }) => name))}`);
  for (const name of names) await run(trx, `alter table ${quoted(name)} disable trigger user`);
  return {
    tables,
    indexes,
    references: references.map(({ table, name, definition }) => ({
      name,
      statement: `alter table ${quoted(table)} add constraint ${quoted(name)} ${definition}`,
    })),
  };
};

/** Makes one of what was taken off again. @throws the database's error when a row is not as it has to be. */
export const putBack = async (trx: Db, { statement }: { statement: string }): Promise<void> => {
  await run(trx, statement);
};

/** Lets the triggers run again. */
export const enableTriggers = async (trx: Db, { tables }: TakenOff): Promise<void> => {
  for (const { name } of tables) await run(trx, `alter table ${quoted(name)} enable trigger user`);
};

/**
 * Has every sequence go on beyond the source's, and beyond what is in its column. `leap`: by so many ids more, by table.
 * A restart is undone with its transaction, unlike setval.
 */
export const restartSequences = async (
  trx: Db,
  states: readonly SequenceState[],
  leap: Readonly<Record<string, number>> = {},
): Promise<void> => {
  for (const { table, column, sequence } of await listSequences(trx)) {
    const given = states.find((state) => state.table === table && state.column === column)?.last ?? 0;
    const { rows } = await sql<{ highest: number }>`
      select coalesce(max(${sql.ref(column)}), 0) as highest from ${sql.table(table)}`.execute(trx);
    const last = Math.max(given, rows[0]?.highest ?? 0);
    if (last > 0) await run(trx, `alter sequence ${quoted(sequence)} restart with ${last + 1 + (leap[table] ?? 0)}`);
  }
};

/** Has the planner know what has come. */
export const analyze = async (db: Db, tables: readonly TablePlan[]): Promise<void> => {
  if (tables.length > 0) await run(db, `analyze ${quotedList(tables.map(({ name }) => name))}`);
};
