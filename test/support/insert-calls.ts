// Calls straight into the database: for tests of what is answered about them, which need no dialer.
import { type Insertable, sql } from 'kysely';
import type { CallsTable, Db } from '../../src/db/schema.ts';
import { START } from './clock.ts';

/** Inserts a call that was completed, unless `fields` say otherwise; answers its id. */
export const insertCall = async (
  db: Db,
  accountId: number,
  assistantId: number,
  fields: Partial<Insertable<CallsTable>> = {},
): Promise<number> => {
  const now = new Date(START);
  const { id } = await db
    .insertInto('calls')
    .values({
      account_id: accountId,
      assistant_id: assistantId,
      campaign_id: null,
      campaign_name: null,
      lead_id: null,
      attempt_no: null,
      state: 'ended',
      status: 'completed',
      phone_number: '+12025550143',
      caller_number: '+12025550100',
      caller_number_id: null,
      carrier: 'simulated',
      simulated: true,
      worker: 'test',
      sent_at: now,
      variables: '{}',
      created_at: now,
      updated_at: now,
      ...fields,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
};

/** Inserts `count` calls at once: numbers from +12020000001 on, the statuses in turn, a minute between each two. */
export const insertManyCalls = async (
  db: Db,
  accountId: number,
  assistantId: number,
  campaignId: number | null,
  count: number,
): Promise<void> => {
  await sql`
    insert into calls (account_id, assistant_id, campaign_id, state, status, phone_number, caller_number, carrier, simulated, worker,
      sent_at, variables, transcript, created_at, updated_at)
    select ${accountId}::bigint, ${assistantId}::bigint, ${campaignId}::bigint, 'ended',
      (array['busy', 'completed', 'no-answer', 'failed', 'completed'])[g % 5 + 1],
      '+1202' || lpad(g::text, 7, '0'), '+12025550100', 'simulated', true, 'test',
      ${new Date(START)}::timestamptz + g * interval '1 minute', '{"first_name": "Mara", "city": "Vienna"}',
      json_build_array(json_build_object('text', repeat('Hello. ', 60), 'type', 'transcript', 'sender', 'bot', 'timestamp', 1)),
      ${new Date(START)}::timestamptz + g * interval '1 minute', ${new Date(START)}::timestamptz + g * interval '1 minute'
    from generate_series(1, ${count}::integer) g`.execute(db);
};
