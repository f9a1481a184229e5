// One connection of one's own, outside of the pool: for whoever holds a transaction for minutes and streams whole tables through it.
import type { Readable, Writable } from 'node:stream';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { connectionTo } from './hosts.ts';
import type { ScriptConnection } from './migrate.ts';
import type { Database, Db } from './schema.ts';

/** A connection that nobody shares. One statement or stream at a time. */
export interface SoleConnection extends ScriptConnection {
  /** The server's processes of connections that belong to this one: of the embedded database it is watched over one more. */
  readonly companions: readonly number[];
  /** The same connection for stores; its transactions hold for the streams as well. */
  readonly db: Db;
  /** Streams what `copy ... to stdout` gives. */
  copyOut(statement: string): Readable;
  /** Takes what `copy ... from stdin` reads; `finish` comes when the server has it all. */
  copyIn(statement: string): Writable;
  close(): Promise<void>;
}

/** Where it leads: a URL, or whatever else the driver takes (the folder of a socket). */
export type ConnectionTarget = string | pg.ClientConfig;

const BIGINT = 20;
const OLDEST_SERVER = 150_000;
// Whoever waits longer for a lock waits for a transaction that somebody has forgotten.
const LOCK_TIMEOUT_MS = 30_000;

// As everywhere bigint is a number. The rest decides how values look as text, which must not depend on the server's settings.
const types = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => (oid === BIGINT ? Number : pg.types.getTypeParser(oid, format as 'text')),
} as pg.CustomTypesConfig;

const SETTINGS = `
  set client_encoding = 'UTF8';
  set datestyle = 'ISO, MDY';
  set timezone = 'UTC';
  set intervalstyle = 'postgres';
  set extra_float_digits = 1;
  set bytea_output = 'hex';
  set row_security = off;
  set idle_in_transaction_session_timeout = 0;
  set statement_timeout = 0;
  set lock_timeout = ${LOCK_TIMEOUT_MS};
  set tcp_keepalives_idle = 10;
  set tcp_keepalives_interval = 5;
  set tcp_keepalives_count = 4`;

const toKysely = (client: pg.Client): Db => {
  const query = async (text: string, values: readonly unknown[]) => {
    try {
      return await client.query(text, [...values]);
    } catch (error) {
      // On a connection that is broken the server rolls back by itself; what is worth telling is why it was to be.
      if (text === 'rollback') return { command: 'ROLLBACK', rowCount: 0, rows: [] };
      throw error;
    }
  };
  const shared = { query, release: () => {} };
  // Kysely knows pools alone: this one has a single client, which it does not end.
  const pool = { connect: async () => shared, end: async () => {}, options: {} };
  return new Kysely<Database>({ dialect: new PostgresDialect({ pool: pool as never }) });
};

/**
 * Connects. It migrates nothing. `name` is what the server's list of sessions shows, `companions` are further ones of this process.
 * @throws Error when the server is older than PostgreSQL 15; the driver's error when it cannot be reached.
 */
export const connectAlone = async (target: ConnectionTarget, name: string, companions: readonly number[] = []): Promise<SoleConnection> => {
  const { Client, ...given } = typeof target === 'string' ? connectionTo(target) : { Client: pg.Client, ...target };
  const client = new Client({ ...given, types, application_name: name, connectionTimeoutMillis: 10_000, keepAlive: true });
  // A connection that breaks fails what is asked on it; without a listener it would end the process as well.
  client.on('error', () => {});
  await client.connect();
  try {
    const { rows } = await client.query<{ v: string }>("select current_setting('server_version_num') as v");
    if (Number(rows[0]?.v) < OLDEST_SERVER) throw new Error('Outdial needs PostgreSQL 15 or newer.');
    await client.query(SETTINGS);
  } catch (error) {
    await client.end();
    throw error;
  }
  const copyOut = (statement: string): Readable => {
    const rows = client.query(copyTo(statement));
    // Nothing but the end of the connection keeps a server from sending on what nobody wants any more.
    rows.once('close', () => {
      if (!rows.readableEnded) client.connection.stream.destroy();
    });
    return rows;
  };
  return {
    companions,
    db: toKysely(client),
    query: (text, values) => client.query(text, values),
    copyOut,
    copyIn: (statement) => client.query(copyFrom(statement)),
    // It may be broken already.
    close: () => client.end().catch(() => {}),
  };
};
