// A pool whose connections are given up when the server is silent, since a frozen server process ends no statement, whatever its own limits
// say; and of which no account may have all.
import type { PostgresPool } from 'kysely';
import type { Pool, PoolClient } from 'pg';
import { createShares } from './fair-share.ts';
import { DatabaseSilentError, NoConnectionError } from './limits.ts';

/** The part of a pool that Kysely uses. */
export type ConnectionPool = Pick<Pool, 'connect' | 'end' | 'options'>;

// What pg does not type: the socket below.
interface Cuttable {
  connection?: { stream?: { destroy?: () => unknown } };
}

// Not end(), which would ask the server first. A pool does not use a connection again that is cut.
const cut = ({ connection }: PoolClient & Cuttable): void => {
  connection?.stream?.destroy?.();
};

const limit = async <Result>(client: PoolClient, asked: Promise<Result>, silenceMs: number): Promise<Result> => {
  let isSilent = false;
  const timer = setTimeout(() => {
    isSilent = true;
    cut(client);
  }, silenceMs);
  try {
    return await asked;
  } catch (error) {
    throw isSilent ? new DatabaseSilentError() : error;
  } finally {
    clearTimeout(timer);
  }
};

/** The pool, whose statements fail with DatabaseSilentError after so many milliseconds without an answer; undefined: never. */
export const limiting = (pool: Pool, silenceMs: number | undefined): ConnectionPool => {
  if (silenceMs === undefined) return pool;
  const wrapped = new WeakMap<PoolClient, PoolClient>();
  const wrap = (client: PoolClient): PoolClient => {
    const query = (config: { text: string; values: unknown[] }) => limit(client, client.query(config), silenceMs);
    return Object.create(client, { query: { value: query } });
  };
  const connect = async (): Promise<PoolClient> => {
    const client = await pool.connect();
    const known = wrapped.get(client) ?? wrap(client);
    wrapped.set(client, known);
    return known;
  };
  return { connect, end: () => pool.end(), options: pool.options };
};

const POOL_IS_BUSY = 'timeout exceeded when trying to connect';

/** The pool, of whose connections an account has its share. @throws NoConnectionError when none is free for `waitMs`. */
export const sharing = (pool: PostgresPool, connections: number, waitMs: number): PostgresPool => {
  const shares = createShares(connections, waitMs);
  const connect = async () => {
    const giveBack = await shares.take();
    if (giveBack === undefined) throw new NoConnectionError();
    try {
      const client = await pool.connect();
      const release = (): void => {
        giveBack();
        client.release();
      };
      return Object.create(client, { release: { value: release } });
    } catch (error) {
      giveBack();
      throw error instanceof Error && error.message === POOL_IS_BUSY ? new NoConnectionError() : error;
    }
  };
  return { ...pool, connect };
};
