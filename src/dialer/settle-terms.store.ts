// What the ends of calls are judged by: the policy and the window of their campaigns, as they are now.

import type { CallingWindow } from '../campaigns/calling-window.ts';
import { campaignZone } from '../campaigns/campaign.ts';
import type { RetryPolicy } from '../campaigns/retry-policy.ts';
import type { CampaignRow, Db } from '../db/schema.ts';
import type { SettleTerms } from './settle.ts';

/** The terms of one call. */
export interface CallTerms {
  evaluates: boolean;
  /** Undefined for a call outside of campaigns. */
  terms: SettleTerms | undefined;
}

/** The window of a campaign, in its zone, else its account's, else its assistant's. */
export const windowOf = (campaign: CampaignRow & { account_zone: string | null; assistant_zone: string | null }): CallingWindow => ({
  zone: campaignZone(campaign.timezone, campaign.account_zone, campaign.assistant_zone) ?? 'UTC',
  // Checked by the schema when they were set.
  days: campaign.allowed_days as CallingWindow['days'],
  start: campaign.allowed_hours_start_time,
  end: campaign.allowed_hours_end_time,
});

/** The retry policy of a campaign. */
export const policyOf = (campaign: CampaignRow): RetryPolicy => ({
  maxRetries: campaign.max_retries,
  retryIntervalMinutes: campaign.retry_interval,
  retryOnVoicemail: campaign.retry_on_voicemail,
  goal: campaign.retry_on_goal_incomplete ? campaign.goal_completion_variable : null,
});

const readCampaigns = async (trx: Db, ids: readonly number[]) => {
  if (ids.length === 0) return new Map<number, SettleTerms>();
  const rows = await trx
    .selectFrom('campaigns')
    .innerJoin('accounts', 'accounts.id', 'campaigns.account_id')
    .innerJoin('assistants', 'assistants.id', 'campaigns.assistant_id')
    .selectAll('campaigns')
    .select(['accounts.timezone as account_zone', 'assistants.timezone as assistant_zone'])
    .where('campaigns.id', 'in', [...new Set(ids)])
    .execute();
  return new Map(rows.map((row): [number, SettleTerms] => [row.id, { policy: policyOf(row), window: windowOf(row) }]));
};

const readEvaluation = async (trx: Db, assistantIds: readonly number[]): Promise<Map<number, boolean>> => {
  const rows = await trx
    .selectFrom('assistants')
    .select(['id', 'settings'])
    .where('id', 'in', [...new Set(assistantIds)])
    .execute();
  return new Map(rows.map(({ id, settings }) => [id, settings.post_call_evaluation !== false]));
};

/** The terms of each call, by its id. */
export const readTerms = async (
  trx: Db,
  calls: readonly { id: number; campaign_id: number | null; lead_id: number | null; assistant_id: number }[],
  /** Where their leads are now: one may have been moved during its call. */
  campaignOfLead: ReadonlyMap<number, number>,
): Promise<Map<number, CallTerms>> => {
  if (calls.length === 0) return new Map();
  const campaigns = await readCampaigns(
    trx,
    calls.flatMap(({ campaign_id, lead_id }) => campaignOfLead.get(lead_id ?? 0) ?? campaign_id ?? []),
  );
  const evaluation = await readEvaluation(
    trx,
    calls.map(({ assistant_id }) => assistant_id),
  );
  return new Map(
    calls.map(({ id, campaign_id, lead_id, assistant_id }) => [
      id,
      { evaluates: evaluation.get(assistant_id) ?? true, terms: campaigns.get(campaignOfLead.get(lead_id ?? 0) ?? campaign_id ?? 0) },
    ]),
  );
};
