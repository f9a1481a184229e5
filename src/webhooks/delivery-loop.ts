// The worker: claims messages that are due, delivers them side by side, and renews the leases of those that it is at.
import { databaseClock, type LeaseClock } from '../dialer/lease.store.ts';
import { claimMessages, type FullMessage, LEASE_MS, renewLeases } from './claim.store.ts';
import { type DeliveryDeps, deliver } from './deliver.ts';

/** How a worker works. */
export interface LoopOptions extends DeliveryDeps {
  /** Hears of what fails. The worker goes on. */
  onError(error: unknown): void;
  /** What leases run on; the database's clock where it is not given. */
  leaseClock?: LeaseClock;
  /** How long a stop waits for answers before it breaks them off. */
  graceMs?: number;
}

/** A worker at work. */
export interface Deliveries {
  /** There may be something to deliver: looks at once. Never throws. */
  wake(): void;
  /** Claims no more from here on. What is under way has `graceMs` to end, counted from now. */
  halt(): void;
  /** The same, and waits for what is under way. */
  stop(): Promise<void>;
}

/** Deliveries at the same time in this process. */
const PLACES = 100;
/** Of one account to one host, in all processes together: a stranger's server may take its ten seconds. */
const PLACES_OF_GROUP = 20;
/** So that what else uses the database gets its turn. */
const CLAIMED_AT_ONCE = 50;
const IDLE_MS = 1000;
/** So that many small messages are claimed together. */
const BUSY_MS = 25;
const RENEW_MS = LEASE_MS / 4;
const GRACE_MS = 5000;
/** After an attempt that the database would not take: neither is its receiver to get it every few seconds, nor is it to be forgotten. */
const FAILED_MS = 60_000;

/**
 * What a claim may take with so many places free. The fewer there are, the less may one group or one account take of them:
 * so slow receivers never hold all places, and whoever is new finds one.
 */
export const allowance = (free: number) => ({
  limit: Math.min(free, CLAIMED_AT_ONCE),
  perGroup: Math.min(PLACES_OF_GROUP, Math.max(1, Math.floor(free / 4))),
  perAccount: Math.max(1, free),
});

/** A pause that can be cut short. */
const createBell = () => {
  let ring = () => {};
  let rung = false;
  return {
    ring: (): void => {
      rung = true;
      ring();
    },
    wait: async (ms: number): Promise<void> => {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          ring = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      rung = false;
    },
  };
};

/** Starts a worker. The database stays the caller's to close, after `stop`. */
export const startDeliveries = (options: LoopOptions): Deliveries => {
  const { db, clock, onError, leaseClock = databaseClock, graceMs = GRACE_MS } = options;
  const bell = createBell();
  const breakOff = new AbortController();
  const held = new Map<number, FullMessage>();
  const running = new Set<Promise<void>>();
  let stopping = false;
  let grace: NodeJS.Timeout | undefined;

  const work = async (message: FullMessage): Promise<void> => {
    try {
      await deliver(options, message, breakOff.signal);
    } catch (error) {
      onError(error);
      await renewLeases(db, leaseClock, [message], clock(), FAILED_MS).catch(onError);
    } finally {
      if (held.get(message.id) === message) held.delete(message.id);
      bell.ring();
    }
  };

  const begin = (message: FullMessage): void => {
    held.set(message.id, message);
    const done = work(message).finally(() => running.delete(done));
    running.add(done);
  };

  // @returns how long to wait for the bell before the next claim.
  const claim = async (): Promise<number> => {
    const free = PLACES - running.size;
    if (free <= 0) return IDLE_MS;
    const { claimed, contended } = await claimMessages(db, leaseClock, { ...allowance(free), held: [...held.keys()] }, clock());
    for (const message of claimed) begin(message);
    return claimed.length > 0 || contended ? 0 : IDLE_MS;
  };

  const loop = async (): Promise<void> => {
    while (!stopping) {
      const pauseMs = await claim().catch((error: unknown) => {
        onError(error);
        return -1;
      });
      if (stopping) return;
      if (pauseMs > 0) await bell.wait(pauseMs);
      // After a failure not before the second is over: the database may be in trouble.
      if (!stopping) await new Promise((resolve) => setTimeout(resolve, pauseMs < 0 ? IDLE_MS : BUSY_MS));
    }
  };
  const looping = loop();

  let renewing: Promise<void> | undefined;
  const renewal = setInterval(() => {
    renewing ??= renewLeases(db, leaseClock, [...held.values()], clock())
      .catch(onError)
      .finally(() => {
        renewing = undefined;
      });
  }, RENEW_MS);

  const halt = (): void => {
    if (stopping) return;
    stopping = true;
    bell.ring();
    grace = setTimeout(() => breakOff.abort(), graceMs);
  };

  return {
    wake: bell.ring,
    halt,
    stop: async () => {
      halt();
      await looping;
      await Promise.all(running);
      clearTimeout(grace);
      clearInterval(renewal);
      await renewing;
    },
  };
};
