// An account to measure with.
import { sql } from 'kysely';
import { insertAccount, mintKey } from '../../src/accounts/accounts.store.ts';
import type { Db } from '../../src/db/schema.ts';

/** An account with a key, an assistant and campaigns. */
export interface BenchAccount {
  id: number;
  token: string;
  campaigns: number[];
}

/** Makes an account with that many campaigns. */
export const makeAccount = async (db: Db, campaigns = 1): Promise<BenchAccount> => {
  const now = new Date();
  const { id } = await insertAccount(db, { name: 'Bench', email: 'bench@outdial.example' }, now);
  const { token } = await mintKey(db, id, 'bench', now);
  const made = await sql<{ id: number }>`
    with assistant as (
      insert into assistants (account_id, name, type, mode, variables, post_call_schema, is_webhook_active, settings, created_at, updated_at)
      values (${id}::bigint, 'Bench', 'outbound', 'pipeline', '{}', '[]', false, '{}', now(), now()) returning id
    )
    insert into campaigns (account_id, assistant_id, name, max_calls_in_parallel, mark_complete_when_no_leads, allowed_hours_start_time,
      allowed_hours_end_time, allowed_days, max_retries, retry_interval, retry_on_voicemail, retry_on_goal_incomplete, created_at, updated_at)
    select ${id}::bigint, assistant.id, 'Campaign', 3, true, '00:00:00', '23:59:00', '[]', 3, 60, false, false, now(), now()
    from assistant, generate_series(1, ${campaigns}::integer) returning id`.execute(db);
  return { id, token, campaigns: made.rows.map((row) => row.id) };
};
