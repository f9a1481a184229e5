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

/** The data of this database goes on elsewhere; see src/backup/move.ts. */
export class MovedDatabaseError extends Error {
  constructor(place: string) {
    super(
      `This database was moved to ${place} and is closed: nobody is called from here any more. ` +
        'Set DATABASE_URL to that server, with its password.',
    );
  }
}

/**
 * What a row of `schema_migrations` begins with that says where the data has gone. It stands there because every version of Outdial
 * refuses a database that has a migration which it does not know.
 */
export const MOVED_TO = 'moved to ';

const FOLDER = new URL('../../migrations/', import.meta.url);
// Any constant: all processes must name the same one.
const LOCK = 7_246_001;

/** The names of the migrations this version knows, in order. */
export const knownMigrations = (): string[] =>
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.sql'))
    .sort();

/** The migrations that a database has seen, in order, and where its data has gone if it was moved. None where there is no Outdial yet. */
export const appliedMigrations = async (connection: ScriptConnection): Promise<{ names: string[]; movedTo: string | undefined }> => {
  const found = await connection.query("select to_regclass('schema_migrations') is not null as found", []);
  if ((found.rows[0] as { found: boolean } | undefined)?.found !== true) return { names: [], movedTo: undefined };
  const { rows } = await connection.query('select name from schema_migrations order by name', []);
  const all = (rows as { name: string }[]).map(({ name }) => name);
  return {
    names: all.filter((name) => !name.startsWith(MOVED_TO)),
    movedTo: all.find((name) => name.startsWith(MOVED_TO))?.slice(MOVED_TO.length),
  };
};

/**
 * Runs those of the `wanted` migrations that a database has not seen, within the transaction that the caller has begun.
 * @returns the names of those that ran now.
 * @throws NewerDatabaseError when it holds a migration that this version does not know, MovedDatabaseError when its data is elsewhere.
 */
export const applyMigrations = async (connection: ScriptConnection, wanted: readonly string[] = knownMigrations()): Promise<string[]> => {
  await connection.query('select pg_advisory_xact_lock($1)', [LOCK]);
  await connection.query(
    'create table if not exists schema_migrations (name text primary key, applied_at timestamptz not null default now())',
  );
  const { names: applied, movedTo } = await appliedMigrations(connection);
  if (movedTo !== undefined) throw new MovedDatabaseError(movedTo);
  refuseUnknown(applied);
  const pending = knownMigrations().filter((name) => wanted.includes(name) && !applied.includes(name));
  for (const name of pending) {
    await connection.query('insert into schema_migrations (name) values ($1)', [name]);
    await connection.query(readFileSync(new URL(name, FOLDER), 'utf8'));
  }
  return pending;
};

/** Every table that a migration of this version makes or made, in the schema that connections work in. */
export const migratedTables = (): Set<string> => {
  const texts = knownMigrations().map((name) => readFileSync(new URL(name, FOLDER), 'utf8'));
  return new Set(
    texts.flatMap((text) => [...text.matchAll(/^create table (?:if not exists )?"?(\w+)"?\s*\(/gim)].map(([, name = '']) => name)),
  );
};

/** @throws NewerDatabaseError when one of these migrations is not known to this version. */
export const refuseUnknown = (names: readonly string[]): void => {
  const known = knownMigrations();
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new NewerDatabaseError(unknown);
};

/**
 * Brings a database up to date.
 * @returns the names of the migrations that ran now.
 * @throws as applyMigrations does; nothing is changed then.
 */
export const migrate = async (connection: ScriptConnection): Promise<string[]> => {
  await connection.query('begin');
  try {
    const pending = await applyMigrations(connection);
    await connection.query('commit');
    return pending;
  } catch (error) {
    await connection.query('rollback');
    throw error;
  }
};
