// What a PostgreSQL server does by itself (autovacuum), and the embedded one does not: statistics, without which the planner takes
// tables for empty, and dead rows. In small bites, since there is one connection.
import { sql } from 'kysely';
import type { Db } from './schema.ts';

/** Looks after a database until it is stopped. */
export interface Upkeep {
  /** Ends after the statement at hand. */
  stop(): Promise<void>;
}

const LOOK_MS = 5000;
const SWEEP_EVERY = 60;
const VACUUM_EVERY = 4320;

// Below this a wrong plan costs nothing.
const FEW = 1000;

// Named, because without names ANALYZE computes the expressions of all indexes for its sample, which takes seconds.
const ANALYZED = sql.raw('leads (id, account_id, campaign_id, primary_id, phone_number, status, due_at, created_at, updated_at)');

/**
 * Has the planner learn how many leads there are, if there are more than twice as many as it knows of: at 100,000 leads a page of the
 * list takes 110 ms without, and 4 with it.
 * @returns whether it was needed.
 */
export const learnSizes = async (db: Db): Promise<boolean> => {
  const { rows } = await sql<{ stale: boolean }>`
    select (select coalesce(sum(n), 0) from lead_spans where campaign_id = 0) + (select coalesce(sum(n), 0) from lead_count_changes)
      > ${FEW} + 2 * (
        select case when exists (select from pg_statistic where starelid = 'leads'::regclass) then greatest(reltuples, 0) else 0 end
        from pg_class where oid = 'leads'::regclass
      ) as stale`.execute(db);
  if (rows[0]?.stale !== true) return false;
  await db.transaction().execute(async (trx) => {
    // A sample of 1,500 rows: one of the usual 30,000 makes everybody wait for a second, and tells the plans nothing more.
    await sql`set local default_statistics_target = 5`.execute(trx);
    await sql`analyze ${ANALYZED}`.execute(trx);
    await sql`analyze lead_spans, lead_cells, campaigns, accounts`.execute(trx);
  });
  return true;
};

// Rows of these are written and removed all the time.
const sweep = (db: Db) => sql`vacuum lead_count_changes, lead_cells, lead_spans`.execute(db);

/** Starts the upkeep of an embedded database. */
export const startUpkeep = (db: Db, onError: (error: unknown) => void): Upkeep => {
  let round = 0;
  let working: Promise<void> = Promise.resolve();
  const tend = async (): Promise<void> => {
    round += 1;
    await learnSizes(db);
    if (round % SWEEP_EVERY === 0) await sweep(db);
    if (round % VACUUM_EVERY === 0) await sql`vacuum`.execute(db);
  };
  const begin = (): void => {
    working = working.then(tend).catch(onError);
  };
  const timer = setInterval(begin, LOOK_MS);
  begin();
  return {
    stop: async () => {
      clearInterval(timer);
      await working;
    },
  };
};
