// Up to which id the list of leads is settled. Ids are taken before their rows are committed, so a reader that has come to id 100
// may still see 95 appear behind it. Whoever takes ids therefore says, for the length of its transaction, beyond which id its own
// will lie; a reader that must not pass over anybody stays below the lowest of these.
import { sql } from 'kysely';
import type { Db } from '../db/schema.ts';

// The upper 16 bits of the advisory locks that say so; the rest is the id. Other locks have hashes for keys: one of those in 65,536 is
// taken for an id, and then a page is shorter for the moment.
const MARK = 0x4c44;

/** Takes ids for new leads, in ascending order. Until the transaction ends they hold the horizon. */
export const takeLeadIds = async (trx: Db, count: number): Promise<number[]> => {
  // Said before an id is taken. Shared: nobody waits.
  const { rows } = await sql<{ id: number }>`
    with said as materialized (
      select pg_advisory_xact_lock_shared((${MARK}::bigint << 48) + last_value) from leads_id_seq
    )
    select nextval('leads_id_seq') as id from said, generate_series(1, ${count}::integer)`.execute(trx);
  return rows.map(({ id }) => id).sort((a, b) => a - b);
};

/**
 * The id up to which every lead that will ever be there is there, for a statement that begins after this. The last id that was taken
 * is read before who still holds ids: whoever took that one or an earlier one is then seen holding it, or is through.
 */
export const readHorizon = async (db: Db): Promise<number> => {
  const { rows: taken } = await sql<{ last_value: number }>`select last_value from leads_id_seq`.execute(db);
  const { rows: held } = await sql<{ lowest: number | null }>`
    select min(((classid::bigint & 65535) << 32) | objid::bigint) as lowest
    from pg_locks
    where locktype = 'advisory' and objsubid = 1 and classid::bigint >> 16 = ${MARK}::bigint
      and database = (select oid from pg_database where datname = current_database())`.execute(db);
  return Math.min(taken[0]?.last_value ?? 0, held[0]?.lowest ?? Number.POSITIVE_INFINITY);
};
