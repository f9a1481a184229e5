// Connections among those who use them: requests of one account that all wait for the same lock must not take every connection there is.
import { AsyncLocalStorage } from 'node:async_hooks';

/** The account for which something is done, as far as it is done for one. */
export const actingFor = new AsyncLocalStorage<number>();

/** Of all connections, the part that one account may use at once. */
const SHARE = 0.6;

/** Hands out the accounts' shares. */
export interface Shares {
  /**
   * Takes one for whoever is acting; waits while its account uses up its share. @returns what gives it back, to be called once;
   * undefined where none was to be had in time.
   */
  take(): Promise<(() => void) | undefined>;
}

/** `connections`: how many there are. `waitMs`: how long one is waited for; 0: for ever. */
export const createShares = (connections: number, waitMs: number): Shares => {
  const most = Math.max(1, Math.floor(connections * SHARE));
  const used = new Map<number, number>();
  const waiting = new Map<number, (() => void)[]>();

  const giveBack = (accountId: number): void => {
    const next = waiting.get(accountId)?.shift();
    // Who waits gets it right away, so the number stays.
    if (next !== undefined) {
      next();
      return;
    }
    const left = (used.get(accountId) ?? 1) - 1;
    if (left > 0) used.set(accountId, left);
    else {
      used.delete(accountId);
      waiting.delete(accountId);
    }
  };

  // @returns whether it was got in time.
  const queue = (accountId: number): Promise<boolean> =>
    new Promise((resolve) => {
      const all = waiting.get(accountId) ?? [];
      waiting.set(accountId, all);
      const leave = (): void => {
        all.splice(all.indexOf(take), 1);
        resolve(false);
      };
      const timer = waitMs === 0 ? undefined : setTimeout(leave, waitMs);
      const take = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      all.push(take);
    });

  return {
    take: async () => {
      const accountId = actingFor.getStore();
      if (accountId === undefined) return () => {};
      const now = used.get(accountId) ?? 0;
      if (now < most) used.set(accountId, now + 1);
      else if (!(await queue(accountId))) return undefined;
      return () => giveBack(accountId);
    },
  };
};
