// Statements whose plan the server keeps. Parsing and planning a list takes longer than running it, and it is always one of a few
// texts: those begin with the mark, and get a name by which the server knows them again.
import type { PostgresPool } from 'kysely';
import type { PoolClient } from 'pg';
import type { ConnectionPool } from './limited.ts';

/** What a statement begins with that is to be prepared. Its text must vary little: each one is kept in each connection. */
export const PREPARED = '/* prepared */';

// Beyond this many texts the rest is planned anew each time: a connection's plans are memory of the server.
const MAX_PREPARED = 200;

const createNaming = (): ((text: string) => string | undefined) => {
  const names = new Map<string, string>();
  return (text) => {
    if (!text.startsWith(PREPARED)) return undefined;
    const known = names.get(text);
    if (known !== undefined || names.size >= MAX_PREPARED) return known;
    const name = `outdial_${names.size + 1}`;
    names.set(text, name);
    return name;
  };
};

/** A pool as Kysely uses it, whose clients prepare what has the mark. A connection is asked for when `whenUp` has resolved. */
export const preparing = (pool: ConnectionPool, whenUp: () => Promise<void> = async () => {}): PostgresPool => {
  const nameOf = createNaming();
  const wrapped = new WeakMap<PoolClient, PoolClient>();
  const wrap = (client: PoolClient): PoolClient => {
    const query = (text: string, values: readonly unknown[]) => {
      const name = nameOf(text);
      return client.query({ ...(name === undefined ? {} : { name }), text, values: [...values] });
    };
    return Object.create(client, { query: { value: query } });
  };
  return {
    connect: async () => {
      await whenUp();
      const client = await pool.connect();
      const known = wrapped.get(client) ?? wrap(client);
      wrapped.set(client, known);
      return known;
    },
    end: () => pool.end(),
    options: pool.options,
  };
};
