// Lines in use: counted from the calls that go on, never kept in a counter, so that nothing can leak.
import { sql } from 'kysely';
import type { Db } from '../db/schema.ts';

/** The states of a call that takes a line. One whose fate is unknown counts too. */
export const ON_LINE = ['reserved', 'sending', 'live', 'unknown'] as const;

// The lock is taken by its number alone, so it needs no row: holders of an account's row go on meanwhile.
const key = (accountId: number) => sql`hashtextextended('lines', ${accountId}::bigint)`;

/** Waits until nobody else takes lines of the account, and keeps it so until the transaction ends. */
export const lockLines = async (trx: Db, accountId: number): Promise<void> => {
  await sql`select pg_advisory_xact_lock(${key(accountId)})`.execute(trx);
};

/** Like lockLines, but does not wait. @returns false when somebody else is taking lines now. */
export const tryLockLines = async (trx: Db, accountId: number): Promise<boolean> => {
  const { rows } = await sql<{ taken: boolean }>`select pg_try_advisory_xact_lock(${key(accountId)}) as taken`.execute(trx);
  return rows[0]?.taken === true;
};

/** Lines in use: in the whole account, and those of one campaign. */
export const countLines = async (trx: Db, accountId: number, campaignId: number | null): Promise<{ account: number; campaign: number }> =>
  trx
    .selectFrom('calls')
    .select((eb) => [
      eb.fn.countAll<number>().as('account'),
      eb.fn.countAll<number>().filterWhere('campaign_id', '=', campaignId).as('campaign'),
    ])
    .where('account_id', '=', accountId)
    .where('state', 'in', ON_LINE)
    .executeTakeFirstOrThrow();
