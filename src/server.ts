// The composition root: settings -> database -> application -> listening; and back again on a stop.
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { authenticateBy, ensureFirstAccount } from './accounts/accounts.store.ts';
import { startCallKeeper } from './call-keeper.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Config, localUrl } from './config.ts';
import { actingFor } from './db/fair-share.ts';
import { ENGINE_LIMITS, type StatementLimits } from './db/limits.ts';
import { type DatabaseSource, type OpenedDatabase, openDatabase } from './db/open.ts';
import { CARRIER, type Engine, type Role, startEngine } from './engine.ts';
import { type AppDeps, buildApp } from './http/app.ts';
import type { Authenticate } from './http/auth.ts';
import { createKeyStore } from './idempotency/idempotency.store.ts';
import { createImporter } from './importer.ts';
import { startKeySweeper } from './key-sweeper.ts';
import { createMonitor, type Monitor } from './monitoring/monitor.ts';
import { createParts, type Parts } from './parts.ts';
import { createPurger } from './purger.ts';
import { startRetentionSweeper } from './retention-sweeper.ts';

/** Which database the settings name. */
export const databaseSource = (config: Config, log?: Logger): DatabaseSource =>
  config.DATABASE_URL === undefined
    ? {
        kind: 'folder',
        dataDir: config.DATA_DIR,
        onIdleError: (error) => log?.error({ err: error }, 'a database connection failed'),
        onLost: () => log?.error('the embedded database has ended; it is started again'),
      }
    : {
        kind: 'server',
        url: config.DATABASE_URL,
        onIdleError: (error) => log?.error({ err: error }, 'a database connection failed'),
      };

// Most files are imported within this time, and their answer says how it went.
const IMPORT_WAIT_MS = 2000;
const ENGINE_CONNECTIONS = 8;

/** A server that answers. */
export interface RunningServer {
  /** Where it is reached from the same machine. */
  url: string;
  /** The first key, when the database was new. */
  firstKey: string | undefined;
  /** Where its metrics are; undefined: they are off. */
  metricsUrl: string | undefined;
  /** Begins nothing more, finishes what runs, closes the database; in bounded time. See Parts.stop. */
  stop: Parts['stop'];
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
  actFor: (accountId, act) => actingFor.run(accountId, act),
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
  // Connections of its own: requests that wait for each other take none of the dialer's, and it waits for no lock of one account.
  const engineDatabase = opened.another({ maxConnections: ENGINE_CONNECTIONS, limits: ENGINE_LIMITS });
  const closeDatabase = async (): Promise<void> => {
    await engineDatabase.close();
    await opened.close();
  };
  const parts = createParts(log, { stop: closeDatabase });
  const purger = parts.add(
    'purger',
    createPurger(db, (error, campaignId) => log.error({ err: error, campaignId }, 'purging a deleted campaign failed')),
  );
  const monitor = parts.add('monitor', monitorOf(config, { ...opened, db: engineDatabase.db }, clock, log, role));
  const folder = join(config.DATA_DIR, 'imports');
  const importer = parts.add(
    'importer',
    createImporter({
      db,
      clock,
      folder,
      meter: monitor.imports,
      onError: (error, importId) => log.error({ err: error, importId }, 'an import failed'),
    }),
  );
  let engine: Engine | undefined;
  let started = false;
  try {
    const firstKey = await ensureFirstAccount(db, config.OUTDIAL_API_KEY, clock());
    const deps = appDeps(config, opened, clock, authenticate ?? authenticateBy(db, clock));
    const imports = { folder, run: importer.run, waitMs: IMPORT_WAIT_MS };
    const { readiness, http: httpMeter, observer } = monitor;
    const health = { isStarted: () => started, readiness, httpMeter };
    const app = await buildApp({ ...deps, ...health, purge: purger.wake, wake: () => engine?.wake(), imports, logger: log });
    parts.add('api', { stop: () => app.close() });
    await app.listen({ host: config.HOST, port: config.PORT });
    engine = parts.add('engine', await startEngine(config, role, { db: engineDatabase.db, clock, log, observer }));
    await monitor.start();
    purger.wake();
    importer.watch();
    parts.add(
      'key sweeper',
      startKeySweeper(db, clock, (error) => log.error({ err: error }, 'forgetting expired keys failed; it is tried again')),
    );
    parts.add(
      'call keeper',
      startCallKeeper(db, clock, (error) => log.error({ err: error }, 'ending unsent calls failed; it is tried again')),
    );
    // A command, which runs a server of role api for itself, must not remove anything by being run.
    if (role === 'worker' || role === 'all') parts.add('retention sweeper', startRetentionSweeper(db, clock, log));
    started = true;
    return { url: localUrl(config.HOST, portOf(app)), firstKey: firstKey?.token, metricsUrl: monitor.metricsUrl(), stop: parts.stop };
  } catch (error) {
    await parts.stop();
    throw error;
  }
};

/** Opens the database that the settings name. `limits`: those of requests where nothing else is said. */
export const openConfigured = (config: Config, log?: Logger, limits?: StatementLimits): Promise<OpenedDatabase> =>
  openDatabase({ ...databaseSource(config, log), ...(limits === undefined ? {} : { limits }) });
