// The embedded database: a PostgreSQL of ours on a data folder. Whoever comes first starts it, others use the same one, the last to leave
// ends it. Each watches it, and starts it again when it has died.
import { readFileSync, rmSync } from 'node:fs';
import { readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type ClusterFolder, checkVersion, DATABASE, initialiseCluster, openClusterFolder, ROLE, readPassword } from './cluster.ts';
import { DatabaseNotStartedError, DataDirUnusableError } from './errors.ts';
import { startKeeper } from './keeper.ts';
import { findPrograms, preparePrograms } from './programs.ts';
import { type Reach, reachSockets } from './reach.ts';
import { foundUsers, joinUsers, type Use } from './users.ts';

/** What pg needs to connect. */
export interface EmbeddedConnection {
  host: string;
  user: string;
  password: string;
  database: string;
}

/** What may be told of the server while it is used. */
export interface EmbeddedEvents {
  /** It has ended although it is needed, and is started again. */
  onLost?(): void;
  /** It could not be started again; that is tried until it works. */
  onError?(error: unknown): void;
}

/** A server that this process uses. */
export interface EmbeddedServer {
  readonly connection: EmbeddedConnection;
  /** The server's process behind the connection that this process watches it by; undefined while there is none. */
  watchedBy(): number | undefined;
  /** Resolves when it answers: at once, but while it is started again. Gives up waiting after ten seconds. */
  whenUp(): Promise<void>;
  /** The use ends. Whoever is the last waits until the server has ended. */
  leave(): Promise<void>;
}

const POLL_MS = 15;
// PostgreSQL goes through its log after a crash, which takes the longer the more there is.
const LONGEST_START_MS = 300_000;
const LONGEST_STOP_MS = 8000;
const LONGEST_WAIT_MS = 10_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;
const USER_NAME = 'outdial user';

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

// No socket yet, nobody behind it, starting up or shutting down, or gone in the middle of the greeting.
const NOT_YET = ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', '57P03'];
const isNotYet = (error: unknown): boolean =>
  NOT_YET.includes(String(codeOf(error))) || (error instanceof Error && /Connection terminated/.test(error.message));

const tryConnect = async (connection: EmbeddedConnection): Promise<pg.Client | undefined> => {
  const client = new pg.Client({ ...connection, application_name: USER_NAME, connectionTimeoutMillis: LONGEST_START_MS });
  client.on('error', () => {});
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => {});
    if (isNotYet(error)) return undefined;
    throw error;
  }
};

const readIfThere = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

/** The last words of the server's log that tell why it does not start. */
const lastWords = (log: string): string => {
  const lines = readIfThere(log).trim().split('\n').slice(-20).reverse();
  const line = lines.find((one) => /(FATAL|PANIC):/.test(one)) ?? lines[0] ?? '';
  return line.replace(/^.*?(FATAL|PANIC|LOG): +/, '');
};

// A process that has nothing to do with ours may bear the number that an earlier server had. Without a reader of the users' pipe none of our
// servers lives, so what they have left is removed; but for a server that a person has started there by hand.
const removeStale = async ({ dataDir, folder, cluster }: ClusterFolder): Promise<void> => {
  const pidFile = join(cluster, 'postmaster.pid');
  const pid = Number.parseInt(readIfThere(pidFile), 10);
  if (Number.isSafeInteger(pid) && pid > 0 && (await readlink(`/proc/${pid}/cwd`).catch(() => '')) === cluster) {
    throw new DataDirUnusableError(dataDir, `a PostgreSQL that Outdial has not started works on it, process ${pid}`, 'stop that one first');
  }
  rmSync(pidFile, { force: true });
  rmSync(join(folder, '.s.PGSQL.5432'), { force: true });
  rmSync(join(folder, '.s.PGSQL.5432.lock'), { force: true });
};

interface Joined {
  use: Use;
  client: pg.Client;
  /** The server's process that serves the client. */
  pid: number;
}

