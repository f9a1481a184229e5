// From a setting to a database: a PostgreSQL server, a folder (PGlite, embedded) or memory. The same SQL runs on all three.
import { join } from 'node:path';
import { Kysely, PGliteDialect, PostgresDialect } from 'kysely';
import pg from 'pg';
import { lockDataDir } from './data-dir-lock.ts';
import { type EmbeddedDatabase, openEmbedded } from './embedded.ts';
import { migrate } from './migrate.ts';
import { preparing } from './prepared.ts';
import type { Database, Db } from './schema.ts';

/** A PostgreSQL server. */
interface ServerSource {
  kind: 'server';
  url: string;
  maxConnections?: number;
  /** Hears of connections that break, and goes on: what was being asked on them fails for whoever asked it. */
  onIdleError?: (error: Error) => void;
  /** Milliseconds that a transaction may pause between two statements; then the server undoes it. */
  longestPauseMs?: number;
}

/** Where the data lives. `memory` takes a dumped data folder to start from. */
export type DatabaseSource = ServerSource | { kind: 'folder'; dataDir: string } | { kind: 'memory'; dump?: Blob };

/** An open database whose schema is up to date. */
export interface OpenedDatabase {
  readonly db: Db;
  /** Embedded in a folder: comes true when the database has ended by itself, and does not come back in this process. */
  readonly lost?: Promise<Error>;
  /** The driver's connections, for whoever measures; undefined where there is no pool. */
  readonly pool?: { readonly totalCount: number; readonly idleCount: number; readonly waitingCount: number } | undefined;
  /** Ends every connection and frees the data folder. */
  close(): Promise<void>;
}

const BIGINT = 20;
const OLDEST_SERVER = 150_000;

// bigint would arrive as text. Ids and counts stay far below 2^53, so they are numbers everywhere.
const serverTypes = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => (oid === BIGINT ? Number : pg.types.getTypeParser(oid, format as 'text')),
} as pg.CustomTypesConfig;

// Whoever is frozen or vanishes within a transaction would keep its locks for hours. No transaction of ours waits for anything but
// the database, so a pause is a sign of that; less than a lease, so that the work goes on elsewhere. There is no lock_timeout:
// with this everybody who holds a lock works, and a start that waits for another's migration is right to wait.
const LONGEST_PAUSE = 15_000;

// Statements and not startup parameters, which connection poolers refuse. Where TCP has none of these they are passed over.
const settingsOf = ({ longestPauseMs = LONGEST_PAUSE }: ServerSource): string => `
  set idle_in_transaction_session_timeout = ${longestPauseMs};
  set tcp_keepalives_idle = 10;
  set tcp_keepalives_interval = 5;
  set tcp_keepalives_count = 4;
  set tcp_user_timeout = 30000`;

const openServer = async (source: ServerSource): Promise<OpenedDatabase> => {
  const settings = settingsOf(source);
  const pool = new pg.Pool({
    connectionString: source.url,
    max: source.maxConnections ?? 10,
    types: serverTypes,
    connectionTimeoutMillis: 10_000,
    // A server that is gone without a word is noticed in minutes, and not never. Left to itself Linux asks after two hours.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    onConnect: async (client) => {
      // Without a listener a connection that breaks would end the process. The pool listens only to those that nobody uses.
      client.once('error', (error) => source.onIdleError?.(error));
      client.on('error', () => {});
      await client.query(settings);
    },
  });
  // The same again, of a connection that nobody uses.
  pool.on('error', () => {});
  try {
    const client = await pool.connect();
    try {
      const { rows } = await client.query<{ v: string }>('select current_setting($1) as v', ['server_version_num']);
      if (Number(rows[0]?.v) < OLDEST_SERVER) throw new Error('Outdial needs PostgreSQL 15 or newer.');
      await migrate(client);
    } finally {
      client.release();
    }
  } catch (error) {
    await pool.end();
    throw error;
  }
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: preparing(pool) }) });
  const close = async () => {
    await db.destroy();
    // Kysely leaves a pool alone that it has not used yet.
    if (!pool.ended) await pool.end();
  };
  return { db, pool, close };
};

const openFolder = async (dataDir: string): Promise<OpenedDatabase> => {
  const unlock = lockDataDir(dataDir);
  let embedded: EmbeddedDatabase | undefined;
  try {
    const opened = await openEmbedded(join(dataDir, 'postgres'));
    embedded = opened;
    // Without parameters it may hold several statements.
    await migrate({ query: (text, values) => (values === undefined ? opened.runScript(text) : opened.query(text, values)) });
    const db = new Kysely<Database>({ dialect: new PGliteDialect({ pglite: opened }) });
    const close = async () => {
      try {
        await db.destroy();
        await opened.close();
      } finally {
        unlock();
      }
    };
    return { db, lost: opened.lost, close };
  } catch (error) {
    // The engine first: while it is open the folder is not free.
    await embedded?.close().finally(unlock);
    if (embedded === undefined) unlock();
    throw error;
  }
};

// In the process itself: a thread takes a quarter of a second to start, and tests open hundreds of these.
const openMemory = async (dump: Blob | undefined): Promise<OpenedDatabase> => {
  // Only here: loading the engine takes time that no other process has to spend on it.
  const { openPglite, runScript } = await import('./pglite.ts');
  const pglite = await openPglite(dump === undefined ? {} : { dump });
  try {
    await migrate({
      query: async (text, values) => (values === undefined ? { rows: await runScript(pglite, text) } : pglite.query(text, values)),
    });
  } catch (error) {
    await pglite.close();
    throw error;
  }
  const db = new Kysely<Database>({ dialect: new PGliteDialect({ pglite }) });
  const close = async () => {
    await db.destroy();
    if (!pglite.closed) await pglite.close();
  };
  return { db, close };
};

/**
 * Opens a database and brings its schema up to date.
 * @throws DataDirBusyError, DataDirUnusableError, NewerDatabaseError, or the driver's error when the server cannot be reached.
 */
export const openDatabase = (source: DatabaseSource): Promise<OpenedDatabase> => {
  if (source.kind === 'server') return openServer(source);
  return source.kind === 'folder' ? openFolder(source.dataDir) : openMemory(source.dump);
};
