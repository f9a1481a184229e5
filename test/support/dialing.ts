// A dialer at work on a test's database, with the simulated carrier, on a clock that only moves when the test says so.
import { pino } from 'pino';
import type { Carrier } from '../../src/carriers/carrier.ts';
import { createSimulatedCarrier, type SimulatedCarrier } from '../../src/carriers/simulated/simulated-carrier.ts';
import { type Dialer, type DialerSettings, startDialer } from '../../src/dialer/dialer.ts';
import { givenClock } from '../../src/dialer/lease.store.ts';
import { createSqlLedger } from '../../src/dialer/sql-ledger.store.ts';
import { runUntil, watchLedger } from '../../src/dialer/virtual-run.ts';
import { createVirtualTime } from '../../src/virtual-time.ts';
import type { TestApp } from './app.ts';
import { closeLater } from './closing.ts';

export interface Dialing {
  dialer: Dialer;
  carrier: SimulatedCarrier;
  /** Lets time pass: milliseconds. The application's clock goes along. */
  pass(ms: number): Promise<void>;
}

const MINUTE = 60_000;

/** Starts a dialer on the application's database and clock. */
export const startDialing = async (
  t: TestApp,
  { settings, wrap = (carrier) => carrier }: { settings?: Partial<DialerSettings>; wrap?: (carrier: SimulatedCarrier) => Carrier } = {},
): Promise<Dialing> => {
  const time = createVirtualTime(t.clock());
  const carrier = createSimulatedCarrier({ scheduler: time });
  const { ledger, busy } = watchLedger(
    createSqlLedger(t.db, { clock: givenClock, sendingMs: MINUTE / 3, reportWaitMs: MINUTE, tell: async () => {} }),
  );
  const dialer = await startDialer({
    ledger,
    carrier: wrap(carrier),
    schedule: time,
    log: pino({ level: process.env.TEST_LOG ?? 'silent' }),
    // An hour of virtual time is 12 looks then, and not 3600; what is due at an instant is done at that instant all the same.
    settings: { idleMs: 5 * MINUTE, ...settings },
  });
  closeLater(() => dialer.stop());
  // One clock for both: the application reads what the virtual time says.
  t.clock.follow(time.now);
  return {
    dialer,
    carrier,
    pass: async (ms) => {
      dialer.wake();
      await runUntil(time, dialer, busy, new Date(time.now().getTime() + ms));
      // Whatever the next look would find, a test need not wait for it.
      dialer.wake();
      await runUntil(time, dialer, busy, time.now());
    },
  };
};
