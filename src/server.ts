// The composition root: settings -> database -> application -> listening; and back again on a stop.
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { authenticateBy, ensureFirstAccount } from './accounts/accounts.store.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Config, localUrl } from './config.ts';
import { type DatabaseSource, type OpenedDatabase, openDatabase } from './db/open.ts';
import { CARRIER, type Engine, type Role, startEngine } from './engine.ts';
import { type AppDeps, buildApp } from './http/app.ts';
import type { Authenticate } from './http/auth.ts';
import { createKeyStore } from './idempotency/idempotency.store.ts';
import { createImporter, type Importer } from './importer.ts';
import { type KeySweeper, startKeySweeper } from './key-sweeper.ts';
import { createPurger } from './purger.ts';

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

/** A server that answers. */
export interface RunningServer {
  /** Where it is reached from the same machine. */
  url: string;
  /** The first key, when the database was new. */
  firstKey: string | undefined;
  /** Stops accepting, finishes what runs, closes the database. */
  stop(): Promise<void>;
}

const appDeps = (
  config: Config,
  { db }: OpenedDatabase,
  clock: Clock,
  authenticate: Authenticate,
): Omit<AppDeps, 'purge' | 'wake' | 'imports'> => ({
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
  const purger = createPurger(db, (error, campaignId) => log.error({ err: error, campaignId }, 'purging a deleted campaign failed'));
  const folder = join(config.DATA_DIR, 'imports');
  const importer: Importer = createImporter({
    db,
    clock,
    folder,
    onError: (error, importId) => log.error({ err: error, importId }, 'an import failed'),
  });
  let app: FastifyInstance | undefined;
  let engine: Engine | undefined;
  let sweeper: KeySweeper | undefined;
  let started = false;
  const stop = async (): Promise<void> => {
    try {
      await app?.close();
    } finally {
      await engine?.stop();
      await importer.stop();
      await sweeper?.stop();
      await purger.stop();
      await opened.close();
    }
  };
  try {
    const firstKey = await ensureFirstAccount(db, config.OUTDIAL_API_KEY, clock());
    const deps = appDeps(config, opened, clock, authenticate ?? authenticateBy(db, clock));
    const imports = { folder, run: importer.run, waitMs: IMPORT_WAIT_MS };
    app = await buildApp({ ...deps, purge: purger.wake, wake: () => engine?.wake(), imports, isStarted: () => started, logger: log });
    await app.listen({ host: config.HOST, port: config.PORT });
    engine = await startEngine(config, role, { db, clock, log });
    purger.wake();
    importer.watch();
    sweeper = startKeySweeper(db, clock, (error) => log.error({ err: error }, 'forgetting expired keys failed; it is tried again'));
    started = true;
    return { url: localUrl(config.HOST, portOf(app)), firstKey: firstKey?.token, stop };
  } catch (error) {
    await stop().catch((failure: unknown) => log.error({ err: failure }, 'closing after a failed start failed, too'));
    throw error;
  }
};

/** Opens the database that the settings name. */
export const openConfigured = (config: Config, log?: Logger): Promise<OpenedDatabase> => openDatabase(databaseSource(config, log));
