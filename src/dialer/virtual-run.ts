// A dialer on virtual time: time stands still while anything is being done, and jumps to the next instant at which something is.
import type { VirtualTime } from '../virtual-time.ts';
import type { Dialer } from './dialer.ts';
import type { Ledger } from './ledger.ts';

/** A ledger that tells whether anything is being asked of it. */
export interface WatchedLedger {
  ledger: Ledger;
  busy(): boolean;
}

/** The same ledger, watched. */
export const watchLedger = (inner: Ledger): WatchedLedger => {
  let open = 0;
  const watch =
    <Args extends unknown[], Result>(act: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      open += 1;
      try {
        return await act(...args);
      } finally {
        open -= 1;
      }
    };
  const ledger: Ledger = {
    running: watch(inner.running),
    claim: watch(inner.claim),
    adopt: watch(inner.adopt),
    send: watch(inner.send),
    release: watch(inner.release),
    accepted: watch(inner.accepted),
    rejected: watch(inner.rejected),
    unconfirmed: watch(inner.unconfirmed),
    record: watch(inner.record),
    lapse: watch(inner.lapse),
    beat: watch(inner.beat),
    leave: watch(inner.leave),
    takeOver: watch(inner.takeOver),
    questions: watch(inner.questions),
    gone: watch(inner.gone),
    giveUp: watch(inner.giveUp),
    held: watch(inner.held),
    completeIdle: watch(inner.completeIdle),
  };
  return { ledger, busy: () => open > 0 };
};

const macrotask = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

// What follows from an answer of the ledger runs in microtasks, so a pause of a whole round shows whether anything does.
const untilQuiet = async (dialer: Dialer, busy: () => boolean): Promise<void> => {
  do await macrotask();
  while (!dialer.asleep() || busy());
};

/** Lets virtual time run until `until`, or until `done` says so. */
export const runUntil = async (
  time: VirtualTime,
  dialer: Dialer,
  busy: () => boolean,
  until: Date,
  done: () => boolean = () => false,
): Promise<void> => {
  for (;;) {
    await untilQuiet(dialer, busy);
    const next = time.next();
    if (done() || next === undefined || next > until) break;
    await time.advanceTo(next);
  }
  if (!done()) await time.advanceTo(until);
  await untilQuiet(dialer, busy);
};
