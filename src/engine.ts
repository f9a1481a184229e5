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
import type { Observer } from './monitoring/monitor.ts';
import { realTime } from './scheduler.ts';
import { type Deliveries, startDeliveries } from './webhooks/delivery-loop.ts';
import { enqueuePostCalls } from './webhooks/webhooks.store.ts';

/** What a process does. `all`: everything. */
export const ROLES = ['api', 'dialer', 'worker', 'all'] as const;
export type Role = (typeof ROLES)[number];

/** The only carrier there is so far. */
export const CARRIER = { kind: 'simulated', simulated: true } as const;

/** What runs in the background of a process. */
export interface Engine {
  /** There may be somebody to call, or something to deliver. Never throws. */
  wake(): void;
  /** Claims and sends nothing more from this instant on. Calls that go on have `leftMs` to end. See Part. */
  stop(leftMs: number): Promise<void>;
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
/** What is left of a stop for the last reports, when the calls that go on were given the rest. */
const REPORTING_MS = 1.5 * SECOND;

const createCarrier = ({ SIMULATED_CARRIER_URL: url, SIMULATION_SPEED: speed }: Config, clock: Clock): Carrier =>
  url === undefined ? createSimulatedCarrier({ scheduler: realTime(clock), speed }) : createRemoteSimulatedCarrier(url);

const dial = (config: Config, { db, clock, log, observer }: EngineDeps, deliveries: Deliveries | undefined): Promise<Dialer> => {
  const placeTimeoutMs = config.CARRIER_TIMEOUT * SECOND;
  const ledger = createSqlLedger(db, {
    clock: databaseClock,
    // The timeout, and as long again for the answer to be recorded.
    sendingMs: 2 * placeTimeoutMs,
    reportWaitMs: config.REPORT_WAIT * SECOND,
    tell: async (trx, callIds, now) => {
      await enqueuePostCalls(trx, callIds, now);
      deliveries?.wake();
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
  const onError = (error: unknown) => log.error({ err: error }, 'delivering webhooks failed; it goes on');
  const delivery = { db, clock, allowPrivate: config.WEBHOOK_ALLOW_PRIVATE, onError, onAttempt: observer.onAttempt };
  const deliveries = role === 'worker' || role === 'all' ? startDeliveries(delivery) : undefined;
  const dialer =
    role === 'dialer' || role === 'all'
      ? await dial(config, deps, deliveries).catch(async (error: unknown) => {
          await deliveries?.stop();
          throw error;
        })
      : undefined;
  return {
    wake: () => dialer?.wake(),
    stop: async (leftMs) => {
      const drainMs = Math.max(0, leftMs - REPORTING_MS);
      await Promise.all([dialer?.stop({ drainMs }), deliveries?.stop()]);
    },
  };
};
