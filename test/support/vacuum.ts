// Has a test's database in the state in which a server's autovacuum keeps a real one: plans are made for that.
import { sql } from 'kysely';
import type { Db } from '../../src/db/schema.ts';

/** Vacuums and analyzes: everything, or some tables. */
export const vacuum = async (db: Db, ...tables: string[]): Promise<void> => {
  // Vacuum marks only what has reached the disk, and the test server's commits do not wait for that (synchronous_commit off): this
  // one does, and so for all before it.
  await db.transaction().execute(async (trx) => {
    await sql`set local synchronous_commit = on`.execute(trx);
    await sql`select pg_logical_emit_message(true, 'test', 'flush')`.execute(trx);
  });
  await sql`vacuum analyze ${sql.join(tables.map((table) => sql.table(table)))}`.execute(db);
};
