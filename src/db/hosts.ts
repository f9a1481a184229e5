// Connections to whichever of several servers may be used now. Each new connection finds it anew, so that after a failover
// nothing has to be told; and connections to a server that has become a standby are dropped.
import pg from 'pg';
import { type DatabaseHost, type DatabaseUrl, readDatabaseUrl } from './database-url.ts';

/** read_only_sql_transaction: what a server that is no primary any more answers to a write. */
const READ_ONLY = '25006';
/** Connections that are made at the same moment ask once. */
const FOUND_MS = 1000;

const nameOf = ({ host, port }: DatabaseHost): string => [host ?? 'localhost', port].filter((part) => part !== undefined).join(':');

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** Why none of them can be used. Its `code` is the last server's, if it had one. */
export class NoServerError extends Error {
  readonly code: string;

  constructor(tried: readonly { host: DatabaseHost; error: unknown }[]) {
    const reasons = tried.map(({ host, error }) => {
      const reason = codeOf(error) ?? (error instanceof Error ? error.message : String(error));
      return `${nameOf(host)} (${reason})`;
    });
    super(`No database server can be used: ${reasons.join(', ')}.`);
    this.code = codeOf(tried.at(-1)?.error) ?? 'ENOSERVER';
  }
}

/** Where a connection is to go, as the driver has resolved it. */
interface Address {
  host: string;
  port: number;
}

const isWanted = async (client: pg.Client, target: DatabaseUrl['target']): Promise<void> => {
  if (target === 'any') return;
  const { rows } = await client.query<{ standby: boolean; read_only: boolean }>(
    "select pg_is_in_recovery() as standby, current_setting('transaction_read_only') = 'on' as read_only",
  );
  if (rows[0]?.standby === true) throw new Error('a standby');
  if (target === 'read-write' && rows[0]?.read_only === true) throw new Error('read-only');
};

/** Asks one server. @throws the driver's error, or one that says why it is not wanted. */
const probe = async (url: DatabaseUrl, host: DatabaseHost, config: pg.ClientConfig): Promise<Address> => {
  const client = new pg.Client({
    ...config,
    connectionString: url.withHost(host),
    connectionTimeoutMillis: url.hostTimeoutMs,
    query_timeout: url.hostTimeoutMs,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    await isWanted(client, url.target);
    return { host: client.host, port: client.port };
  } finally {
    // Not waited for: a server that hangs would not answer the farewell.
    client.end().catch(() => {});
  }
};

/** The first that may be used, in their order. @throws NoServerError, or the driver's error where there is one host only. */
const findServer = async (url: DatabaseUrl, config: pg.ClientConfig): Promise<Address> => {
  const tried: { host: DatabaseHost; error: unknown }[] = [];
  for (const host of url.hosts) {
    try {
      return await probe(url, host, config);
    } catch (error) {
      tried.push({ host, error });
    }
  }
  throw new NoServerError(tried);
};

/** A finder whose answer holds for a moment. */
const createFinder = (url: DatabaseUrl) => {
  let finding: Promise<Address> | undefined;
  let foundAt = 0;
  const forget = (): void => {
    finding = undefined;
  };
  const find = (config: pg.ClientConfig): Promise<Address> => {
    if (finding !== undefined && performance.now() - foundAt < FOUND_MS) return finding;
    const asked = findServer(url, config);
    finding = asked;
    foundAt = Number.POSITIVE_INFINITY;
    asked.then(
      () => {
        foundAt = performance.now();
      },
      () => {
        if (finding === asked) forget();
      },
    );
    return asked;
  };
  return { find, forget };
};

type Release = (error?: Error | boolean) => void;

/**
 * Lets a pool drop a client whose server takes no writes any more: at once when nobody uses it, else when it is released.
 * The pool gives each client a `release` when it hands it out; that one is wrapped.
 */
const watchUse = (client: pg.Client): { drop(): void } => {
  let release: Release | undefined;
  let isOut = false;
  let isDropped = false;
  Object.defineProperty(client, 'release', {
    configurable: true,
    get: () => release,
    set: (given: Release) => {
      isOut = true;
      release = (error) => {
        isOut = false;
        // Kysely says false where there is no error.
        given(error || isDropped);
      };
    },
  });
  return {
    drop: () => {
      if (isDropped) return;
      isDropped = true;
      if (!isOut && release !== undefined) client.emit('error', new Error('the database server takes no writes any more'));
    },
  };
};

/** How a pool connects to what a URL names: both are given to `new pg.Pool`. */
export interface HostsConnection {
  /** With the first host; for clients of one's own that are not to look further. */
  connectionString: string;
  Client: typeof pg.Client;
}

/**
 * Connections to the servers of a URL. With one host and no target the driver connects as it always does.
 * In any case a connection that is told that its server takes no writes is dropped, with the others to that server.
 * @throws Error when the URL is none, see readDatabaseUrl.
 */
export const connectionTo = (text: string): HostsConnection => {
  const url = readDatabaseUrl(text);
  const [first = { host: undefined, port: undefined }] = url.hosts;
  const isPlain = url.hosts.length === 1 && url.target === 'any';
  const { find, forget } = createFinder(url);
  const alive = new Map<pg.Client, { drop(): void }>();

  class HostsClient extends pg.Client {
    readonly #config: pg.ClientConfig;

    constructor(config?: string | pg.ClientConfig) {
      super(config);
      this.#config = typeof config === 'object' ? config : {};
      alive.set(this, watchUse(this));
      this.once('end', () => alive.delete(this));
      this.connection.on('errorMessage', ({ code }: { code?: string }) => {
        if (code !== READ_ONLY) return;
        forget();
        for (const [client, use] of alive) if (client.host === this.host && client.port === this.port) use.drop();
      });
    }

    async #connect(): Promise<void> {
      if (!isPlain) Object.assign(this, await find(this.#config));
      try {
        await super.connect();
      } catch (error) {
        forget();
        throw error;
      }
    }

    override connect(): Promise<pg.Client>;
    override connect(callback: (error: Error) => void): void;
    override connect(callback?: (error: Error) => void): Promise<pg.Client> | undefined {
      const connected = this.#connect().catch((error: unknown) => {
        alive.delete(this);
        throw error;
      });
      if (callback === undefined) return connected.then(() => this);
      // The driver says null where there is no error; its types do not.
      connected.then(() => callback(null as unknown as Error), callback);
      return undefined;
    }
  }
  return { connectionString: isPlain ? text : url.withHost(first), Client: HostsClient };
};
