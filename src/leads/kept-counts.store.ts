// What statements about an account's leads begin with.
import { type RawBuilder, sql } from 'kysely';

/** `gone`: the campaigns of an account that are deleted and wait for their purge. There is rarely one. */
export const gone = (accountId: number): RawBuilder<unknown> => sql`
  gone as materialized (
    select array(select id from campaigns where account_id = ${accountId}::bigint and deleted_at is not null) as ids
  )`;
