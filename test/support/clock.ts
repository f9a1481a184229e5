// The tests' clock: it stands still until it is told to move.
import type { Clock } from '../../src/clock.ts';

/** A clock in the test's hand. */
export interface TestClock extends Clock {
  /** The instant that it shows. */
  readonly now: Date;
  /** Moves it to an instant. */
  set(to: Date | string): void;
  /** Moves it on by milliseconds. */
  advance(milliseconds: number): void;
  /** From here on it shows what another clock does. */
  follow(other: Clock): void;
}

/** Where each test's time begins. */
export const START = '2026-03-02T08:15:40Z';

/** Makes a clock that stands at `start`. */
export const createClock = (start: Date | string = START): TestClock => {
  let instant = new Date(start).getTime();
  let tellInstead: Clock | undefined;
  const tell = () => tellInstead?.() ?? new Date(instant);
  const hands = {
    set: (to: Date | string) => {
      instant = new Date(to).getTime();
    },
    advance: (milliseconds: number) => {
      instant += milliseconds;
    },
    follow: (other: Clock) => {
      tellInstead = other;
    },
  };
  return Object.defineProperty(Object.assign(tell, hands), 'now', { get: tell }) as TestClock;
};