const pidOf = async (client: pg.Client): Promise<number> =>
  (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid ?? 0;

const untilConnected = async (connection: EmbeddedConnection, isHopeless: () => boolean): Promise<pg.Client | undefined> => {
  const deadline = performance.now() + LONGEST_START_MS;
  while (performance.now() < deadline) {
    const client = await tryConnect(connection);
    if (client !== undefined) return client;
    if (isHopeless()) return undefined;
    await sleep(POLL_MS);
  }
  return undefined;
};

const joinRunning = async (place: ClusterFolder, connection: EmbeddedConnection): Promise<Joined | undefined> => {
  const use = joinUsers(place.folder);
  if (use === undefined) return undefined;
  try {
    const client = await untilConnected(connection, () => !use.isAlive());
    if (client !== undefined) return { use, client, pid: await pidOf(client) };
  } catch (error) {
    use.leave();
    throw error;
  }
  use.leave();
  return undefined;
};

// Undefined: another process is starting it.
const start = async (place: ClusterFolder, connection: EmbeddedConnection): Promise<Joined | undefined> => {
  const founding = foundUsers(place.folder, place.user);
  if (founding === undefined) return undefined;
  try {
    await removeStale(place);
    const programs = preparePrograms(await findPrograms(), place.user, place.folder);
    checkVersion(place, programs.postgres);
    const keeper = startKeeper(place, programs, founding.name);
    let hasEnded = false;
    keeper.once('exit', () => {
      hasEnded = true;
    });
    keeper.once('error', () => {
      hasEnded = true;
    });
    const client = await untilConnected(connection, () => hasEnded);
    if (client === undefined) throw new DatabaseNotStartedError(place.dataDir, lastWords(place.log), place.log);
    founding.handOver();
    return { use: founding, client, pid: await pidOf(client) };
  } catch (error) {
    founding.leave();
    throw error;
  }
};

const joinOrStart = async (place: ClusterFolder, connection: EmbeddedConnection): Promise<Joined> => {
  for (;;) {
    const joined = (await joinRunning(place, connection)) ?? (await start(place, connection));
    if (joined !== undefined) return joined;
    await sleep(POLL_MS);
  }
};

const hasOthers = async (client: pg.Client): Promise<boolean> => {
  const { rows } = await client.query<{ n: number }>(
    'select count(*)::integer as n from pg_stat_activity where application_name = $1 and pid <> pg_backend_pid()',
    [USER_NAME],
  );
  return (rows[0]?.n ?? 0) > 0;
};

const untilStopped = async ({ cluster }: ClusterFolder): Promise<void> => {
  const deadline = performance.now() + LONGEST_STOP_MS;
  while (performance.now() < deadline && readIfThere(join(cluster, 'postmaster.pid')) !== '') await sleep(POLL_MS);
};

// Whether the connection alone keeps the process from ending. The types of pg do not have it.
const keepProcess = (client: pg.Client & { ref?: () => void; unref?: () => void }, isKept: boolean): void => {
  if (isKept) client.ref?.();
  else client.unref?.();
};

// The timer goes with the wait: else it would hold up the end of the process.
const waitFor = async (what: Promise<void>): Promise<void> => {
  const over = new AbortController();
  await Promise.race([what, sleep(LONGEST_WAIT_MS, undefined, { signal: over.signal }).catch(() => {})]);
  over.abort();
};

/** Keeps this process's use of the server, and begins it again when the server has died. */
const watch = (
  place: ClusterFolder,
  connection: EmbeddedConnection,
  sockets: Reach,
  first: Joined,
  events: EmbeddedEvents,
): EmbeddedServer => {
  let current: Joined | undefined;
  let leaving = false;
  let up: Promise<void> = Promise.resolve();

  const rejoin = async (): Promise<void> => {
    for (let pauseMs = FIRST_PAUSE_MS; !leaving; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        hold(await joinOrStart(place, connection));
        return;
      } catch (error) {
        events.onError?.(error);
        await sleep(pauseMs, undefined, { ref: false });
      }
    }
  };

  const hold = (joined: Joined): void => {
    current = joined;
    // A command that has done its work may end.
    keepProcess(joined.client, false);
    joined.client.once('end', () => {
      if (leaving || current !== joined) return;
      current = undefined;
      joined.use.leave();
      events.onLost?.();
      up = rejoin();
    });
  };
  hold(first);

  return {
    connection,
    watchedBy: () => current?.pid,
    whenUp: () => (current === undefined ? waitFor(up) : Promise.resolve()),
    leave: async () => {
      leaving = true;
      await waitFor(up);
      if (current !== undefined) {
        keepProcess(current.client, true);
        const isLast = !(await hasOthers(current.client).catch(() => true));
        await current.client.end().catch(() => {});
        current.use.leave();
        if (isLast) await untilStopped(place);
      }
      sockets.close();
    },
  };
};

/**
 * Uses the embedded database of a data folder: makes the folder and the database where there are none, and starts the server where none runs.
 * @throws DataDirUnusableError, OlderDataDirError, NoDatabaseProgramError, DatabaseNotStartedError: each says what to do.
 */
export const useEmbedded = async (dataDir: string, events: EmbeddedEvents = {}): Promise<EmbeddedServer> => {
  const place = openClusterFolder(dataDir);
  await initialiseCluster(place);
  const sockets = reachSockets(place.folder);
  try {
    const connection = { host: sockets.path, user: ROLE, password: readPassword(place), database: DATABASE };
    return watch(place, connection, sockets, await joinOrStart(place, connection), events);
  } catch (error) {
    sockets.close();
    throw error;
  }
};
