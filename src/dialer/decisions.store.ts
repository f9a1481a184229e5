// Why somebody was called, or not: a row for each. The same refusal of a campaign again only counts up, so that a closed
// night is one row and not one for every look at the clock.
import { sql } from 'kysely';
import type { Db } from '../db/schema.ts';
import type { RefusalReason } from './ledger.ts';
import { isCounted, type RefusalFacts, type RefusedLead, ROWS_TO_FOLD, repeatedRefusal } from './refusals.ts';

/** Whom a refusal of a whole campaign concerns. */
export interface RefusedCampaign {
  id: number;
  account_id: number;
}

/** Records why a campaign calls nobody now. Whoever calls it holds the campaign, or the lines of its account. */
export const refuseCampaign = async (
  trx: Db,
  { id, account_id }: RefusedCampaign,
  reason: RefusalReason,
  { same, first }: RefusalFacts,
  now: Date,
): Promise<void> => {
  const last = await trx
    .selectFrom('decisions')
    .select(['id', 'reason', 'facts', 'last_at'])
    .where('campaign_id', '=', id)
    .where('lead_id', 'is', null)
    .orderBy('id', 'desc')
    .limit(ROWS_TO_FOLD)
    .execute();
  const repeated = repeatedRefusal(last, reason, same);
  if (repeated !== undefined) {
    if (!isCounted(repeated, now)) return;
    await trx
      .updateTable('decisions')
      .set((eb) => ({ times: eb('times', '+', 1), last_at: now }))
      .where('id', '=', repeated.id)
      .execute();
    return;
  }
  await trx
    .insertInto('decisions')
    .values({
      account_id,
      campaign_id: id,
      lead_id: null,
      call_id: null,
      verdict: 'refuse',
      reason,
      facts: JSON.stringify({ ...same, ...first }),
      decided_at: now,
      last_at: now,
    })
    .execute();
};

/** Records why contacts of a campaign are not called. */
export const refuseLeads = async (trx: Db, campaign: RefusedCampaign, refused: readonly RefusedLead[], now: Date): Promise<void> => {
  if (refused.length === 0) return;
  await sql`
    insert into decisions (account_id, campaign_id, lead_id, verdict, reason, facts, decided_at, last_at)
    select ${campaign.account_id}::bigint, ${campaign.id}::bigint, r."leadId", 'refuse', r.reason, r.facts, ${now}::timestamptz, ${now}::timestamptz
    from json_to_recordset(${JSON.stringify(refused)}::json) as r ("leadId" bigint, reason text, facts json)`.execute(trx);
};
