// Calls started within the last second: counted from the calls themselves, as lines are.
import { sql } from 'kysely';
import type { Db } from '../db/schema.ts';

const SECOND = 1000;

/**
 * Calls started within the last second by a campaign, from a number, or over a carrier; at most `rate` are counted. A rate of 0
 * is no limit, and nothing is counted.
 */
export const startedSince = async (
  trx: Db,
  column: 'campaign_id' | 'caller_number_id' | 'carrier',
  value: number | string,
  rate: number,
  now: Date,
): Promise<number> => {
  if (rate === 0) return 0;
  // Looks at no more rows than the rate allows: if all of them are of the last second, it is used up. What another machine's
  // clock, or this one's before it was set back, calls the future does not count for long.
  const { rows } = await sql<{ n: number }>`
    select count(*)::integer as n from (
      select created_at from calls where ${sql.ref(column)} = ${value} order by id desc limit ${rate}
    ) recent
    where created_at > ${new Date(now.getTime() - SECOND)} and created_at < ${new Date(now.getTime() + SECOND)}`.execute(trx);
  return rows[0]?.n ?? 0;
};

/** Calls started from each of some numbers within the last second. */
export const startedByNumber = async (
  trx: Db,
  numbers: readonly { id: number }[],
  rate: number,
  now: Date,
): Promise<ReadonlyMap<number, number>> => {
  const started = new Map<number, number>();
  for (const { id } of rate === 0 ? [] : numbers) started.set(id, await startedSince(trx, 'caller_number_id', id, rate, now));
  return started;
};

// All accounts call over one carrier, so the locks on their lines do not keep its rate.
const key = (carrier: string) => sql`hashtextextended(${`rate of ${carrier}`}, 0)`;

/** Waits until nobody else starts calls over the carrier, and keeps it so until the transaction ends. Taken right after the lines. */
export const lockRate = async (trx: Db, carrier: string, rate: number): Promise<void> => {
  if (rate > 0) await sql`select pg_advisory_xact_lock(${key(carrier)})`.execute(trx);
};

/** Like lockRate, but does not wait. @returns false when somebody else is starting calls over it now. */
export const tryLockRate = async (trx: Db, carrier: string, rate: number): Promise<boolean> => {
  if (rate === 0) return true;
  const { rows } = await sql<{ taken: boolean }>`select pg_try_advisory_xact_lock(${key(carrier)}) as taken`.execute(trx);
  return rows[0]?.taken === true;
};
