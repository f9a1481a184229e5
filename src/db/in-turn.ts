// Turns of long transactions. Those of one account wait for each other in the database anyway, and each that waits there would hold a
// connection of the pool: ten requests of one account would leave none for the dialing of all others. Here they wait without one.
import type { Db } from './schema.ts';

/** Runs `act` when it is the turn of its account. */
export type Turns = <Result>(accountId: number, act: () => Promise<Result>) => Promise<Result>;

/**
 * Turns of which at most `atOnce` run at a time, and one of each account. Within an account they go in the order in which they came;
 * an account that has had a turn goes behind all accounts that wait.
 */
export const createTurns = (atOnce: number): Turns => {
  // An account is listed while one of its turns runs or waits.
  const waiting = new Map<number, (() => Promise<void>)[]>();
  const ready: number[] = [];
  let running = 0;

  const runNext = (): void => {
    while (running < atOnce) {
      const accountId = ready.shift();
      if (accountId === undefined) return;
      const work = waiting.get(accountId)?.shift();
      if (work === undefined) continue;
      running += 1;
      void work().finally(() => {
        running -= 1;
        if (waiting.get(accountId)?.length === 0) waiting.delete(accountId);
        else ready.push(accountId);
        runNext();
      });
    }
  };

  return (accountId, act) =>
    new Promise((resolve, reject) => {
      const work = (): Promise<void> => act().then(resolve, reject);
      const own = waiting.get(accountId);
      if (own === undefined) {
        waiting.set(accountId, [work]);
        ready.push(accountId);
      } else own.push(work);
      runNext();
    });
};

/** What takes turns. Each has places of its own: an opt-out does not wait for the bulk requests of others. */
export type LongAct = 'block' | 'bulk';

// Of the ten connections of a pool.
const AT_ONCE = 2;

const turnsOf = new WeakMap<Db, Record<LongAct, Turns>>();

/** Runs a long transaction of an account in its turn, among those that go through this `db`. It must not be part of another transaction. */
export const inTurn = <Result>(db: Db, kind: LongAct, accountId: number, act: () => Promise<Result>): Promise<Result> => {
  const turns = turnsOf.get(db) ?? { block: createTurns(AT_ONCE), bulk: createTurns(AT_ONCE) };
  turnsOf.set(db, turns);
  return turns[kind](accountId, act);
};
