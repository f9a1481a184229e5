// When something is to happen: on the machine's timers here, on a clock of its own in virtual-time.ts.
import type { Clock } from './clock.ts';

/** Does things later. */
export interface Scheduler {
  now(): Date;
  /** Calls back after `ms`, unless the function it returns has been called before. What is called back must not fail. */
  after(ms: number, act: () => void | Promise<void>): () => void;
}

/** Timers of the machine, beside a clock that tells the same time. */
export const realTime = (clock: Clock): Scheduler => ({
  now: clock,
  after: (ms, act) => {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
});
