// Several reads that must agree with each other.
import type { Db } from './schema.ts';

/** Runs reads on one snapshot, so that a total and the rows of its page are of the same instant. Nothing can be written in it. */
export const inSnapshot = <Result>(db: Db, read: (trx: Db) => Promise<Result>): Promise<Result> =>
  db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(read);
