// Transactions: those that begin anew when somebody else was in the way by chance, and those that may be part of another.
import { isLockTimeout } from './limits.ts';
import type { Db } from './schema.ts';

/** What a transaction may throw that has found itself outrun, to begin anew. */
export const RACED = { code: '40001' };

const ATTEMPTS = 4;
const DEADLOCK = '40P01';
const isPassing = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && (error.code === DEADLOCK || error.code === RACED.code);

/** Runs a transaction, up to four times where it was chosen to end a deadlock or has been outrun. `act` must do nothing outside of it. */
export const transact = async <Result>(db: Db, act: (trx: Db) => Promise<Result>): Promise<Result> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await db.transaction().execute(act);
    } catch (error) {
      if (attempt === ATTEMPTS || !isPassing(error)) throw error;
    }
  }
};

/** Runs `act` in the transaction that the caller has begun, or in one of its own. */
export const within = <Result>(db: Db, act: (trx: Db) => Promise<Result>): Promise<Result> =>
  db.isTransaction ? act(db) : db.transaction().execute(act);

const INSISTED_ATTEMPTS = 3;

/**
 * For acts that are worth waiting for, as an opt-out and a stop are: begins again when a lock could not be had in time, up to three times, each
 * of which waits as long as any act. `act` is a transaction.
 */
export const insist = async <Result>(act: () => Promise<Result>): Promise<Result> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await act();
    } catch (error) {
      if (attempt === INSISTED_ATTEMPTS || !isLockTimeout(error)) throw error;
    }
  }
};
