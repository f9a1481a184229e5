// An assistant straight into the database, for tests of what only needs one to be there in a certain state.

import type { Insertable } from 'kysely';
import type { AssistantsTable, Db } from '../../src/db/schema.ts';

/** Inserts an outbound assistant without number and time zone; `fields` say otherwise. */
export const insertAssistant = async (
  db: Db,
  accountId: number,
  now: Date,
  fields: Partial<Insertable<AssistantsTable>> = {},
): Promise<{ id: number; uuid: string }> =>
  db
    .insertInto('assistants')
    .values({
      account_id: accountId,
      name: 'Ava',
      type: 'outbound',
      mode: 'pipeline',
      timezone: null,
      phone_number_id: null,
      variables: '{}',
      post_call_schema: '[]',
      is_webhook_active: false,
      settings: '{}',
      created_at: now,
      updated_at: now,
      ...fields,
    })
    .returning(['id', 'uuid'])
    .executeTakeFirstOrThrow();
