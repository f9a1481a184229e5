// Campaigns and leads straight into the database: for tests of the list, which need many, or rows no client could make.
import { type Insertable, sql } from 'kysely';
import type { CampaignsTable, Db, LeadsTable } from '../../src/db/schema.ts';
import { START } from './clock.ts';
import { insertAssistant } from './insert-assistant.ts';

/** Inserts a campaign in draft with an assistant of its own; answers its id. */
export const insertCampaign = async (db: Db, accountId: number, fields: Partial<Insertable<CampaignsTable>> = {}): Promise<number> => {
  const now = new Date(START);
  const assistant = await insertAssistant(db, accountId, now);
  const { id } = await db
    .insertInto('campaigns')
    .values({
      account_id: accountId,
      assistant_id: assistant.id,
      name: 'Spring renewals',
      max_calls_in_parallel: 3,
      mark_complete_when_no_leads: true,
      allowed_hours_start_time: '00:00:00',
      allowed_hours_end_time: '23:59:00',
      allowed_days: '["monday"]',
      max_retries: 3,
      retry_interval: 60,
      retry_on_voicemail: false,
      retry_on_goal_incomplete: false,
      created_at: now,
      updated_at: now,
      ...fields,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
};

/** Inserts one lead, or a secondary contact where `primary_id` and `position` say so; answers its id. */
export const insertLead = async (
  db: Db,
  accountId: number,
  campaignId: number,
  fields: Partial<Insertable<LeadsTable>> = {},
): Promise<number> => {
  const now = new Date(START);
  const { id } = await db
    .insertInto('leads')
    .values({
      account_id: accountId,
      campaign_id: campaignId,
      phone_number: '+12025550100',
      variables: '{}',
      status: 'created',
      duplicate_allowed: true,
      created_at: now,
      updated_at: now,
      ...fields,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
};

/** Inserts `count` leads at once: numbers from +12020000001 on, the statuses in turn, a minute between each two. */
export const insertManyLeads = async (db: Db, accountId: number, campaignId: number, count: number): Promise<void> => {
  await sql`
    insert into leads (account_id, campaign_id, phone_number, variables, status, created_at, updated_at)
    select ${accountId}::bigint, ${campaignId}::bigint, '+1202' || lpad(g::text, 7, '0'), '{}',
      (array['created', 'scheduled', 'processing', 'completed', 'rescheduled', 'reached-max-retries', 'blacklisted'])[g % 7 + 1],
      ${new Date(START)}::timestamptz + g * interval '1 minute', ${new Date(START)}::timestamptz + g * interval '1 minute'
    from generate_series(1, ${count}::integer) g`.execute(db);
};
