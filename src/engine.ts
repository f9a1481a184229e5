// What works beside the API, by role: the dialer with its carrier, and the worker that delivers webhooks.
import type { Logger } from 'pino';
import type { Carrier } from './carriers/carrier.ts';
import { createRemoteSimulatedCarrier } from './carriers/simulated/remote.ts';
import { createSimulatedCarrier } from './carriers/simulated/simulated-carrier.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import type { Db } from './db/schema.ts';
import { type Dialer, startDialer } from './dialer/dialer.ts';
import { databaseClock } from './dialer/lease.store.ts';
import { createSqlLedger } from './dialer/sql-ledger.store.ts';
import { type Jobs, startJobs } from './jobs.ts';
import type { Observer } from './monitoring/monitor.ts';
import { realTime } from './scheduler.ts';
import { webhookWorker } from './webhooks/deliver.ts';
import { enqueuePostCalls } from './webhooks/webhooks.store.ts';

/** What a process does. `all`: everything; the only one on the embedded database, which has one owner. */
export const ROLES = ['api', 'dialer', 'worker', 'all'] as const;
export type Role = (typeof ROLES)[number];

/** The only carrier there is so far. */
export const CARRIER = { kind: 'simulated', simulated: true } as const;

/** What runs in the background of a process. */
export interface Engine {
  /** There may be somebody to call, or something to deliver. Never throws. */
  wake(): void;
  /** Ends in bounded time: calls that go on are given some seconds. */
  stop(): Promise<void>;
}

export interface EngineDeps {
  db: Db;
  clock: Clock;
  log: Logger;
  /** Measures what the dialer and the worker do. */
  observer: Observer;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** Service managers kill after ten seconds. */
const DRAIN = 7 * SECOND;

const createCarrier = ({ SIMULATED_CARRIER_URL: url, SIMULATION_SPEED: speed }: Config, clock: Clock): Carrier =>
  url === undefined ? createSimulatedCarrier({ scheduler: realTime(clock), speed }) : createRemoteSimulatedCarrier(url);

const dial = (config: Config, { db, clock, log, observer }: EngineDeps, jobs: Jobs | undefined): Promise<Dialer> => {
  const placeTimeoutMs = config.CARRIER_TIMEOUT * SECOND;
  const ledger = createSqlLedger(db, {
    clock: databaseClock,
    // The timeout, and as long again for the answer to be recorded.
    sendingMs: 2 * placeTimeoutMs,
    reportWaitMs: config.REPORT_WAIT * SECOND,
    tell: async (trx, callIds, now) => {
      await enqueuePostCalls(trx, callIds, now);
      jobs?.wake();
    },
    onEnded: observer.onEnded,
  });
  const settings = {
    rates: config.CALLS_PER_SECOND,
    leaseMs: config.RESERVATION_SECONDS * SECOND,
    placeTimeoutMs,
    giveUpMs: config.UNKNOWN_MINUTES * MINUTE,
  };
  const carrier = observer.carrier(createCarrier(config, clock));
  return startDialer({ ledger: observer.ledger(ledger), carrier, schedule: realTime(clock), log, settings, onRound: observer.onRound });
};

/** Starts what the role asks for. */
export const startEngine = async (config: Config, role: Role, deps: EngineDeps): Promise<Engine> => {
  const { db, clock, log, observer } = deps;
  const delivery = webhookWorker({ db, clock, allowPrivate: config.WEBHOOK_ALLOW_PRIVATE, onAttempt: observer.onAttempt });
  const onError = (error: unknown) => log.error({ err: error }, 'the job queue failed; it goes on');
  const jobs = role === 'worker' || role === 'all' ? await startJobs(db, [delivery], { onError }) : undefined;
  const dialer =
    role === 'dialer' || role === 'all'
      ? await dial(config, deps, jobs).catch(async (error: unknown) => {
          await jobs?.stop();
          throw error;
        })
      : undefined;
  return {
    wake: () => dialer?.wake(),
    stop: async () => {
      // The dialer first: what its last calls have to tell is then enqueued.
      await dialer?.stop({ drainMs: DRAIN });
      await jobs?.stop();
    },
  };
};
