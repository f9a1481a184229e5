// Runs the SQL files of migrations/ that a database has not seen, in order, all in one transaction.
// Two processes that start at once take turns on an advisory lock; the second finds nothing left to do.
import { readdirSync, readFileSync } from 'node:fs';

/** What migrating needs of a connection. Without `values` the text may hold several statements. */
export interface ScriptConnection {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

/** The database was written by a newer Outdial than this one. */
export class NewerDatabaseError extends Error {
  constructor(unknown: readonly string[]) {
    super(
      `This database was written by a newer version of Outdial (it has ${unknown.join(', ')}). ` +
        'Nothing was changed: start that version, or restore a backup from before the upgrade.',
    );
  }
}

const FOLDER = new URL('../../migrations/', import.meta.url);
// Any constant: all processes must name the same one.
const LOCK = 7_246_001;

/** The names of the migrations this version knows, in order. */
export const knownMigrations = (): string[] =>
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.sql'))
    .sort();

/**
 * Brings a database up to date.
 * @returns the names of the migrations that ran now.
 * @throws NewerDatabaseError when it holds a migration that this version does not know; nothing is changed then.
 */
export const migrate = async (connection: ScriptConnection): Promise<string[]> => {
  await connection.query('begin');
  try {
    await connection.query('select pg_advisory_xact_lock($1)', [LOCK]);
    await connection.query(
      'create table if not exists schema_migrations (name text primary key, applied_at timestamptz not null default now())',
    );
    const { rows } = await connection.query('select name from schema_migrations order by name', []);
    const applied = (rows as { name: string }[]).map((row) => row.name);
    const known = knownMigrations();
    const unknown = applied.filter((name) => !known.includes(name));
    if (unknown.length > 0) throw new NewerDatabaseError(unknown);
    const pending = known.filter((name) => !applied.includes(name));
    for (const name of pending) {
      await connection.query('insert into schema_migrations (name) values ($1)', [name]);
      await connection.query(readFileSync(new URL(name, FOLDER), 'utf8'));
    }
    await connection.query('commit');
    return pending;
  } catch (error) {
    await connection.query('rollback');
    throw error;
  }
};
