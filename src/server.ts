// The composition root: settings -> database -> application -> listening; and back again on a stop.
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { authenticateBy, ensureFirstAccount } from './accounts/accounts.store.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Config, localUrl } from './config.ts';
import { type DatabaseSource, type OpenedDatabase, openDatabase } from './db/open.ts';
import { startUpkeep, type Upkeep } from './db/upkeep.store.ts';
import { CARRIER, type Engine, type Role, startEngine } from './engine.ts';
import { type AppDeps, buildApp } from './http/app.ts';
import type { Authenticate } from './http/auth.ts';
import { createKeyStore } from './idempotency/idempotency.store.ts';
import { createImporter, type Importer } from './importer.ts';
import { releaseImports } from './imports/import-runs.store.ts';
import { type KeySweeper, startKeySweeper } from './key-sweeper.ts';
import { createMonitor, type Monitor } from './monitoring/monitor.ts';
import { createPurger } from './purger.ts';

/** Which database the settings name. */
export const databaseSource = (config: Config, log?: Logger): DatabaseSource =>
  config.DATABASE_URL === undefined
    ? { kind: 'folder', dataDir: config.DATA_DIR }
    : {
        kind: 'server',
        url: config.DATABASE_URL,
        onIdleError: (error) => log?.error({ err: error }, 'a database connection failed'),
      };

// The embedded database does one thing at a time: so long may a batch of an import make others wait.
const EMBEDDED_BATCH_MS = 10;
// Measured on PostgreSQL: a fifth faster than batches of 500, since a large one goes through the indexes in their order.
const SERVER_BATCH_ROWS = 1000;
// Most files are imported within this time, and their answer says how it went.
const IMPORT_WAIT_MS = 2000;

/** A server that answers. */
export interface RunningServer {
  /** Where it is reached from the same machine. */
  url: string;
  /** The first key, when the database was new. */
  firstKey: string | undefined;
  /** Where its metrics are; undefined: they are off. */
  metricsUrl: string | undefined;
  /** Stops accepting, finishes what runs, closes the database. */
  stop(): Promise<void>;
}

const appDeps = (
  config: Config,
  { db }: OpenedDatabase,
  clock: Clock,
  authenticate: Authenticate,
): Omit<AppDeps, 'purge' | 'wake' | 'imports' | 'readiness' | 'httpMeter'> => ({
  db,
  clock,
  authenticate,
  keys: createKeyStore(db),
  carrier: CARRIER,
  rates: config.CALLS_PER_SECOND,
  databaseLeases: true,
  maxUploadBytes: config.IMPORT_MAX_MB,
  http: {
    publicUrl: config.PUBLIC_URL,
    trustProxy: config.TRUST_PROXY,
    corsOrigins: config.CORS_ORIGINS,
    rateLimit: config.RATE_LIMIT,
  },
});

// The one that listens, which with PORT=0 the system has chosen.
const portOf = ({ server }: FastifyInstance): number => {
  const address = server.address();
  return typeof address === 'string' ? 0 : (address?.port ?? 0);
};

const monitorOf = (config: Config, { db, pool }: OpenedDatabase, clock: Clock, log: Logger, role: Role): Monitor => {
  const { METRICS_HOST: host, METRICS_PORT: port } = config;
  return createMonitor({ db, clock, log, role, pool, metricsAt: port === undefined ? undefined : { host, port } });
};

/**
 * Starts the server on an opened database, which from then on is the server's to close, also when it fails to start.
 * Every role answers HTTP, if only to say that it is alive. `authenticate` stands in for the keys where the command line runs a server for itself.
 */
export const startServer = async (
  config: Config,
  opened: OpenedDatabase,
  { log, role, authenticate }: { log: Logger; role: Role; authenticate?: Authenticate },
): Promise<RunningServer> => {
  const { db } = opened;
  const clock = systemClock;
  const purger = createPurger(db, (error) => log.error({ err: error }, 'purging a deleted campaign failed'));
  const monitor = monitorOf(config, opened, clock, log, role);
  const folder = join(config.DATA_DIR, 'imports');
  const isEmbedded = config.DATABASE_URL === undefined;
  const importer: Importer = createImporter({
    db,
    clock,
    folder,
    meter: monitor.imports,
    onError: (error, importId) => log.error({ err: error, importId }, 'an import failed'),
    ...(isEmbedded ? { batchMs: EMBEDDED_BATCH_MS } : { batchRows: SERVER_BATCH_ROWS }),
  });
  let app: FastifyInstance | undefined;
  let engine: Engine | undefined;
  let upkeep: Upkeep | undefined;
  let sweeper: KeySweeper | undefined;
  let started = false;
  const stop = async (): Promise<void> => {
    try {
      await app?.close();
    } finally {
      await engine?.stop();
      await importer.stop();
      await monitor.stop();
      await upkeep?.stop();
      await sweeper?.stop();
      await purger.stop();
      await opened.close();
    }
  };
  try {
    const firstKey = await ensureFirstAccount(db, config.OUTDIAL_API_KEY, clock());
    // The embedded database has one owner: whoever ran an import before is gone.
    if (isEmbedded) await releaseImports(db);
    const deps = appDeps(config, opened, clock, authenticate ?? authenticateBy(db, clock));
    const imports = { folder, run: importer.run, waitMs: IMPORT_WAIT_MS };
    const { readiness, http: httpMeter, observer } = monitor;
    const health = { isStarted: () => started, readiness, httpMeter };
    app = await buildApp({ ...deps, ...health, purge: purger.wake, wake: () => engine?.wake(), imports, logger: log });
    await app.listen({ host: config.HOST, port: config.PORT });
    engine = await startEngine(config, role, { db, clock, log, observer });
    await monitor.start();
    purger.wake();
    importer.watch();
    sweeper = startKeySweeper(db, clock, (error) => log.error({ err: error }, 'forgetting expired keys failed; it is tried again'));
    if (isEmbedded) upkeep = startUpkeep(db, (error) => log.error({ err: error }, 'the upkeep of the database failed; it goes on'));
    started = true;
    return { url: localUrl(config.HOST, portOf(app)), firstKey: firstKey?.token, metricsUrl: monitor.metricsUrl(), stop };
  } catch (error) {
    await stop().catch((failure: unknown) => log.error({ err: failure }, 'closing after a failed start failed, too'));
    throw error;
  }
};

/** Opens the database that the settings name. */
export const openConfigured = (config: Config, log?: Logger): Promise<OpenedDatabase> => openDatabase(databaseSource(config, log));
