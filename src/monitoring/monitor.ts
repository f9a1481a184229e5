// What tells others how a process does: its checks, its metrics, and the watch over campaigns that nobody claims for.
import type { Logger } from 'pino';
import type { Carrier } from '../carriers/carrier.ts';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/schema.ts';
import type { Ledger } from '../dialer/ledger.ts';
import { createChecks } from './checks.ts';
import { createDatabaseGauges } from './database-gauges.ts';
import { measureCarrier, measureLedger } from './measure.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { type MetricsServer, startMetricsServer } from './metrics-server.ts';
import { createReadiness, type Readiness } from './readiness.ts';
import { readDatabaseState } from './state.store.ts';
import { createWatch } from './watch.ts';

/** The connections of a pool, as the driver counts them. */
export interface PoolFigures {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
}

export interface MonitorDeps {
  db: Db;
  clock: Clock;
  log: Logger;
  /** What this process does. */
  role: 'api' | 'dialer' | 'worker' | 'all';
  /** Where metrics are served; undefined: nowhere, and none are kept. */
  metricsAt: { host: string; port: number } | undefined;
  pool: PoolFigures | undefined;
  /** See WatchDeps. */
  firstLookMs?: number;
}

/** What a process passes its parts by, and who they tell. Everything is passed on unchanged where nothing is measured. */
export interface Observer {
  ledger(ledger: Ledger): Ledger;
  /** To be told of the carrier that the dialer of this process uses. */
  carrier(carrier: Carrier): Carrier;
  /** A round of the dialer has ended. */
  onRound(): void;
  /** Calls have ended, with these outcomes. */
  onEnded(outcomes: readonly string[]): void;
  /** A webhook was attempted. */
  onAttempt(becomes: 'delivered' | 'failed' | 'pending', durationMs: number): void;
}

/** The monitor of a process. */
export interface Monitor {
  observer: Observer;
  imports: { rows(count: number): void; ended(status: 'completed' | 'failed'): void };
  http: ((answered: { route: string; method: string; status: string; seconds: number }) => void) | undefined;
  /** Whether the process can do its work. Never throws. */
  readiness(): Promise<Readiness>;
  /** Serves metrics and watches from now on. @throws when the port of the metrics is taken. */
  start(): Promise<void>;
  /** Where metrics are served. */
  metricsUrl(): string | undefined;
  stop(): Promise<void>;
}

const SECOND = 1000;

const observe = (metrics: Metrics | undefined, onRound: () => void, onCarrier: (carrier: Carrier) => void): Observer => ({
  ledger: (ledger) => (metrics === undefined ? ledger : measureLedger(ledger, metrics)),
  carrier: (carrier) => {
    onCarrier(carrier);
    return metrics === undefined ? carrier : measureCarrier(carrier, metrics);
  },
  onRound: () => {
    onRound();
    metrics?.dialing.rounds.inc();
  },
  onEnded: (outcomes) => {
    for (const outcome of outcomes) metrics?.dialing.ended.inc({ outcome });
  },
  onAttempt: (becomes, durationMs) => {
    metrics?.deliveries.inc({ result: becomes === 'pending' ? 'retried' : becomes });
    metrics?.delivering.observe(durationMs / SECOND);
  },
});

const observeHttp =
  ({ requests, requestTimes }: Metrics): NonNullable<Monitor['http']> =>
  ({ route, method, status, seconds }) => {
    requests.inc({ route, method, status });
    requestTimes.observe({ route, method }, seconds);
  };

/** Makes a monitor; nothing runs before `start` but what is asked of it. */
export const createMonitor = ({ db, clock, log, role, metricsAt, pool, firstLookMs }: MonitorDeps): Monitor => {
  const does = {
    dialing: role === 'dialer' || role === 'all',
    delivering: role === 'worker' || role === 'all',
    watching: role !== 'dialer',
  };
  const startedAt = performance.now();
  let roundAt = startedAt;
  let carrier: Carrier | undefined;
  let server: MetricsServer | undefined;
  const metrics = metricsAt === undefined ? undefined : createMetrics();
  const watch = createWatch({
    db,
    clock,
    log,
    firstLookMs,
    onCounts: (counts) => {
      for (const [reason, count] of Object.entries(counts)) metrics?.unclaimed.set({ reason }, count);
    },
  });
  const roundAgeMs = (): number => performance.now() - roundAt;
  const readiness = createReadiness({
    checks: createChecks({
      db,
      clock,
      does,
      roundAgeMs,
      carrier: () => carrier,
      unclaimed: () => Object.values(watch.counts()).reduce((sum, count) => sum + count, 0),
      uptimeMs: () => performance.now() - startedAt,
      onUnwell: (detail) => log.warn({ detail }, 'the carrier says that it is not well'),
    }),
    onError: (error, check) => log.error({ err: error, check }, 'a check of readiness failed'),
  });

  const serveMetrics = async (kept: Metrics, at: { host: string; port: number }): Promise<void> => {
    const failed = (error: unknown) => log.error({ err: error }, 'the state of the database could not be measured');
    const refresh = createDatabaseGauges(kept, () => readDatabaseState(db, clock()), failed);
    const read = async (): Promise<string> => {
      await refresh();
      if (does.dialing) kept.dialing.roundAge.set(roundAgeMs() / SECOND);
      if (pool !== undefined) {
        kept.connections.set(pool.totalCount);
        kept.idleConnections.set(pool.idleCount);
        kept.waiting.set(pool.waitingCount);
      }
      return kept.registry.metrics();
    };
    server = await startMetricsServer(at, { contentType: kept.registry.contentType, read }, failed);
    log.info({ url: server.url }, 'metrics are served');
  };

  return {
    observer: observe(
      metrics,
      () => {
        roundAt = performance.now();
      },
      (started) => {
        carrier = started;
        roundAt = performance.now();
      },
    ),
    imports: {
      rows: (count) => metrics?.importRows.inc(count),
      ended: (status) => metrics?.importsEnded.inc({ status }),
    },
    http: metrics === undefined ? undefined : observeHttp(metrics),
    readiness,
    start: async () => {
      if (metrics !== undefined && metricsAt !== undefined) await serveMetrics(metrics, metricsAt);
      if (does.watching) watch.start();
    },
    metricsUrl: () => server?.url,
    stop: async () => {
      await watch.stop();
      await server?.stop();
    },
  };
};
