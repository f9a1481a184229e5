// Says a thing that would be said again and again at most every so often.                                              [pure]
import type { Scheduler } from '../scheduler.ts';

/** A function that calls `say` at once, and then not before `everyMs` milliseconds have passed. What is said meanwhile is passed over. */
export const sparsely = <Args extends unknown[]>({ now }: Pick<Scheduler, 'now'>, everyMs: number, say: (...args: Args) => void) => {
  let saidAt: number | undefined;
  return (...args: Args): void => {
    const at = now().getTime();
    // A clock that was set back is no reason to be silent.
    if (saidAt !== undefined && at >= saidAt && at - saidAt < everyMs) return;
    saidAt = at;
    say(...args);
  };
};
