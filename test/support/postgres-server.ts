// The real PostgreSQL of a test run: TEST_DATABASE_URL where it is set, else one of the programs that the packages bring.
// A separate program keeps it (postgres-keeper.ts), so that it cannot outlive the runner.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

/** A running server. `url` names a database in which databases can be made. */
export interface PostgresServer {
  readonly url: string;
  /** Stops it and removes its folder. A server that was given stays as it is. */
  stop(): Promise<void>;
}

const KEEPER = fileURLToPath(new URL('postgres-keeper.ts', import.meta.url));

/**
 * Starts the server, in two to four seconds. `durable`: one that loses nothing that it has committed (fsync on).
 * @throws Error with the reason when it cannot run here.
 */
export const startPostgres = async (given = process.env.TEST_DATABASE_URL, { durable = false } = {}): Promise<PostgresServer> => {
  if (given !== undefined && given !== '') return { url: given, stop: async () => {} };
  // Detached: Ctrl-C is for the runner alone; the keeper notices the closed pipe and stops in order.
  const keeper = spawn(process.execPath, [KEEPER, ...(durable ? ['--durable'] : [])], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const exit = once(keeper, 'exit');
  const lines = createInterface({ input: keeper.stdout });
  const first = await Promise.race([once(lines, 'line'), exit.then(() => ['{"error":"the keeper of PostgreSQL ended without a word"}'])]);
  const said = JSON.parse(String(first[0])) as { url?: string; error?: string };
  if (said.url === undefined) throw new Error(said.error);
  const stop = async () => {
    keeper.stdin.end();
    await exit;
  };
  return { url: said.url, stop };
};

/** The URL of another database on the same server. */
export const urlOf = (serverUrl: string, database: string): string => {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
};

/** Runs statements on a server, one after another, on a connection of their own. */
export const runOnServer = async (serverUrl: string, ...statements: string[]): Promise<pg.QueryResult[]> => {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    const results: pg.QueryResult[] = [];
    for (const statement of statements) results.push(await client.query(statement));
    return results;
  } finally {
    await client.end();
  }
};
