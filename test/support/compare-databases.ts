// Whether two databases hold the same: every row of every table, read and compared here, and not by the sums that the program makes.
import { sql } from 'kysely';
import { listTables } from '../../src/backup/tables.store.ts';
import type { Db } from '../../src/db/schema.ts';

/** The rows of every table that is copied, as the database writes them, sorted. */
export const readRows = async (db: Db): Promise<Record<string, string[]>> => {
  const all: Record<string, string[]> = {};
  for (const { name } of await listTables(db)) {
    const { rows } = await sql<{ row: string }>`select to_jsonb(t)::text as row from ${sql.table(name)} t`.execute(db);
    all[name] = rows.map(({ row }) => row).sort();
  }
  return all;
};
