// From a setting to a database: a PostgreSQL server, or the one that Outdial brings, on a data folder. The same SQL runs on either.
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { type EmbeddedServer, useEmbedded } from '../postgres/server.ts';
import { connectionTo } from './hosts.ts';
import { limiting, sharing } from './limited.ts';
import { REQUEST_LIMITS, type StatementLimits, silenceAfter } from './limits.ts';
import { migrate } from './migrate.ts';
import { preparing } from './prepared.ts';
import type { Database, Db } from './schema.ts';

/** What holds for every database. */
interface PoolOptions {
  maxConnections?: number;
  /** Hears of connections that break, and goes on: what was being asked on them fails for whoever asked it. */
  onIdleError?: (error: Error) => void;
  /** Milliseconds that a transaction may pause between two statements; then the server undoes it. */
  longestPauseMs?: number;
  /** Those of requests where nothing else is said. */
  limits?: StatementLimits;
}

/** A PostgreSQL server. */
interface ServerSource extends PoolOptions {
  kind: 'server';
  url: string;
}

/** The embedded database of a data folder. Several processes may use it at once. */
interface FolderSource extends PoolOptions {
  kind: 'folder';
  dataDir: string;
  /** The embedded database has ended although it is needed; it is started again. */
  onLost?: () => void;
}

/** Where the data lives. */
export type DatabaseSource = ServerSource | FolderSource;

/** An open database whose schema is up to date. */
export interface OpenedDatabase {
  readonly db: Db;
  /** The driver's connections, for whoever measures. */
  readonly pool: { readonly totalCount: number; readonly idleCount: number; readonly waitingCount: number };
  /** For a connection of one's own, beside the pool. */
  readonly connection: pg.PoolConfig;
  /** A further pool on the same database. Closing it is the caller's. */
  another(options: PoolOptions): { db: Db; close(): Promise<void> };
  /** Ends every connection, and the use of the data folder. */
  close(): Promise<void>;
}

const BIGINT = 20;
const OLDEST_SERVER = 150_000;
const CONNECTION_WAIT_MS = 10_000;

// bigint would arrive as text. Ids and counts stay far below 2^53, so they are numbers everywhere.
const serverTypes = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => (oid === BIGINT ? Number : pg.types.getTypeParser(oid, format as 'text')),
} as pg.CustomTypesConfig;

// Whoever is frozen or vanishes within a transaction would keep its locks for hours. No transaction of ours waits for anything but
// the database, so a pause is a sign of that; less than a lease, so that the work goes on elsewhere.
const LONGEST_PAUSE = 15_000;

// Statements and not startup parameters, which connection poolers refuse. Where TCP has none of these they are passed over.
const settingsOf = ({ longestPauseMs = LONGEST_PAUSE, limits = REQUEST_LIMITS }: PoolOptions): string => `
  set lock_timeout = ${limits.lockMs};
  set statement_timeout = ${limits.statementMs};
  set idle_in_transaction_session_timeout = ${longestPauseMs};
  set tcp_keepalives_idle = 10;
  set tcp_keepalives_interval = 5;
  set tcp_keepalives_count = 4;
  set tcp_user_timeout = 30000`;

const createPool = (connection: pg.PoolConfig, options: PoolOptions): pg.Pool => {
  const settings = settingsOf(options);
  const pool = new pg.Pool({
    ...connection,
    max: options.maxConnections ?? 10,
    types: serverTypes,
    connectionTimeoutMillis: CONNECTION_WAIT_MS,
    // A server that is gone without a word is noticed in minutes, and not never. Left to itself Linux asks after two hours.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    onConnect: async (client) => {
      // Without a listener a connection that breaks would end the process. The pool listens only to those that nobody uses.
      client.once('error', (error) => options.onIdleError?.(error));
      client.on('error', () => {});
      await client.query(settings);
    },
  });
  // The same again, of a connection that nobody uses.
  pool.on('error', () => {});
  return pool;
};

// A migration may take long, and a start that waits for another's is right to wait.
const bringUpToDate = async (pool: pg.Pool, settings: string): Promise<void> => {
  const client = await pool.connect();
  try {
    const { rows } = await client.query<{ v: string }>('select current_setting($1) as v', ['server_version_num']);
    if (Number(rows[0]?.v) < OLDEST_SERVER) throw new Error('Outdial needs PostgreSQL 15 or newer.');
    await client.query('set lock_timeout = 0; set statement_timeout = 0');
    await migrate(client);
    await client.query(settings);
  } finally {
    client.release();
  }
};

const onPool = (
  pool: pg.Pool,
  { limits = REQUEST_LIMITS }: PoolOptions,
  whenUp?: () => Promise<void>,
): { db: Db; pool: pg.Pool; close(): Promise<void> } => {
  const whole = preparing(limiting(pool, silenceAfter(limits)), whenUp);
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: sharing(whole, pool.options.max, CONNECTION_WAIT_MS) }) });
  const close = async () => {
    await db.destroy();
    // Kysely leaves a pool alone that it has not used yet.
    if (!pool.ended) await pool.end();
  };
  return { db, pool, close };
};

const openPool = async (connection: pg.PoolConfig, options: PoolOptions, whenUp?: () => Promise<void>): Promise<OpenedDatabase> => {
  const pool = createPool(connection, options);
  try {
    await bringUpToDate(pool, settingsOf(options));
  } catch (error) {
    await pool.end();
    throw error;
  }
  const { onIdleError } = options;
  const another = (others: PoolOptions) => {
    const given = { ...(onIdleError === undefined ? {} : { onIdleError }), ...others };
    return onPool(createPool(connection, given), given, whenUp);
  };
  return { ...onPool(pool, options, whenUp), connection, another };
};

const openFolder = async ({ dataDir, onLost, ...options }: FolderSource): Promise<OpenedDatabase> => {
  const { onIdleError } = options;
  const onError = (error: unknown) => onIdleError?.(error instanceof Error ? error : new Error(String(error)));
  const embedded: EmbeddedServer = await useEmbedded(dataDir, { onError, ...(onLost === undefined ? {} : { onLost }) });
  try {
    const opened = await openPool({ ...embedded.connection }, options, embedded.whenUp);
    const close = async () => {
      try {
        await opened.close();
      } finally {
        await embedded.leave();
      }
    };
    return { ...opened, close };
  } catch (error) {
    await embedded.leave();
    throw error;
  }
};

/**
 * Opens a database and brings its schema up to date.
 * @throws NewerDatabaseError, what useEmbedded throws, or the driver's error when the server cannot be reached.
 */
export const openDatabase = (source: DatabaseSource): Promise<OpenedDatabase> =>
  source.kind === 'folder' ? openFolder(source) : openPool(connectionTo(source.url), source);
