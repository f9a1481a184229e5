// Time that passes when it is told to, so that a week is over in a moment. What is due at the same instant happens in the
// order in which it was asked for, one after the other: the same questions always get the same answers.
import { createHeap } from './heap.ts';
import type { Scheduler } from './scheduler.ts';

/** A scheduler whose clock stands still between calls of `advanceTo`. */
export interface VirtualTime extends Scheduler {
  /** When the next thing is due; undefined when nothing is. */
  next(): Date | undefined;
  /** Moves the clock forward, never back, and does what falls due on the way, awaiting each. */
  advanceTo(date: Date): Promise<void>;
}

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly act: () => void | Promise<void>;
  cancelled: boolean;
}

const isBefore = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** Virtual time from a first instant on. */
export const createVirtualTime = (start: Date): VirtualTime => {
  const heap = createHeap(isBefore);
  let now = start.getTime();
  let order = 0;

  const first = (): Entry | undefined => {
    while (heap.first()?.cancelled) heap.drop();
    return heap.first();
  };

  return {
    now: () => new Date(now),
    after: (ms, act) => {
      // Whole milliseconds: a Date holds no less, and `advanceTo(next())` has to arrive.
      const entry: Entry = { at: now + Math.max(0, Math.ceil(ms)), order, act, cancelled: false };
      order += 1;
      heap.put(entry);
      return () => {
        entry.cancelled = true;
      };
    },
    next: () => {
      const entry = first();
      return entry === undefined ? undefined : new Date(entry.at);
    },
    advanceTo: async (date) => {
      const target = date.getTime();
      for (let entry = first(); entry !== undefined && entry.at <= target; entry = first()) {
        heap.drop();
        now = Math.max(now, entry.at);
        const done = entry.act();
        if (done !== undefined) await done;
      }
      now = Math.max(now, target);
    },
  };
};
